"""Campaigns on the control plane: how many there may be, one for each key, and what goes when one is deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from tests.factories import make_order
from tests.integration.edge.callers import CHECKOUT, NUMBER, OPERATOR, SENDER, Answer, Caller, Recorder, template
from tests.integration.edge.conftest import NodeMaker
from tests.waiting import until
from tidegate.app import Node
from tidegate.edge.denials import Kind
from tidegate.edge.door.turnstile import Turnstile
from tidegate.edge.services import Services
from tidegate.errors import StoreUnavailable
from tidegate.policy.campaign.fate import Fate
from tidegate.store import campaigns as store_campaigns
from tidegate.store.audiences import Audiences
from tidegate.store.campaigns import Audience, CampaignRecord, Campaigns
from tidegate.store.fates import RowFate
from tidegate.store.idempotency import Idempotency
from tidegate.store.scripts import StoreClient

CAMPAIGNS, PORTFOLIO = "/gateway/v1/campaigns", "lucky-shrub"
ROWS = [{"to": f"1650555000{row}", "first_name": "Ann"} for row in range(1, 4)]


@pytest.fixture
async def node(make_node: NodeMaker, graph: Recorder) -> Node:
    return await make_node(graph.url)


@pytest.fixture
def call(node: Node, session: aiohttp.ClientSession) -> Caller:
    return Caller.of(node, session)


async def ordered(call: Caller, key: str = CHECKOUT, idempotency: str | None = None, **changes: Any) -> Answer:
    headers = {} if idempotency is None else {"Idempotency-Key": idempotency}
    return await call("POST", CAMPAIGNS, key, json=make_order(**{"audience": ROWS} | changes), headers=headers)


async def count(call: Caller) -> int:
    return len((await call("GET", CAMPAIGNS, OPERATOR)).body["campaigns"])


async def put(node: Node, campaign_id: str, state: str) -> None:
    """The campaign as it is once it has come so far, with fates of its rows."""
    now_ms = (await node.services.ledger.books(PORTFOLIO)).now_ms

    def over(known: CampaignRecord) -> CampaignRecord:
        return replace(known, progress={"state": state, "since_ms": now_ms})

    await node.services.fates.open(PORTFOLIO, campaign_id, 3, now_ms + 86_400_000)
    await node.services.fates.write(PORTFOLIO, campaign_id, [RowFate(1, 0, Fate.READ)])
    assert await node.services.campaigns.change(PORTFOLIO, campaign_id, over) is not None


async def test_an_app_that_has_as_many_campaigns_as_it_may_is_told_so_and_others_have_room(
    call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_campaigns, "MOST_OF_APP", 1)
    first = await ordered(call)

    refused = await ordered(call)
    assert (refused.status, refused.body["code"]) == (409, "conflict")
    assert refused.body["detail"].startswith("the app has 500 campaigns, as many as it may: delete drafts")
    assert (await ordered(call, SENDER)).status == 201

    assert (await call("DELETE", first["Location"] or "")).status == 200
    assert (await ordered(call)).status == 201


@pytest.mark.parametrize("state", ["finished", "cancelled"])
async def test_what_is_over_is_deleted_by_an_operator_with_all_that_was_kept_of_it(
    node: Node, call: Caller, client: StoreClient, state: str
) -> None:
    path = (await ordered(call, SENDER))["Location"] or ""
    campaign_id = path.rpartition("/")[2]
    await put(node, campaign_id, state)

    refused = await call("DELETE", path, SENDER)
    assert (refused.status, b"scope admin" in refused.raw) == (403, True)
    gone = await call("DELETE", path, OPERATOR)

    assert (gone.status, gone.body) == (200, {"id": campaign_id, "deleted": True})
    assert [key for key in await client.keys("*") if b":campaign:" in key] == []
    assert (await call("GET", path, OPERATOR)).status == 404
    audit = await call("GET", "/gateway/v1/audit?act=campaign.delete", OPERATOR)
    [entry] = audit.body["entries"]
    assert (entry["by"]["app"], entry["target"]["campaign"], entry["detail"]["state"]) == (
        "operator", campaign_id, state
    )  # fmt: skip


async def test_one_that_was_cancelled_stays_stopped_until_its_deadline_though_it_is_deleted(
    node: Node, call: Caller
) -> None:
    path = (await ordered(call))["Location"] or ""
    campaign_id, services = path.rpartition("/")[2], node.services
    await call("POST", "/gateway/v1/pauses", json={"scope": {"number": NUMBER}, "reason": "hold on"})
    assert (await call("POST", f"{path}/start")).status == 200
    assert (await call("POST", f"{path}/cancel")).status == 200

    async def is_cancelled() -> bool:
        return str((await call("GET", path)).body["state"]) == "cancelled"

    await until(is_cancelled)
    record = await services.campaigns.get(PORTFOLIO, campaign_id)
    assert record is not None
    assert (await call("DELETE", path)).status == 200

    await services.campaign_runner._look(PORTFOLIO)
    standing = await services.standings.reload(PORTFOLIO, epoch=-1)
    assert standing.campaigns[campaign_id].stopped
    assert services.steerable is not None
    now_ms = (await services.ledger.books(PORTFOLIO)).now_ms
    await services.steerable.advance(record.campaign.deadline_ms - now_ms + 1_000)

    async def is_forgotten() -> bool:
        return campaign_id not in (await services.standings.reload(PORTFOLIO, epoch=-1)).campaigns

    await until(is_forgotten)


async def test_a_key_orders_one_campaign_and_whoever_repeats_it_gets_its_answer(call: Caller) -> None:
    first = await ordered(call, idempotency="spring")
    again = await ordered(call, idempotency='"spring"')

    assert (first.status, first["Idempotency-Replayed"]) == (201, None)
    assert (again.status, again["Idempotency-Replayed"]) == (201, "true")
    assert (again.body, again["Location"]) == (first.body, first["Location"])
    other = await ordered(call, idempotency="spring", name="another")
    assert (other.status, b"another request" in other.raw) == (422, True)
    assert (await ordered(call, SENDER, idempotency="spring")).status == 201
    assert (await ordered(call, idempotency="x" * 256)).status == 400
    twice = [("Authorization", f"Bearer {CHECKOUT}"), ("Idempotency-Key", "one"), ("Idempotency-Key", "two")]
    async with call.session.post(f"{call.url}{CAMPAIGNS}", json=make_order(), headers=twice) as answer:
        assert answer.status == 400
    assert await count(call) == 2
    # What was refused made nothing, and its key is free.
    assert (await ordered(call, idempotency="late", numbers=["99"])).status == 404
    assert (await ordered(call, idempotency="late")).status == 201
    assert await count(call) == 3


async def test_a_request_whose_answer_was_lost_is_found_by_its_repetition(
    node: Node, call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish, create = Audiences.finish, Campaigns.create
    lost = {"audience": 1, "campaign": 1}

    async def made(self: Campaigns, campaign: Any) -> Any:
        if lost["campaign"]:
            lost["campaign"] = 0
            await create(self, campaign)
            raise StoreUnavailable("the answer was lost")
        return await create(self, campaign)

    async def finished(self: Audiences, record: CampaignRecord, audience: Audience) -> CampaignRecord | None:
        if lost["audience"]:
            lost["audience"] = 0
            raise StoreUnavailable("it was never asked")
        return await finish(self, record, audience)

    monkeypatch.setattr(Campaigns, "create", made)
    monkeypatch.setattr(Audiences, "finish", finished)
    assert node.services.steerable is not None

    for _ in range(2):
        assert (await ordered(call, idempotency="spring")).status == 503
        running = await ordered(call, idempotency="spring")
        assert (running.status, running["Retry-After"]) == (409, "1")
        await node.services.steerable.advance(61_000)
    done = await ordered(call, idempotency="spring")

    assert (done.status, done.body["audience"]["rows"], await count(call)) == (201, 3, 1)


async def test_an_answer_that_could_not_be_kept_is_found_again_by_what_was_made(
    node: Node, call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unkept(self: Idempotency, entry: Any, answer: bytes) -> None:
        raise StoreUnavailable("it is away")

    monkeypatch.setattr(Idempotency, "keep", unkept)
    first = await ordered(call, idempotency="spring")
    assert node.services.steerable is not None
    await node.services.steerable.advance(61_000)

    again = await ordered(call, idempotency="spring")

    assert (again.status, again.body["id"], await count(call)) == (201, first.body["id"], 1)
    assert again.body["revision"] == first.body["revision"]


@pytest.mark.parametrize("path", ["recipients", "audience/errors"])
async def test_a_node_writes_so_many_answers_on_recipients_at_once_and_no_more(
    make_node: NodeMaker, graph: Recorder, session: aiohttp.ClientSession, path: str
) -> None:
    def full(services: Services) -> Services:
        return replace(services, downloads=Turnstile(0, Kind.OVERLOADED, "the node", "downloads", services.metrics))

    call = Caller.of(await make_node(graph.url, change=full), session)
    campaign = (await ordered(call))["Location"]

    refused = await call("GET", f"{campaign}/{path}")

    assert (refused.status, refused.body["code"], refused["Retry-After"]) == (503, "overloaded", "1")


class _Erasing:
    """An upload of three rows in the midst of which the second one's user is erased."""

    def __init__(self, call: Caller, phone: str) -> None:
        self._call = call
        self._phone = phone

    async def erase(self) -> None:
        assert (await self._call("DELETE", f"/gateway/v1/recipients/{self._phone}")).status == 200

    async def body(self) -> AsyncIterator[bytes]:
        yield b"to,first_name\n16505550001,Ann\n16505550002,Bob\n"
        await self.erase()
        yield b"16505550003,Cid\n"


@pytest.mark.parametrize(
    "moment",
    [
        "while it is read",
        "while it is read, by a node that dies when it has taken it",
        "when it is all but taken",
        "when it was taken just now",
    ],
)
async def test_who_is_erased_during_an_upload_is_not_in_the_audience(
    node: Node, call: Caller, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    path = (await ordered(call, audience=None))["Location"]
    erasing, finish = _Erasing(call, "16505550002"), Audiences.finish
    # A user who was erased before is uploaded anew: that is the app's word.
    assert (await call("DELETE", "/gateway/v1/recipients/16505550003")).status == 200

    async def finished(self: Audiences, record: CampaignRecord, audience: Audience) -> CampaignRecord | None:
        if moment == "when it is all but taken":
            await erasing.erase()
        taken = await finish(self, record, audience)
        if moment == "when it was taken just now":
            await erasing.erase()
        if moment.endswith("dies when it has taken it"):
            raise StoreUnavailable("nothing more is done")
        return taken

    monkeypatch.setattr(Audiences, "finish", finished)
    rows = b"to,first_name\n16505550001,Ann\n16505550002,Bob\n16505550003,Cid\n"
    body: Any = erasing.body() if moment.startswith("while") else rows
    got = await call("POST", f"{path}/audience", data=body, headers={"Content-Type": "text/csv"})

    assert got.status == (503 if "dies" in moment else 200)
    told = await call("GET", f"{path}/recipients?format=csv")
    assert [line.split(b",")[1] for line in told.raw.splitlines()[1:]] == [b"16505550001", b"", b"16505550003"]


async def test_a_campaign_of_another_app_is_a_word_like_any_other(node: Node, call: Caller, graph: Recorder) -> None:
    campaign_id = ((await ordered(call))["Location"] or "").rpartition("/")[2]
    await call("POST", "/gateway/v1/pauses", json={"scope": {"number": NUMBER}, "reason": "hold on"})
    assert (await call("POST", f"{CAMPAIGNS}/{campaign_id}/start")).status == 200
    assert (await call("POST", f"{CAMPAIGNS}/{campaign_id}/pause", json={"reason": "wrong price"})).status == 200
    [pause] = (await call("GET", "/gateway/v1/pauses")).body["pauses"]
    assert (await call("DELETE", f"/gateway/v1/pauses/{pause['id']}")).status == 200

    async def verdicts(key: str) -> dict[str, str | None]:
        headers = {"Tidegate-Campaign": campaign_id}
        got = await call("POST", f"/gateway/v1/decide?number={NUMBER}", key, json=template(), headers=headers)
        assert got.status == 200, got.raw
        return {said["guardrail"]: said["reason"] for said in got.body["guardrails"]}

    own, other = await verdicts(CHECKOUT), await verdicts(OPERATOR)
    assert {name for name in own if own[name] != other[name]} == {"campaign_halted"}
