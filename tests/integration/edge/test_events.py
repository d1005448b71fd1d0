"""`GET /events`: what happens on any node, told on any other, to whom it concerns and to nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import pytest_asyncio
from aiohttp import web

from tests.factories import make_order
from tests.integration.edge.callers import (
    ANN,
    CHECKOUT,
    NUMBER,
    ONCALL,
    OPERATOR,
    OTHER_NUMBER,
    PORTFOLIO,
    READER,
    SENDER,
    STRANGER,
    WABA,
    Answer,
    Caller,
    Recorder,
    config_text,
    signed,
    template,
)
from tests.integration.edge.feed_reader import EVENTS, reading
from tests.waiting import until
from tidegate.app import Node, build
from tidegate.cloudapi.messages import wrap_opaque
from tidegate.feed.feed import MOST_READERS_OF_APP
from tidegate.settings import load
from tidegate.store.client import connect
from tidegate.store.embedded import socket_url

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Pair:
    """Two nodes of one store."""

    nodes: list[Node]
    session: aiohttp.ClientSession
    start: Callable[[], Any]

    @property
    def here(self) -> Caller:
        return Caller.of(self.nodes[0], self.session)

    @property
    def there(self) -> Caller:
        return Caller.of(self.nodes[1], self.session)

    async def all_note(self) -> None:
        """Return once both nodes know that somebody watches."""

        async def do() -> bool:
            return all(node.services.feed._watched for node in self.nodes)

        await until(do)

    async def status(self, message_id: str, word: str) -> None:
        """Meta tells the first node of a message that the second has sent."""
        node = self.nodes[0].services
        seal = node.identity.seal(message_id)
        told = {"id": f"wamid.{message_id}", "status": word, "timestamp": str(node.clock.now_ms() // 1000)}
        told |= {"recipient_id": ANN.removeprefix("+"), "biz_opaque_callback_data": wrap_opaque(message_id, seal)}
        value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": NUMBER}, "statuses": [told]}
        change = {"field": "messages", "value": value}
        body = {"object": "whatsapp_business_account", "entry": [{"id": WABA, "changes": [change]}]}
        raw = orjson.dumps(body)
        got = await self.here("POST", "/webhooks/whatsapp", None, data=raw, headers=signed(raw))
        assert got.status == 200


def _write(path: Path, text: str) -> None:
    path.write_text(text)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(valkey_socket: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pair]:
    path = tmp_path_factory.mktemp("events") / "tidegate.toml"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("tidegate.store.client.TIMEOUT_S", 5.0)
        async with await connect(socket_url(valkey_socket)) as connection:
            await connection.client.flushall()
        graph = Recorder()
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", graph.handle)
        runner = web.AppRunner(application, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        _write(path, config_text(socket_url(valkey_socket), url, limit="TIER_2K", clock=False))

        async def start() -> Node:
            node = await build(load(path, {"TIDEGATE_SERVER__LISTEN": "127.0.0.1:0"}))
            await node.start()
            return node

        nodes = [await start(), await start()]
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
            yield Pair(nodes, session, start)
        for node in nodes:
            await node.stop()
        await runner.cleanup()


async def test_of_a_send_from_whose_statuses_nothing_else_follows_it_is_told_what_became(pair: Pair) -> None:
    async with reading(pair.here) as reader:
        await pair.all_note()
        sent = await pair.there.send(template())
        for word in ("sent", "delivered", "read"):
            await pair.status(str(sent["Tidegate-Id"]), word)
            await reader.hears("status", message_id=sent["Tidegate-Id"], state=word)


async def test_a_send_on_one_node_is_told_on_the_other_masked_and_with_what_became_of_it(pair: Pair) -> None:
    async with reading(pair.here) as reader:
        await pair.all_note()
        sent = await pair.there.send(template(), Tidegate_Campaign="spring")
        told = await reader.hears("decision", message_id=sent["Tidegate-Id"])
        await pair.status(str(sent["Tidegate-Id"]), "delivered")
        became = await reader.hears("status", message_id=sent["Tidegate-Id"])

    assert reader.response.headers["Content-Type"].startswith("text/event-stream")
    assert (reader.response.headers["Cache-Control"], reader.response.headers["X-Accel-Buffering"]) == (
        "no-store",
        "no",
    )
    assert {**told.data, "at": ""} == {
        "at": "",
        "portfolio": PORTFOLIO,
        "app": "checkout",
        "number": NUMBER,
        "waba": WABA,
        "category": "marketing",
        "type": "template",
        "template": "order_confirmation/en_US",
        "campaign": "spring",
        "message_id": sent["Tidegate-Id"],
        "verdict": "send",
        "reason": None,
        "until": None,
        "recipient": "16***34",
        "from_queue": False,
        "meta_code": None,
    }
    assert (became.data["state"], became.data["app"], became.data["number"]) == ("delivered", "checkout", NUMBER)
    assert ANN.removeprefix("+") not in str(reader.events)


async def test_a_pause_its_end_and_the_sends_that_it_holds_are_told(pair: Pair) -> None:
    async with reading(pair.there) as reader:
        await pair.all_note()
        order = {"scope": {"number": NUMBER}, "reason": "looking into complaints", "for": "5m"}
        pause = (await pair.here("POST", "/gateway/v1/pauses", OPERATOR, json=order)).body["id"]
        begun = await reader.hears("pause", key=pause)
        held = await pair.here.send(template())
        told = await reader.hears("decision", message_id=held["Tidegate-Id"])
        cancelled = await pair.here("DELETE", f"/gateway/v1/messages/{held['Tidegate-Id']}", CHECKOUT)
        ended = await reader.hears("status", message_id=held["Tidegate-Id"])
        await pair.here("DELETE", f"/gateway/v1/pauses/{pause}?reason=solved", OPERATOR)
        await reader.sees(lambda: len(reader.of("pause", key=pause)) == 2)

    assert begun.data["from"] is None
    assert begun.data["to"]["reason"] == "looking into complaints"
    assert (told.data["verdict"], told.data["reason"]) == ("queue", "paused_by_operator")
    assert told.data["until"] is not None
    assert (cancelled.status, ended.data["state"]) == (200, "cancelled")
    assert reader.of("pause", key=pause)[1].data["to"] is None


async def test_a_campaign_that_moves_and_a_message_that_runs_out_of_time_are_told(pair: Pair) -> None:
    async with reading(pair.there, "?kinds=campaign,status") as reader:
        await pair.all_note()
        order = {"scope": {"template": "too_late"}, "reason": "until it has expired", "for": "1m"}
        pause = (await pair.here("POST", "/gateway/v1/pauses", OPERATOR, json=order)).body["id"]
        held = await pair.here.send(template(name="too_late"), Tidegate_Expires="2", Tidegate_Hold="queue")
        campaign = await pair.here("POST", "/gateway/v1/campaigns", CHECKOUT, json=make_order(numbers=[NUMBER]))
        campaign_id = campaign.body["id"]
        await pair.here("POST", f"/gateway/v1/campaigns/{campaign_id}/cancel", CHECKOUT)
        moved = await reader.hears("campaign", campaign=campaign_id)
        expired = await reader.hears("status", message_id=held["Tidegate-Id"])
        await pair.here("DELETE", f"/gateway/v1/pauses/{pause}?reason=over", OPERATOR)

    assert (campaign.status, held.body["tidegate"]["verdict"]) == (201, "queue")
    assert (moved.data["event"], moved.data["phase"], moved.data["by"]) == ("cancel", "cancelled", "checkout")
    assert (moved.data["app"], moved.data["numbers"]) == ("checkout", [NUMBER])
    assert (expired.data["state"], expired.data["template"]) == ("expired", "too_late/en_US")


async def test_an_app_is_told_of_its_own_sends_and_an_operator_of_all_of_its_numbers(pair: Pair) -> None:
    async with AsyncExitStack() as stack:
        readers = {
            key: await stack.enter_async_context(reading(pair.here, key=key))
            for key in (OPERATOR, CHECKOUT, READER, STRANGER)
        }
        await pair.all_note()
        ours = str((await pair.there.send(template(), SENDER))["Tidegate-Id"])
        theirs = str((await pair.there.send(template(), STRANGER, OTHER_NUMBER))["Tidegate-Id"])
        order = {"scope": {"template": "of_the_other_portfolio"}, "reason": "rest", "for": "1s"}
        await pair.there("POST", "/gateway/v1/pauses", STRANGER, json=order)
        own = str((await pair.there.send(template(to="+16505550077"), CHECKOUT))["Tidegate-Id"])
        for key in (OPERATOR, CHECKOUT):
            await readers[key].hears("decision", message_id=own)
        await readers[STRANGER].hears("pause")
        await readers[OPERATOR].hears("pause")

    def heard(key: str) -> set[str]:
        return {event.data["message_id"] for event in readers[key].of("decision")}

    assert heard(OPERATOR) >= {ours, theirs, own}
    assert heard(CHECKOUT) & {ours, theirs, own} == {ours, own}, "checkout is an operator of its number"
    assert heard(READER) & {ours, theirs, own} == set(), "a reader has sent nothing"
    assert heard(STRANGER) & {ours, theirs, own} == {theirs}
    assert [readers[key].of("pause") for key in (CHECKOUT, READER)] == [[], []]


async def test_what_is_asked_for_is_told_and_nothing_else(pair: Pair) -> None:
    async with AsyncExitStack() as stack:
        rejects = await stack.enter_async_context(reading(pair.here, "?verdict=reject,queue"))
        pauses = await stack.enter_async_context(reading(pair.here, "?kinds=pause"))
        of_number = await stack.enter_async_context(reading(pair.here, f"?number={OTHER_NUMBER}"))
        await pair.all_note()
        sent = await pair.here.send(template(to="+16505550001"))
        other = await pair.here.send(template(to="+16505550002"), OPERATOR, OTHER_NUMBER)
        order = {"scope": {"template": "nobody_sends_this"}, "reason": "rest", "for": "1s"}
        await pair.here("POST", "/gateway/v1/pauses", OPERATOR, json=order)
        refused = await pair.here.send(template(to="+16505550003"), Tidegate_Expires="2020-01-01T00:00:00Z")
        await rejects.hears("decision", message_id=refused["Tidegate-Id"])
        await pauses.hears("pause")
        await of_number.hears("decision", message_id=other["Tidegate-Id"])

    assert (sent.status, refused.status) == (200, 400)
    assert {event.data["verdict"] for event in rejects.events} == {"reject"}
    assert {event.kind for event in pauses.events} == {"pause"}
    assert {event.data["number"] for event in of_number.of("decision")} == {OTHER_NUMBER}
    assert of_number.of("pause"), "a pause of the whole portfolio is one of the number"


async def test_who_lost_the_connection_goes_on_from_the_last_event_on_another_node(pair: Pair) -> None:
    async with reading(pair.here, "?kinds=decision") as before:
        await pair.all_note()
        first = await pair.here.send(template(to="+16505550010"))
        last = await before.hears("decision", message_id=first["Tidegate-Id"])
    missed = [(await pair.here.send(template(to=f"+1650555002{i}")))["Tidegate-Id"] for i in range(3)]

    async with reading(pair.there, "?kinds=decision", after=last.id) as after:
        await after.sees(lambda: len(after.of("decision")) >= 3)

    heard = [event.data["message_id"] for event in after.of("decision")]
    assert heard == missed
    assert after.of("gap") == []


async def test_who_was_away_for_too_long_is_told_that_something_may_be_missing(pair: Pair) -> None:
    async with reading(pair.here, after="1000-0-0") as reader:
        gap = await reader.hears("gap")

    assert gap.data["missed"] is None


async def test_a_crowd_of_sends_is_sampled_and_what_is_left_out_is_counted(pair: Pair) -> None:
    async with reading(pair.here, "?verdict=send") as reader:
        await pair.all_note()
        feed, message_ids = pair.nodes[0].services.feed, [f"m{i}" for i in range(500)]
        about = {"app": "checkout", "number": NUMBER}
        for message_id in message_ids:
            feed.became(PORTFOLIO, message_id, "delivered", about)
        sent = await pair.here.send(template(to="+16505550030"))
        await reader.hears("decision", message_id=sent["Tidegate-Id"])
    async with reading(pair.here, "?kinds=status,left_out") as reader:
        for message_id in message_ids:
            feed.became(PORTFOLIO, message_id, "delivered", about)
        left = await reader.hears("left_out", of="status", word="delivered")

    told = [event for event in reader.of("status") if event.data["message_id"] in message_ids]
    assert 0 < len(told) < 50
    assert left.data["count"] == 500 - len(told)
    assert (left.data["app"], left.data["number"]) == ("checkout", NUMBER)


@pytest.mark.parametrize(
    ("query", "key", "status", "code"),
    [
        pytest.param("", None, 401, "unauthenticated", id="nobody"),
        pytest.param("", SENDER, 403, "forbidden", id="who may only send"),
        pytest.param("", ONCALL, 403, "forbidden", id="who may only stop"),
        pytest.param("?kinds=gossip", OPERATOR, 400, "bad_request", id="a kind that there is not"),
        pytest.param("?kinds=", OPERATOR, 400, "bad_request", id="no kind"),
        pytest.param("?verdict=perhaps", OPERATOR, 400, "bad_request", id="a verdict that there is not"),
        pytest.param("?since=yesterday", OPERATOR, 400, "bad_request", id="a filter that there is not"),
        pytest.param("?kinds=pause&kinds=pause", OPERATOR, 400, "bad_request", id="a filter twice"),
        pytest.param(f"?number={OTHER_NUMBER}", CHECKOUT, 404, "not_found", id="a number of somebody else's"),
    ],
)
async def test_who_may_not_read_or_asks_for_what_is_not_there_is_told_so(
    pair: Pair, query: str, key: str | None, status: int, code: str
) -> None:
    got: Answer = await pair.here("GET", f"{EVENTS}{query}", key)

    assert (got.status, got.body["code"]) == (status, code)


async def test_an_app_may_have_so_many_readers_and_no_more(pair: Pair) -> None:
    feed = pair.nodes[0].services.feed
    async with AsyncExitStack() as stack:
        for _ in range(MOST_READERS_OF_APP):
            reader = feed.subscribe([PORTFOLIO], lambda event: True, whose="checkout")
            assert reader is not None
            stack.enter_context(reader)
        refused = await pair.here("GET", EVENTS, CHECKOUT)
        async with reading(pair.here, key=OPERATOR):
            pass
    async with reading(pair.here, key=CHECKOUT):
        pass

    assert (refused.status, refused.body["code"]) == (503, "overloaded")


async def test_the_feed_ends_when_its_key_is_revoked_and_when_the_node_drains(pair: Pair) -> None:
    made = (await pair.here("POST", "/gateway/v1/keys", OPERATOR, json={"app": "reader"})).body
    third = await pair.start()
    async with (
        reading(pair.there, key=made["key"]) as revoked,
        reading(pair.there) as stays,
        reading(Caller.of(third, pair.session)) as drained,
    ):
        got = await pair.here("DELETE", f"/gateway/v1/keys/{made['id']}", OPERATOR)
        await third.stop()
        await revoked.sees(revoked.over.is_set)
        await drained.sees(drained.over.is_set)
        assert not stays.over.is_set()

    assert got.status == 200
