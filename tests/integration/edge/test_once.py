"""Idempotency-Key over HTTP: one key, one message, one answer."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import aiohttp
import pytest
from aiohttp import web

from tests.factories import make_ask, make_terms
from tests.faultproxy import FaultProxy
from tests.integration.edge.callers import (
    ANN,
    BOB,
    NUMBER,
    OPERATOR,
    OTHER_NUMBER,
    Answer,
    Caller,
    Recorder,
    accepted,
    template,
)
from tests.integration.edge.own_store import node_on, own_store
from tests.waiting import until
from tidegate.store.idempotency import Entry
from tidegate.store.keys import PortfolioKeys


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

    (key,) = await client.keys("*:once:*")
    assert ANN[1:] not in f"{key!r}{await client.get(key)!r}"


class TestAfterACrash:
    """The node that claimed a key ended before it answered."""

    async def claim(self, bare: Caller, node, message_id: str) -> None:
        path = f"/v25.0/{NUMBER}/messages"
        raw = json.dumps(template()).encode()
        digest = hashlib.sha256(f"POST {path}\n".encode() + raw).hexdigest()
        entry = Entry("lucky-shrub", f"checkout:{hashlib.sha256(b'a').hexdigest()}", digest, message_id)
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

        async def is_written() -> bool:
            found = await node.services.messages.find("lucky-shrub", begun["Tidegate-Id"])
            return found is not None and found.state.value == "accepted"

        await until(is_written)
        await self.claim(bare, node, begun["Tidegate-Id"])
        await bare("POST", "/gateway/v1/testing/clock", json={"advance_s": 61})

        got = await self.send(bare)

        assert (got.status, got["Tidegate-Verdict"], got["Idempotency-Replayed"]) == (200, "send", "true")
        assert (got["Tidegate-Id"], got.body["messages"]) == (begun["Tidegate-Id"], [{"id": "wamid.1"}])
        assert len(counted.requests) == 1

    @pytest.mark.parametrize(
        ("record", "status", "verdict", "told"),
        [
            pytest.param(
                {"state": "queued", "reason": "messaging_limit", "until": "1900000000000"},
                200,
                "queue",
                "messaging_limit",
                id="it is queued",
            ),
            pytest.param({"state": "sending"}, 200, "unknown", "outcome_unknown", id="it was cut while it was sent"),
            pytest.param({"state": "unknown"}, 200, "unknown", "outcome_unknown", id="nobody knows"),
            pytest.param({"state": "accepted", "wamid": "wamid.1"}, 200, "send", None, id="Meta took it"),
            pytest.param({"state": "read", "wamid": "wamid.1"}, 200, "send", None, id="it was read meanwhile"),
            pytest.param(
                {"state": "failed", "wamid": "wamid.1", "history": "5 failed Meta's webhook 131026\n"},
                400,
                "reject",
                "failed",
                id="Meta took it, and it failed",
            ),
            pytest.param({"state": "expired"}, 400, "reject", "expired", id="it expired in the queue"),
            pytest.param({"state": "cancelled"}, 400, "reject", "cancelled", id="it was cancelled"),
        ],
    )
    async def test_what_became_of_its_message_is_told(
        self, make_node, counted: Recorder, session, client, record, status, verdict, told
    ):
        node = await make_node(counted.url)
        bare, message_id = Caller.of(node, session), node.services.gateway.new_id("lucky-shrub")
        seal = node.services.seal
        known = {"wamid": seal.close_wamid(message_id, record["wamid"])} if "wamid" in record else {}
        mapping = {"history": "", **record, **known}
        await client.hset(PortfolioKeys("lucky-shrub").message(message_id), mapping=mapping)
        await self.claim(bare, node, message_id)
        await bare("POST", "/gateway/v1/testing/clock", json={"advance_s": 61})

        got = await self.send(bare)

        assert (got.status, got["Tidegate-Verdict"], got["Tidegate-Reason"]) == (status, verdict, told)
        assert (got["Tidegate-Id"], got["Idempotency-Replayed"]) == (message_id, "true")
        if status == 200:
            expected = "wamid.1" if verdict == "send" else message_id
            assert got.body["messages"][0]["id"] == expected
        else:
            assert got.error["code"] == (131026 if told == "failed" else 131000)
        assert counted.requests == []

    async def test_what_is_proven_unsent_is_tried_anew(self, make_node, counted: Recorder, session, client):
        node = await make_node(counted.url)
        bare, message_id = Caller.of(node, session), node.services.gateway.new_id("lucky-shrub")
        record = {"state": "failed", "attempt": "0", "history": "5 failed never started\n"}
        await client.hset(PortfolioKeys("lucky-shrub").message(message_id), mapping=record)
        await self.claim(bare, node, message_id)
        await bare("POST", "/gateway/v1/testing/clock", json={"advance_s": 61})

        got = await self.send(bare)

        assert (got.status, got["Tidegate-Verdict"], got["Idempotency-Replayed"]) == (200, "send", None)
        assert got["Tidegate-Id"] != message_id
        assert len(counted.requests) == 1

    async def test_a_node_that_only_slept_sends_nothing_when_it_wakes(
        self, make_node, counted: Recorder, session, client
    ):
        """Its claim was taken over: another request has sent the message."""
        node = await make_node(counted.url)
        bare, message_id = Caller.of(node, session), node.services.gateway.new_id("lucky-shrub")
        await self.claim(bare, node, message_id)
        await bare("POST", "/gateway/v1/testing/clock", json={"advance_s": 61})
        assert (await self.send(bare)).status == 200

        epoch = (await node.services.ledger.books("lucky-shrub")).epoch
        ask = make_ask(message_id, b"u" * 16, portfolio="lucky-shrub", attempt=0, terms=make_terms(epoch=epoch))
        facts = await node.services.ledger.admit(ask)

        assert (facts.gone, facts.taken) == (True, False)
        assert len(counted.requests) == 1


async def test_of_64_at_once_on_two_nodes_one_is_sent(make_node, counted: Recorder, session):
    nodes = [Caller.of(await make_node(counted.url), session) for _ in range(2)]

    answers = await asyncio.gather(*(nodes[i % 2].send(template(), Idempotency_Key="a") for i in range(64)))

    assert {answer.status for answer in answers} <= {200, 409}
    assert len(counted.requests) == 1
    after = [await node.send(template(), Idempotency_Key="a") for node in nodes]
    assert {answer.raw for answer in after} == {answer.raw for answer in answers if answer.status == 200}
    assert {answer["Tidegate-Id"] for answer in [*answers, *after] if answer.status == 200} == {after[0]["Tidegate-Id"]}


@pytest.mark.parametrize(
    ("limit", "verdict"),
    [pytest.param("1", "queue", id="queued"), pytest.param("TIER_2K", "unknown", id="of unknown outcome")],
)
async def test_what_was_kept_or_is_in_doubt_is_answered_the_same_again(make_node, graph, session, limit, verdict):
    async def cut(request: web.Request, _raw: bytes) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    graph.answer = cut
    bare = Caller.of(await make_node(graph.url, limit=limit), session)

    first = await bare.send(template(), Idempotency_Key="a", Tidegate_Category="utility")
    again = await bare.send(template(), Idempotency_Key="a", Tidegate_Category="utility")

    assert (first["Tidegate-Verdict"], again["Tidegate-Verdict"]) == (verdict, verdict)
    assert (again.raw, again["Tidegate-Id"]) == (first.raw, first["Tidegate-Id"])
    assert len(graph.requests) == (0 if verdict == "queue" else 1)


UTILITY = {"Tidegate_Category": "utility"}
FULL = "1"  #: with its headroom, no place


@pytest.fixture
async def proxied(graph: Recorder, tmp_path) -> AsyncIterator[Callable[[str], Awaitable[tuple[Caller, FaultProxy]]]]:
    """Nodes that reach their store through a proxy."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())

        async def make(limit: str) -> tuple[Caller, FaultProxy]:
            store = await stack.enter_async_context(own_store())
            proxy = FaultProxy(store.tcp)
            await proxy.start()
            stack.push_async_callback(proxy.stop)
            url = f"redis://127.0.0.1:{proxy.address[1]}"
            node = await stack.enter_async_context(node_on(url, graph.url, tmp_path, limit=limit))
            return Caller.of(node, session), proxy

        yield make


async def answered(bare: Caller, to: str, key: str | None, refused: list[str]) -> Answer:
    """Ask as a client does, until it is answered; `refused` gets the ids of the 503s on the way.

    Without a `key` the message's content tells that it is the same.
    """
    headers = {"Idempotency_Key": key} if key is not None else {}
    told: list[Answer] = []

    async def is_answered() -> bool:
        told.append(await bare.send(template(to), **headers, **UTILITY))
        assert told[-1].status in (200, 409, 503)
        if told[-1].status == 503:
            refused.append(told[-1]["Tidegate-Id"] or "")
        return told[-1].status == 200

    await until(is_answered)
    for message_id in refused:
        # Before another one goes, it is sure that this one never does.
        assert await is_nowhere(bare, message_id)
    return told[-1]


async def is_nowhere(bare: Caller, message_id: str) -> bool:
    """Whether a message of which a 503 was told is neither kept nor sent."""
    told: list[Answer] = []

    async def is_told() -> bool:
        told.append(await bare("GET", f"/gateway/v1/messages/{message_id}"))
        return told[-1].status != 503

    await until(is_told)
    return told[-1].status == 404 or (told[-1].status == 200 and told[-1].body["state"] == "failed")


@pytest.mark.impatient
async def test_after_a_503_the_key_is_free_and_what_comes_to_the_store_too_late_doubles_nothing(
    proxied, graph: Recorder
):
    bare, proxy = await proxied("TIER_2K")
    await bare.send(template(BOB), **UTILITY)
    proxy.up.close()
    refused = await bare.send(template(), Idempotency_Key="a", **UTILITY)
    assert (refused.status, refused["Tidegate-Reason"]) == (503, "store_unavailable")
    proxy.up.open()

    got = await answered(bare, ANN, "a", [])
    again = await bare.send(template(), Idempotency_Key="a", **UTILITY)

    assert (again.raw, again["Tidegate-Id"], again["Idempotency-Replayed"]) == (got.raw, got["Tidegate-Id"], "true")
    assert got["Tidegate-Id"] != refused["Tidegate-Id"]
    assert len(graph.requests) == 2
    await until(lambda: is_nowhere(bare, refused["Tidegate-Id"] or ""))


@pytest.mark.impatient
@pytest.mark.parametrize("every", [8, 13])
@pytest.mark.parametrize("limit", [pytest.param(FULL, id="queued"), pytest.param("TIER_2K", id="sent")])
@pytest.mark.parametrize("by", ["key", "content"])
async def test_replies_of_the_store_that_are_lost_double_nothing(
    proxied, graph: Recorder, limit: str, every: int, by: str
):
    bare, proxy = await proxied(limit)
    if by == "content":
        assert (await bare("PUT", "/gateway/v1/rules", OPERATOR, json={"duplicates": {}})).status == 200
    users, refused = [f"+16505552{i:03}" for i in range(4)], list[str]()
    proxy.lose_replies(every)

    answers = [await answered(bare, user, f"order {user}" if by == "key" else None, refused) for user in users]

    proxy.lose_replies(0)
    verdict = "queue" if limit == FULL else "send"
    assert {answer["Tidegate-Verdict"] for answer in answers} == {verdict}
    assert len(graph.requests) == (0 if limit == FULL else len(users))
    assert not {answer["Tidegate-Id"] for answer in answers} & set(refused)
    assert all([await is_nowhere(bare, message_id) for message_id in refused])
