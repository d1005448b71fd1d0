"""Idempotency-Key over HTTP: one key, one message, one answer."""

from __future__ import annotations

import asyncio
import hashlib
import json

import pytest
from aiohttp import web

from tests.integration.edge.callers import (
    ANN,
    BOB,
    NUMBER,
    OPERATOR,
    OTHER_NUMBER,
    Caller,
    Recorder,
    accepted,
    template,
)
from tidegate.store.idempotency import Entry


@pytest.fixture
def counted(graph: Recorder) -> Recorder:
    """Graph gives each message an id of its own."""

    async def answer(_request: web.Request, _raw: bytes) -> web.Response:
        return web.json_response(accepted(f"wamid.{len(graph.requests)}"), headers={"X-FB-Trace-ID": "abc"})

    graph.answer = answer
    return graph


async def test_the_same_request_gets_the_first_answer_and_sends_nothing(bare: Caller, counted: Recorder):
    first = await bare.send(template(), Idempotency_Key="order-1")
    again = await bare.send(template(), Idempotency_Key="order-1")

    assert (again.status, again.raw) == (first.status, first.raw)
    assert (first["Idempotency-Replayed"], again["Idempotency-Replayed"]) == (None, "true")
    for name in ("Tidegate-Id", "Tidegate-Verdict", "X-FB-Trace-ID", "Content-Type"):
        assert again[name] == first[name]
    assert len(counted.requests) == 1


async def test_a_quoted_key_is_the_same_as_a_bare_one(bare: Caller, counted: Recorder):
    await bare.send(template(), Idempotency_Key="order-1")

    assert (await bare.send(template(), Idempotency_Key='"order-1"'))["Idempotency-Replayed"] == "true"


async def test_another_request_with_the_key_is_a_422(bare: Caller, counted: Recorder):
    await bare.send(template(ANN), Idempotency_Key="order-1")

    other_body = await bare.send(template(BOB), Idempotency_Key="order-1")
    other_path = await bare("POST", f"/{NUMBER}/messages", json=template(ANN), headers={"Idempotency-Key": "order-1"})

    assert (other_body.status, other_path.status) == (422, 422)
    for refused in (other_body, other_path):
        assert (refused["Tidegate-Verdict"], refused["Tidegate-Reason"]) == ("reject", "unprocessable")
        assert refused.error["tidegate"] == {"verdict": "reject", "reason": "unprocessable"}
        assert refused["Tidegate-Id"]
    assert (other_body.error["code"], other_body["Tidegate-Verdict"]) == (100, "reject")
    assert len(counted.requests) == 1


async def test_a_key_is_the_apps_own_and_the_same_for_all_its_numbers(bare: Caller, counted: Recorder):
    await bare.send(template(), Idempotency_Key="order-1")

    others = await bare.send(template(), "tg_sender", Idempotency_Key="order-1")
    await bare.send(template(), OPERATOR, Idempotency_Key="order-1")
    other_number = await bare.send(template(), OPERATOR, OTHER_NUMBER, Idempotency_Key="order-1")

    assert (others.status, others["Idempotency-Replayed"]) == (200, None)
    assert other_number.status == 422


async def test_while_the_first_is_running_it_is_a_409(bare: Caller, graph: Recorder):
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def answer(_request: web.Request, _raw: bytes) -> web.Response:
        reached.set()
        await go_on.wait()
        return web.json_response(accepted())

    graph.answer = answer
    running = asyncio.create_task(bare.send(template(), Idempotency_Key="order-1"))
    await reached.wait()

    meanwhile = await bare.send(template(), Idempotency_Key="order-1")
    go_on.set()

    assert (meanwhile.status, meanwhile["Retry-After"], meanwhile.error["code"]) == (409, "1", 2)
    assert (await running).status == 200
    assert len(graph.requests) == 1


async def test_many_at_once_send_one(bare: Caller, counted: Recorder):
    answers = await asyncio.gather(*(bare.send(template(), Idempotency_Key="order-1") for _ in range(20)))

    assert {answer.status for answer in answers} <= {200, 409}
    assert len(counted.requests) == 1


async def test_a_refusal_is_kept_and_an_answer_that_asks_to_try_again_is_not(make_node, counted, session, client):
    bare = Caller.of(await make_node(counted.url, limit="1"), session)
    refused = [await bare.send(template(), Idempotency_Key="a", Tidegate_Hold="reject") for _ in range(2)]
    assert [answer["Idempotency-Replayed"] for answer in refused] == [None, "true"]
    assert refused[0].raw == refused[1].raw


async def test_after_a_fault_of_metas_the_key_begins_anew(bare: Caller, graph: Recorder):
    async def fault(_request: web.Request, _raw: bytes) -> web.Response:
        return web.json_response({"error": {"code": 131000, "message": "x"}}, status=500)

    graph.answer = fault
    assert (await bare.send(template(), Idempotency_Key="a")).status == 500
    graph.answer = None

    got = await bare.send(template(), Idempotency_Key="a")

    assert (got.status, got["Idempotency-Replayed"]) == (200, None)


async def test_a_body_that_is_no_message_claims_no_key(bare: Caller, counted: Recorder):
    bad = await bare("POST", f"/v25.0/{NUMBER}/messages", data=b"{", headers={"Idempotency-Key": "a"})

    assert bad.status == 400
    assert (await bare.send(template(), Idempotency_Key="a")).status == 200


async def test_a_dry_run_claims_no_key(bare: Caller, counted: Recorder):
    await bare.send(template(), Idempotency_Key="a", Tidegate_Dry_Run="true")

    assert (await bare.send(template(), Idempotency_Key="a"))["Idempotency-Replayed"] is None


async def test_it_is_forgotten_after_a_day_of_the_stores_time(bare: Caller, counted: Recorder):
    await bare.send(template(), Idempotency_Key="a")
    await bare("POST", "/gateway/v1/testing/clock", json={"advance_s": 86_399 - 60})
    assert (await bare.send(template(), Idempotency_Key="a"))["Idempotency-Replayed"] == "true"
    await bare("POST", "/gateway/v1/testing/clock", json={"advance_s": 61})

    assert (await bare.send(template(), Idempotency_Key="a"))["Idempotency-Replayed"] is None
    assert len(counted.requests) == 2


async def test_what_is_kept_names_no_recipient(bare: Caller, counted: Recorder, client):
    await bare.send(template(), Idempotency_Key="a")

    (key,) = await client.keys("*idempotency*")
    assert ANN[1:] not in f"{key!r}{await client.hgetall(key)!r}"


class TestAfterACrash:
    """The node that claimed a key ended before it answered."""

    async def claim(self, bare: Caller, node, message_id: str) -> None:
        path = f"/v25.0/{NUMBER}/messages"
        raw = json.dumps(template()).encode()
        digest = hashlib.sha256(f"POST {path}\n".encode() + raw).hexdigest()
        entry = Entry("lucky-shrub", "checkout", hashlib.sha256(b"a").hexdigest(), digest, message_id)
        await node.services.idempotency.claim(entry)

    async def send(self, bare: Caller):
        headers = {"Idempotency-Key": "a"}
        return await bare("POST", f"/v25.0/{NUMBER}/messages", data=json.dumps(template()).encode(), headers=headers)

    async def test_what_was_never_begun_is_carried_out(self, make_node, counted: Recorder, session):
        node = await make_node(counted.url)
        bare = Caller.of(node, session)
        await self.claim(bare, node, node.services.gateway.new_id("lucky-shrub"))
        assert (await self.send(bare)).status == 409
        await bare("POST", "/gateway/v1/testing/clock", json={"advance_s": 61})

        got = await self.send(bare)

        assert (got.status, got["Tidegate-Verdict"]) == (200, "send")
        assert (await self.send(bare)).raw == got.raw
        assert len(counted.requests) == 1

    async def test_what_was_begun_is_never_sent_again(self, make_node, counted: Recorder, session):
        node = await make_node(counted.url)
        bare = Caller.of(node, session)
        begun = await bare.send(template())
        await self.claim(bare, node, begun["Tidegate-Id"])
        await bare("POST", "/gateway/v1/testing/clock", json={"advance_s": 61})

        got = await self.send(bare)

        assert (got.status, got["Tidegate-Verdict"], got["Idempotency-Replayed"]) == (200, "unknown", "true")
        assert got["Tidegate-Id"] == begun["Tidegate-Id"]
        assert len(counted.requests) == 1
