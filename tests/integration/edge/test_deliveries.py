"""Webhook deliveries: cut short anywhere, repeated, reordered, in storms, or with something in them that breaks."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from typing import Any

import aiohttp
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from structlog.testing import capture_logs

from tests.integration.edge.callers import NUMBER, PORTFOLIO, WABA, Caller, Recorder, signed, template
from tests.integration.edge.conftest import NodeMaker
from tidegate.app import Node
from tidegate.cloudapi.webhooks import read_body
from tidegate.errors import StoreUnavailable
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient
from tidegate.store.told_outcomes import carry_over

METADATA = {"display_phone_number": "15550783881", "phone_number_id": NUMBER}
MARKETING = {"Tidegate_Category": "marketing"}
DAY_S = 86_400


class Site:
    """A node before the recording stand-in, and what Meta tells it."""

    def __init__(self, node: Node, session: aiohttp.ClientSession, graph: Recorder) -> None:
        self.node = node
        self.caller = Caller.of(node, session)
        self.graph = graph
        self.users: Iterator[str] = (f"+1650556{number:04}" for number in itertools.count())

    @property
    def now_s(self) -> int:
        return self.node.services.clock.now_ms() // 1_000

    async def send(self, to: str, name: str = "seasonal_offer") -> tuple[str, str]:
        """Send marketing; the ids of the message and of its wamid."""
        got = await self.caller.send(template(to, name), **MARKETING)
        assert got.status == 200, got.raw
        return got["Tidegate-Id"] or "", got.body["messages"][0]["id"]

    async def state(self, message_id: str) -> str:
        return str((await self.caller("GET", f"/gateway/v1/messages/{message_id}")).body["state"])

    async def life(self, message_id: str) -> list[str]:
        """Its states until now."""
        told = (await self.caller("GET", f"/gateway/v1/messages/{message_id}")).body
        states = [str(one["state"]) for one in told["history"]]
        assert states[-1] == told["state"]
        return states

    async def reason(self, to: str) -> str | None:
        """Why marketing to a user is refused; None when it is not."""
        return (await self.caller.send(template(to), Tidegate_Dry_Run="true", **MARKETING))["Tidegate-Reason"]

    async def post(self, raw: bytes) -> int:
        return (await self.caller("POST", "/webhooks/whatsapp", None, data=raw, headers=signed(raw))).status

    async def advance(self, seconds: int) -> None:
        await self.caller("POST", "/gateway/v1/testing/clock", json={"advance_s": seconds})

    async def outcomes(self) -> dict[str, int]:
        """All that was ever counted of outcomes, by scope and counter."""
        client, told = self.node.connection.client, dict[str, int]()
        await carry_over(client, PortfolioKeys(PORTFOLIO))
        # Beside the counts there are the names of what is counted: a set of each day.
        async for key in client.scan_iter(f"tidegate:{{{PORTFOLIO}}}:outcomes:*", count=1_000, _type="hash"):
            # Of whichever day: one may turn between a send and what comes of it.
            scope = re.sub(r"^(kpi:)?[0-9]+:", r"\1", key.decode().split(":", 3)[3])
            for field, count in (await client.hgetall(key)).items():
                what = field.decode().partition(".")[2]
                if what == "ms":
                    # How long it took: no two runs take as long.
                    continue
                name = f"{scope} {what}"
                told[name] = told.get(name, 0) + int(count)
        return told


@pytest.fixture
async def site(make_node: NodeMaker, graph: Recorder, session: aiohttp.ClientSession) -> Site:
    wamids = itertools.count()

    async def answer(_request: Any, raw: bytes) -> aiohttp.web.Response:
        contact = {"input": "x", "wa_id": json.loads(raw)["to"].removeprefix("+")}
        message = {"id": f"wamid.HBgL{next(wamids):08}", "message_status": "accepted"}
        return aiohttp.web.json_response(
            {"messaging_product": "whatsapp", "contacts": [contact], "messages": [message]}
        )

    graph.answer = answer
    # Half of these users opt out: on a busy machine early warning would come to look at them while a test goes on.
    quiet = {"TIDEGATE_RULES__EARLY_WARNING__MODE": "off"}
    return Site(await make_node(graph.url, environ=quiet), session, graph)


def delivery(*changes: tuple[str, Any], at_s: int | None = None) -> bytes:
    entry: dict[str, Any] = {"id": WABA, "changes": [{"field": field, "value": value} for field, value in changes]}
    if at_s is not None:
        entry["time"] = at_s
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def told(**parts: Sequence[Any]) -> tuple[str, Any]:
    return "messages", {"messaging_product": "whatsapp", "metadata": METADATA, **parts}


def status(wamid: str, word: str, at_s: int, code: int | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {"id": wamid, "status": word, "timestamp": str(at_s), "recipient_id": "16505560000"}
    return made if code is None else made | {"errors": [{"code": code, "title": "no"}]}


def stop_word(user: str, at_s: int) -> dict[str, Any]:
    return {"id": f"wamid.in{user}", "from": user[1:], "timestamp": str(at_s), "type": "text", "text": {"body": "STOP"}}


def preference(user: str, at_s: int) -> tuple[str, Any]:
    one = {"wa_id": user[1:], "category": "marketing_messages", "value": "stop", "timestamp": at_s, "detail": "x"}
    return "user_preferences", {"messaging_product": "whatsapp", "metadata": METADATA, "user_preferences": [one]}


def paused(name: str) -> tuple[str, Any]:
    named = {"message_template_id": 1, "message_template_name": name, "message_template_language": "en_US"}
    return "message_template_status_update", named | {"event": "PAUSED", "reason": "NONE"}


#: Set in what is done for a webhook, and in the tasks begun for it; not in a node's duties, which go on beside it.
_OF_A_WEBHOOK: ContextVar[bool] = ContextVar("_OF_A_WEBHOOK", default=False)


class Outage:
    """The store goes away at the nth call that is made for webhooks: before it is carried out, or after."""

    def __init__(self, client: StoreClient, at: int, carried_out: bool) -> None:
        self._client: Any = client
        self._carry: Any = client.execute_command
        self._left = at
        self._carried_out = carried_out
        self.struck = False

    def __enter__(self) -> Outage:
        self._was = _OF_A_WEBHOOK.set(True)
        self._client.execute_command = self._execute
        return self

    def __exit__(self, *_: object) -> None:
        del self._client.execute_command
        _OF_A_WEBHOOK.reset(self._was)

    async def _execute(self, *words: Any, **options: Any) -> Any:
        if words[0] not in ("EVALSHA", "GET", "HMGET", "HGET", "HGETALL") or not _OF_A_WEBHOOK.get():
            return await self._carry(*words, **options)
        self._left -= 1
        if self._left > 0:
            return await self._carry(*words, **options)
        first, self.struck = not self.struck, True
        if first and self._carried_out:
            await self._carry(*words, **options)
        raise RedisConnectionError("gone")


@pytest.mark.parametrize("carried_out", [False, True], ids=["before it is carried out", "when it was carried out"])
async def test_a_delivery_that_is_cut_short_anywhere_is_whole_when_it_comes_again(site: Site, carried_out: bool):
    counted: dict[str, int] | None = None
    for at in range(1, 100):
        users, name = list(itertools.islice(site.users, 4)), f"offer_{at}"
        sent = [await site.send(user, name) for user in users]
        await site.node.services.gateway.settled(5)
        # Of these something is known already, to which more is added.
        assert (
            await site.post(delivery(told(statuses=[status(wamid, "sent", site.now_s) for _, wamid in sent[:2]])))
            == 200
        )
        before, at_s = await site.outcomes(), site.now_s
        body = delivery(
            told(
                messages=[stop_word(users[2], at_s)],
                statuses=[status(sent[0][1], "delivered", at_s), status(sent[1][1], "failed", at_s, 131049)],
            ),
            preference(users[3], at_s),
            paused(name),
            at_s=at_s,
        )
        cut = False
        with Outage(site.node.connection.client, at, carried_out) as outage:
            try:
                await site.node.services.signals.receive(read_body(body))
            except StoreUnavailable:
                cut = True
        assert cut == outage.struck
        assert await site.post(body) == 200

        lives = [await site.life(id_) for id_, _ in sent]
        went = ["sending", "accepted"]
        assert lives == [[*went, "sent", "delivered"], [*went, "sent", "failed"], went, went], at
        reasons = [await site.reason(user) for user in users]
        assert reasons == [None, "user_marketing_limit", "opted_out", "opted_out"], at
        assert (await site.caller.send(template(users[0], name), Tidegate_Dry_Run="true"))["Tidegate-Reason"], at
        after = await site.outcomes()
        gained = {key.replace(name, "*"): n - before.get(key, 0) for key, n in after.items() if n != before.get(key, 0)}
        assert counted is None or gained == counted, at
        counted = gained
        if not outage.struck:
            break
    else:
        raise AssertionError("no end of it")
    assert at > 6


@pytest.mark.parametrize(
    ("words", "state"),
    [
        pytest.param(("sent", "delivered", "read", "failed"), "read", id="read, and failed on another device"),
        pytest.param(("sent", "delivered", "failed"), "delivered", id="delivered, and failed on another device"),
        pytest.param(("sent", "failed"), "failed", id="failed"),
    ],
)
async def test_in_whatever_order_and_however_often_statuses_come_they_say_the_same(
    site: Site, words: tuple[str, ...], state: str
) -> None:
    orders = dict.fromkeys(
        order for more in (words, *((*words, twice) for twice in words)) for order in itertools.permutations(more)
    )
    sent = [await site.send(user) for user in itertools.islice(site.users, len(orders))]
    at_s = site.now_s
    times = {"sent": at_s, "delivered": at_s + 1, "failed": at_s + 1, "read": at_s + 2}

    async def apply(wamid: str, order: tuple[str, ...]) -> None:
        for word in order:
            code = 131026 if word == "failed" else None
            told_of = delivery(told(statuses=[status(wamid, word, times[word], code)]))
            await site.node.services.signals.receive(read_body(told_of))

    for (_, wamid), order in zip(sent, orders, strict=True):
        await apply(wamid, order)

    assert {await site.state(message_id) for message_id, _ in sent} == {state}


async def test_what_comes_again_for_a_week_counts_nothing_twice(site: Site) -> None:
    users = list(itertools.islice(site.users, 3))
    sent = [await site.send(user) for user in users]
    await site.node.services.gateway.settled(5)
    at_s = site.now_s
    body = delivery(
        told(
            messages=[stop_word(users[2], at_s)],
            statuses=[
                status(sent[0][1], "delivered", at_s),
                status(sent[1][1], "failed", at_s, 131026),
                status("wamid.of-nobody-here", "failed", at_s, 131026),
            ],
        )
    )
    assert await site.post(body) == 200
    counted = await site.outcomes()

    for _ in range(7):
        await site.advance(DAY_S)
        assert await site.post(body) == 200

    assert await site.outcomes() == counted
    # Three failures in a row would keep this one from being written to.
    assert [await site.reason(user) for user in users] == [None, None, "opted_out"]
    assert [await site.state(id_) for id_, _ in sent[:2]] == ["delivered", "failed"]


async def test_an_event_that_breaks_takes_no_other_with_it(site: Site) -> None:
    users = list(itertools.islice(site.users, 3))
    sent = [await site.send(user) for user in users]
    await site.node.services.gateway.settled(5)
    await site.node.connection.client.set(PortfolioKeys(PORTFOLIO).message(sent[1][0]), "damaged")
    at_s = site.now_s
    body = delivery(
        told(
            messages=[stop_word(users[2], at_s)],
            statuses=[status(wamid, "delivered", at_s) for _, wamid in sent],
        ),
        paused("another_offer"),
        at_s=at_s,
    )

    with capture_logs() as logs:
        assert [await site.post(body) for _ in range(2)] == [200, 200]

    assert [await site.state(sent[i][0]) for i in (0, 2)] == ["delivered", "delivered"]
    assert await site.reason(users[2]) == "opted_out"
    assert (await site.caller.send(template(users[0], "another_offer"), Tidegate_Dry_Run="true"))["Tidegate-Reason"]
    metrics = (await site.caller("GET", "/metrics", None)).raw.decode()
    assert 'tidegate_webhook_faults_total{kind="StatusUpdate"} 2.0' in metrics
    said = [line for line in logs if line["event"] == "webhook_event_not_applied"]
    assert [line["event_kind"] for line in said] == ["StatusUpdate"] * 2
    assert all(user[1:] not in str(logs) and sent[1][1] not in str(logs) for user in users)


async def test_a_storm_is_taken_whole(site: Site) -> None:
    """Large deliveries at once, and a small one that is not behind all of them."""
    users = list(itertools.islice(site.users, 20))
    sent = [await site.send(user) for user in users]
    await site.node.services.gateway.settled(5)
    at_s = site.now_s
    foreign = [status(f"wamid.foreign{i:05}", "delivered", at_s) for i in range(4_000)]
    bodies = [
        delivery(told(statuses=[*foreign[part * 500 : part * 500 + 500], status(sent[part][1], "read", at_s)]))
        for part in range(8)
    ]
    finished: list[str] = []

    async def post(body: bytes, name: str) -> int:
        answered = await site.post(body)
        finished.append(name)
        return answered

    storm = [asyncio.create_task(post(body, "large")) for body in bodies]
    await asyncio.sleep(0)
    small = asyncio.create_task(post(delivery(told(statuses=[status(sent[9][1], "read", at_s)])), "small"))
    stop = asyncio.create_task(post(delivery(told(messages=[stop_word(users[9], at_s)])), "stop"))

    assert set(await asyncio.gather(*storm, small, stop)) == {200}
    assert [await site.state(id_) for id_, _ in (*sent[:8], sent[9])] == ["read"] * 9
    assert await site.reason(users[9]) == "opted_out"
    assert finished.index("small") < len(storm)
