"""Alerts out: the operator's own address is told of each tightening and opening, signed, once, and until it hears."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from tests.integration.edge.callers import CHECKOUT, NUMBER, OPERATOR, PORTFOLIO, WABA
from tests.integration.relay.conftest import Town, delivery
from tests.integration.relay.listener import Got, Listener
from tests.waiting import until
from tidegate.alert_watch import AlertWatch
from tidegate.app import Node
from tidegate.cli.rereading import Rereading
from tidegate.policy.instant import read_time
from tidegate.relay import ALERTS
from tidegate.settings import load
from tidegate.store.alert_marks import AlertRecords
from tidegate.store.keys import PortfolioKeys
from tidegate.tasks import spawn

ALERT_SECRET, NEXT_SECRET = "the-operators-secret", "the-operators-next-secret"


@dataclass
class Operator:
    """The operator's address, and the nodes that tell it."""

    town: Town
    desk: Listener

    async def node(self, secret: str = ALERT_SECRET) -> Node:
        relay = 'allow_private = true\ntimeout = "2s"\n'
        relay += f'[alerts]\nwebhook_url = "{self.desk.url}"\nwebhook_secret = "{secret}"'
        node = await self.town.node(relay)
        records = AlertRecords(node.connection.client, [PORTFOLIO])

        async def follows() -> bool:
            return (await records.read(PORTFOLIO)).history is not None

        # What happened before a first look is none of what is told.
        await until(follows)
        return node

    def told(self, what: str) -> list[dict[str, Any]]:
        return [body for body in map(_body, self.desk.got) if body["what"] == what]

    async def hears(self, what: str, count: int = 1) -> dict[str, Any]:
        await self.sees(lambda: len(self.told(what)) >= count)
        return self.told(what)[count - 1]

    async def sees(self, check: Callable[[], bool]) -> None:
        async def is_so() -> bool:
            return check()

        await until(is_so)

    async def pause(self, reason: str = "complaints") -> str:
        order = {"scope": {"number": NUMBER}, "reason": reason, "for": "30m"}
        got = await self.town.caller()("POST", "/gateway/v1/pauses", OPERATOR, json=order)
        assert got.status == 201
        return str(got.body["id"])

    async def resume(self, pause: str) -> None:
        got = await self.town.caller()("DELETE", f"/gateway/v1/pauses/{pause}?reason=solved", OPERATOR)
        assert got.status == 200


def _body(got: Got) -> dict[str, Any]:
    return dict(orjson.loads(got.raw))


@pytest.fixture
async def operator(town: Town) -> AsyncIterator[Operator]:
    desk = Listener()
    await desk.start()
    yield Operator(town, desk)
    await desk.stop()


async def test_a_stop_and_its_end_are_told_once_signed_and_with_what_to_do(operator: Operator) -> None:
    node, _ = await operator.node(), await operator.node()
    pause = await operator.pause()
    begun = await operator.hears("pause.started")
    await operator.resume(pause)
    await operator.hears("pause.ended")
    value = {"event": "PAUSED", "message_template_id": 1, "message_template_name": "winback"}
    value |= {"message_template_language": "en_US", "reason": "NONE"}
    await operator.town.tell(delivery("message_template_status_update", value))
    paused = await operator.hears("template.paused")
    opened = await operator.hears("breaker.opened")

    assert all(got.is_signed_with(ALERT_SECRET) for got in operator.desk.got)
    assert [len(operator.told(what)) for what in ("pause.started", "pause.ended", "template.paused")] == [1, 1, 1]
    assert (begun["kind"], begun["portfolio"], begun["scope"], begun["value"]) == (
        "tightened",
        PORTFOLIO,
        "number",
        NUMBER,
    )
    assert (begun["by"], begun["cause"]) == ("operator", "paused by operator: complaints")
    assert begun["runbook"] == "docs/runbooks.md#something-must-stop-now"
    assert "tidegate resume" in begun["what_to_do"]
    until_ms, since_ms = read_time(begun["until"]), read_time(begun["since"])
    assert until_ms is not None
    assert since_ms is not None
    assert 0 < until_ms - since_ms <= 1_801_000
    assert read_time(begun["sent_at"]) is not None
    assert (paused["scope"], paused["value"], paused["to"]) == ("template", f"{WABA}:en_US:winback", "PAUSED")
    assert opened["rule"]
    assert (opened["cause"], opened["cause_in_words"]) == ("template.status.PAUSED", "Meta paused the template")
    assert len({alert["id"] for alert in map(_body, operator.desk.got)}) == len(operator.desk.got)
    assert [one.app for one in node.services.relay.subscribers.all] == ["checkout", "shop", "depot"]
    assert [app.got for app in (operator.town.checkout, operator.town.shop, operator.town.depot)][2] == []


async def test_what_was_not_heard_is_told_again_with_its_id_and_the_time_of_the_new_try(operator: Operator) -> None:
    await operator.node()
    tries: list[bytes] = []

    async def answer(raw: bytes) -> web.Response:
        tries.append(raw)
        return web.Response(status=200 if len(tries) > 1 else 500)

    operator.desk.answer = answer
    await operator.pause()
    await operator.sees(lambda: len(tries) == 1)
    await operator.town.pass_time(10)
    heard = await operator.hears("pause.started")

    first = orjson.loads(tries[0])
    assert first["id"] == heard["id"]
    assert first["sent_at"] < heard["sent_at"]
    assert {**first, "sent_at": ""} == {**heard, "sent_at": ""}


async def test_who_is_away_for_more_than_a_day_is_not_told_any_more(operator: Operator) -> None:
    node = await operator.node()
    operator.desk.answer = 503
    await operator.pause("too old")
    await operator.sees(lambda: bool(operator.desk.refused))
    await operator.town.pass_time(86_400 + 3_600)
    relays = node.services.relays

    async def is_dead() -> bool:
        return (await relays.backlog(PORTFOLIO, ALERTS)).dead == 1

    await until(is_dead)
    shown = (await operator.town.caller()("GET", "/gateway/v1/webhooks", OPERATOR)).body["apps"]
    assert [one["dead"] for one in shown if one["app"] == ALERTS and one["portfolio"] == PORTFOLIO] == [1]
    others = (await operator.town.caller()("GET", "/gateway/v1/webhooks", CHECKOUT)).body["apps"]
    assert ALERTS not in [one["app"] for one in others], "an operator of some numbers only"
    operator.desk.answer = 200
    await operator.pause("new")
    await operator.hears("pause.started")

    assert [alert["cause"] for alert in operator.told("pause.started")] == ["paused by operator: new"]


async def test_what_was_before_there_was_anybody_to_tell_is_not_told(operator: Operator) -> None:
    await operator.town.node()
    pause = await operator.pause("long ago")
    await operator.node()
    await operator.resume(pause)
    await operator.hears("pause.ended")

    assert operator.told("pause.started") == []


async def test_who_goes_on_from_an_old_mark_tells_nothing_twice(operator: Operator) -> None:
    node = await operator.node()
    records = AlertRecords(node.connection.client, [PORTFOLIO])
    before = await records.read(PORTFOLIO)
    pause = await operator.pause()
    await operator.hears("pause.started")

    # As if its node had died between what it told and the note of it.
    await records.write(PORTFOLIO, before)
    _watch(node)._seen.clear()
    await operator.resume(pause)
    await operator.hears("pause.ended")

    assert len(operator.told("pause.started")) == 1


async def test_books_that_are_held_and_a_store_that_forgets_are_told_and_so_is_their_end(operator: Operator) -> None:
    node = await operator.node()
    client, standings = node.connection.client, node.services.standings
    records = AlertRecords(client, [PORTFOLIO])

    async def looked() -> bool:
        return (await records.read(PORTFOLIO)).durable is True

    await until(looked)
    for options in ({"appendonly": "no"}, {"appendonly": "yes"}):
        await client.config_set("appendonly", options["appendonly"])
        _watch(node)._seen.clear()
        await operator.hears("store.undurable" if options["appendonly"] == "no" else "store.durable")
    until_ms = node.services.clock.now_ms() + 60_000
    for held in (until_ms, 0):
        await client.hset(PortfolioKeys(PORTFOLIO).ledger, "held_until", held)
        await standings.reload(PORTFOLIO, -1)
        await operator.hears("books.held" if held else "books.whole")

    [told] = operator.told("books.held")
    assert (told["kind"], told["runbook"]) == ("tightened", "docs/runbooks.md#the-store-lost-its-data")
    assert operator.told("books.whole")[0]["kind"] == "opened"


async def test_the_address_and_the_secret_are_replaced_while_the_node_runs(operator: Operator) -> None:
    services = (await operator.node()).services
    path = operator.town.directory / "tidegate.toml"
    made = Rereading(
        path, load(path, {}), services.rules, services.credentials, services.keys, services.relay.subscribers
    )
    running = spawn(made.run(), "rereading")
    path.write_text(path.read_text().replace(ALERT_SECRET, NEXT_SECRET))
    with capture_logs() as told:
        made.ask()

        async def is_read() -> bool:
            return any(line["event"] == "credentials_replaced" for line in told)

        await until(is_read)
    running.cancel()
    await operator.pause()
    await operator.hears("pause.started")

    assert [line["replaced"] for line in told if line["event"] == "credentials_replaced"] == [["alerts.webhook_secret"]]
    assert "restart_needed" not in [line["event"] for line in told]
    assert [got.is_signed_with(NEXT_SECRET) for got in operator.desk.got] == [True]


def _watch(node: Node) -> AlertWatch:
    watch = node.duties["alerts"].__self__
    assert isinstance(watch, AlertWatch)
    return watch
