"""A message that names another by the gateway's id: Meta gets its own id of it, or nothing at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from tests.integration.edge.callers import (
    ANN,
    BOB,
    CHECKOUT,
    NUMBER,
    OPERATOR,
    OTHER_NUMBER,
    PORTFOLIO,
    SENDER,
    STRANGER,
    Answer,
    Caller,
    Recorder,
    accepted,
    signed,
    template,
)
from tests.integration.edge.conftest import NodeMaker
from tests.integration.edge.own_store import node_on, own_store
from tests.integration.edge.test_sends import inbound, now_s
from tests.waiting import until
from tidegate.app import Node

FIRST, SECOND = "wamid.Zmlyc3Q=", "wamid.c2Vjb25k"
_RECEIPT = {"messaging_product": "whatsapp", "status": "read"}


def answering(message_id: str | None) -> dict[str, Any]:
    return template(BOB, context={"message_id": message_id})


def reacting(message_id: str | None) -> dict[str, Any]:
    reaction = {"message_id": message_id, "emoji": "+"}
    return {"messaging_product": "whatsapp", "to": ANN, "type": "reaction", "reaction": reaction}


def reading(message_id: str | None) -> dict[str, Any]:
    return _RECEIPT | {"message_id": message_id}


@dataclass
class House:
    node: Node
    call: Caller
    graph: Recorder

    @property
    def posted(self) -> list[Any]:
        return [orjson.loads(raw) for _, _, _, raw in self.graph.requests]

    async def first(self, key: str = CHECKOUT, **headers: str) -> Answer:
        """A message to be named later."""
        answered = await self.call.send(template(), key, **headers)
        await self.node.services.gateway.settled(5)
        return answered

    async def pause(self) -> str:
        """Have what is utility wait."""
        order = {"scope": {"category": "utility"}, "reason": "a test"}
        paused = await self.call("POST", "/gateway/v1/pauses", OPERATOR, json=order)
        return str(paused.body["id"])

    async def resume(self, paused: str) -> None:
        await self.call("DELETE", f"/gateway/v1/pauses/{paused}", OPERATOR)

    async def has_posted(self, count: int) -> None:
        async def has() -> bool:
            return len(self.graph.requests) >= count

        await until(has)
        await self.node.services.gateway.settled(5)


@pytest.fixture
async def house(make_node: NodeMaker, graph: Recorder, session) -> House:
    wamids = iter((FIRST, SECOND))

    async def answer(request: web.Request, raw: bytes) -> web.Response:
        is_receipt = b'"read"' in raw
        return web.json_response({"success": True} if is_receipt else accepted(next(wamids)))

    graph.answer = answer
    node = await make_node(graph.url)
    return House(node, Caller.of(node, session), graph)


async def test_an_answer_a_reaction_and_a_receipt_reach_meta_with_its_own_id_of_the_message(house: House):
    raw = inbound(at_s=await now_s(house.call))
    await house.call("POST", "/webhooks/whatsapp", None, data=raw, headers=signed(raw))
    ours = (await house.first())["Tidegate-Id"]

    got = [await house.call.send(body(ours)) for body in (reading, reacting)]
    got.append(await house.call.send(answering(ours), Tidegate_Dry_Run="true"))
    house.graph.answer = None
    got.append(await house.call.send(answering(ours)))

    assert [answered.status for answered in got] == [200] * 4
    receipt, reaction, answer = house.posted[1:]
    assert receipt == reading(FIRST)
    assert reaction["reaction"] == {"message_id": FIRST, "emoji": "+"}
    assert answer["context"] == {"message_id": FIRST}


async def test_a_queued_message_can_be_named_once_it_is_sent_also_by_one_that_is_queued_itself(house: House):
    paused = await house.pause()
    ours = (await house.first(Tidegate_Category="utility"))["Tidegate-Id"]
    early = await house.call.send(answering(ours), Tidegate_Category="utility")
    await house.resume(paused)
    await house.has_posted(1)
    paused = await house.pause()
    later = await house.call.send(answering(ours), Tidegate_Category="utility")
    await house.resume(paused)
    await house.has_posted(2)

    assert (early.status, early.error["code"], early["Tidegate-Reason"]) == (400, 131009, "invalid_message")
    assert early.error["error_data"]["details"].startswith("context.message_id: that message is queued")
    assert (later.status, later["Tidegate-Verdict"]) == (200, "queue")
    assert house.posted[1]["context"] == {"message_id": FIRST}


async def test_what_meta_has_no_id_for_is_refused_in_words_that_say_why(house: House):
    async def hang_up(request: web.Request, _raw: bytes) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    theirs = (await house.call.send(template(), STRANGER, OTHER_NUMBER))["Tidegate-Id"]
    of_checkout = (await house.first())["Tidegate-Id"]
    await house.pause()
    cancelled = (await house.first(Tidegate_Category="utility"))["Tidegate-Id"]
    await house.call("DELETE", f"/gateway/v1/messages/{cancelled}")
    house.graph.answer = hang_up
    unknown = (await house.first(Tidegate_Category="marketing"))["Tidegate-Id"]
    none_of_it = "context.message_id: names no message of this app's"
    posted = len(house.posted)

    for message_id, key, details in (
        (cancelled, CHECKOUT, "context.message_id: that message was not sent: it is cancelled"),
        (unknown, CHECKOUT, "context.message_id: Meta has not answered for that message"),
        (of_checkout, SENDER, none_of_it),
        (theirs, CHECKOUT, none_of_it),
        ("tg00000000-" + "0" * 26, CHECKOUT, none_of_it),
        (f"{str(of_checkout)[:-4]}0000", CHECKOUT, none_of_it),
    ):
        got = await house.call.send(answering(message_id), key)
        assert (got.status, got.error["code"]) == (400, 131009), details
        assert got.error["error_data"]["details"].startswith(details)
        assert got["Tidegate-Verdict"] == "reject"
    assert len(house.posted) == posted


async def test_whoever_asks_what_would_happen_is_told_of_it_too(house: House):
    path = f"/gateway/v1/decide?number={NUMBER}"
    ours = (await house.first())["Tidegate-Id"]

    fine = await house.call("POST", path, json=answering(ours))
    refused = await house.call("POST", path, json=answering("tg00000000-" + "0" * 26))

    assert (fine.status, fine.body["verdict"]) == (200, "send")
    assert (refused.status, refused.body["code"], refused.body["graph_code"]) == (400, "invalid_message", 131009)


@pytest.mark.parametrize("body", [pytest.param(answering, id="an answer"), pytest.param(reading, id="a receipt")])
async def test_while_the_store_is_away_nothing_is_sent_and_trying_again_is_asked_for(
    graph: Recorder, session, tmp_path: Path, body
):
    async with own_store() as store, node_on(store.url, graph.url, tmp_path) as node:
        ours = node.services.gateway.new_id(PORTFOLIO)
        await store.process.stop(timeout_s=5)
        got = await Caller.of(node, session).send(body(ours))

    assert (got.status, got.error["code"], got.error["is_transient"]) == (503, 2, True)
    assert got["Tidegate-Reason"] == "store_unavailable"
    assert int(got["Retry-After"]) <= 30
    assert graph.requests == []
