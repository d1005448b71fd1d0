"""The guard against messages that come twice: the first one's answer again, for a moment, and only for the same."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest
from aiohttp import web

from tests.integration.edge.callers import ANN, BOB, NUMBER, OPERATOR, SENDER, Caller, Recorder, accepted, template
from tests.integration.edge.conftest import NodeMaker
from tidegate.errors import StoreUnavailable
from tidegate.gateway import Claim
from tidegate.store.sealing import Seal

AGAIN = "Tidegate-Duplicate-Of"


@pytest.fixture
async def guarded(bare: Caller) -> Caller:
    await rule(bare)
    return bare


async def rule(bare: Caller, **changes: Any) -> None:
    got = await bare("PUT", "/gateway/v1/rules", OPERATOR, json={"duplicates": changes})
    assert got.status == 200, got.raw


async def test_it_is_off_until_configured(bare: Caller, graph: Recorder) -> None:
    answers = [await bare.send(template()) for _ in range(2)]

    assert [answer[AGAIN] for answer in answers] == [None, None]
    assert len(graph.requests) == 2


async def test_the_same_message_gets_the_first_ones_answer(guarded: Caller, graph: Recorder) -> None:
    first, again = [await guarded.send(template()) for _ in range(2)]

    assert (first[AGAIN], again[AGAIN]) == (None, first["Tidegate-Id"])
    assert (again.status, again.raw, again["Tidegate-Id"]) == (200, first.raw, first["Tidegate-Id"])
    assert (first["Idempotency-Replayed"], again["Idempotency-Replayed"]) == (None, "true")
    assert again["RateLimit"]
    assert len(graph.requests) == 1


async def test_an_answer_without_a_key_to_seal_it_with_is_kept_a_moment_later(
    guarded: Caller, graph: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    close, missing = Seal.close, [" wamid", "idempotency:"]

    def without_a_key(seal: Seal, name: str, body: bytes, until_ms: int) -> bytes:
        for what in missing:
            if what in name:
                missing.remove(what)
                raise StoreUnavailable("no key")
        return close(seal, name, body, until_ms)

    monkeypatch.setattr(Seal, "close", without_a_key)
    first, again = [await guarded.send(template()) for _ in range(2)]

    assert (first.status, again.status, missing) == (200, 200, [])
    assert (again.raw, again[AGAIN]) == (first.raw, first["Tidegate-Id"])
    assert (await guarded("GET", f"/gateway/v1/messages/{first['Tidegate-Id']}")).body["state"] == "accepted"
    assert len(graph.requests) == 1


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"body": template(BOB)}, id="to another user"),
        pytest.param({"body": template(name="another")}, id="another body"),
        pytest.param({"key": SENDER}, id="from another app"),
        pytest.param({"Idempotency_Key": "mine"}, id="with a key of the caller's"),
    ],
)
async def test_another_message_is_sent(guarded: Caller, graph: Recorder, other: dict[str, Any]) -> None:
    await guarded.send(template())

    got = await guarded.send(**{"body": template()} | other)

    assert (got.status, got[AGAIN]) == (200, None)
    assert len(graph.requests) == 2


async def test_the_marketing_messages_api_is_sent_another_message(guarded: Caller, graph: Recorder) -> None:
    edges = ["messages", "marketing_messages", "marketing_messages"]
    answers = [await guarded("POST", f"/v25.0/{NUMBER}/{edge}", json=template()) for edge in edges]

    assert [answer[AGAIN] for answer in answers] == [None, None, answers[1]["Tidegate-Id"]]
    assert len(graph.requests) == 2


async def test_how_it_is_written_makes_no_difference(guarded: Caller, graph: Recorder) -> None:
    await guarded.send(template())
    written = (
        b'{ "to": "1 650 555 1234", "type":"template", "recipient_type":"individual", "messaging_product":"whatsapp",'
    )
    written += b'"template": {"language":{"code":"en_US"}, "name":"order_confirmation"} }'

    again = await guarded("POST", f"/{NUMBER}/messages", data=written)

    assert again[AGAIN]
    assert len(graph.requests) == 1


async def test_after_the_span_it_is_another_message(guarded: Caller, graph: Recorder) -> None:
    await guarded.send(template())
    await guarded("POST", "/gateway/v1/testing/clock", json={"advance_s": 119})
    assert (await guarded.send(template()))[AGAIN]
    await guarded("POST", "/gateway/v1/testing/clock", json={"advance_s": 2})

    assert (await guarded.send(template()))[AGAIN] is None
    assert len(graph.requests) == 2


async def test_a_category_that_is_not_named_is_not_guarded(bare: Caller, graph: Recorder) -> None:
    await rule(bare, categories=["authentication"])

    utility = [await bare.send(template(), Tidegate_Category="utility") for _ in range(2)]
    codes = [await bare.send(template(BOB), Tidegate_Category="authentication") for _ in range(2)]

    assert [answer[AGAIN] is None for answer in (*utility, *codes)] == [True, True, True, False]
    assert len(graph.requests) == 3


async def test_in_shadow_it_is_sent_and_counted(bare: Caller, graph: Recorder) -> None:
    await rule(bare, mode="shadow")

    answers = [await bare.send(template()) for _ in range(3)]

    assert [answer[AGAIN] for answer in answers] == [None] * 3
    assert len({answer["Tidegate-Id"] for answer in answers}) == len(graph.requests) == 3
    assert 'tidegate_duplicates_total{mode="shadow"} 2.0' in (await bare("GET", "/metrics", None)).raw.decode()


@pytest.mark.parametrize("status", [pytest.param(400, id="refused by Meta"), pytest.param(500, id="a fault of Meta's")])
async def test_one_that_was_refused_is_no_first(guarded: Caller, graph: Recorder, status: int) -> None:
    async def refuse(_request: web.Request, _raw: bytes) -> web.Response:
        return web.json_response({"error": {"code": 131000, "message": "x"}}, status=status)

    graph.answer = refuse
    assert (await guarded.send(template())).status == status
    graph.answer = None

    got = await guarded.send(template())

    assert (got.status, got[AGAIN]) == (200, None)


async def test_who_comes_while_the_first_is_running_waits_for_its_answer(guarded: Caller, graph: Recorder) -> None:
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def answer(_request: web.Request, _raw: bytes) -> web.Response:
        reached.set()
        await go_on.wait()
        return web.json_response(accepted())

    graph.answer = answer
    first = asyncio.create_task(guarded.send(template()))
    await reached.wait()
    others = [asyncio.create_task(guarded.send(template())) for _ in range(3)]
    done, _ = await asyncio.wait(others, timeout=0.3)
    assert not done
    go_on.set()

    answers = await asyncio.gather(first, *others)

    assert {answer.raw for answer in answers} == {answers[0].raw}
    assert {answer[AGAIN] for answer in answers[1:]} == {answers[0]["Tidegate-Id"]}
    assert len(graph.requests) == 1


async def test_a_retry_on_another_node_is_seen_too(
    make_node: NodeMaker, graph: Recorder, session: Any, client: Any
) -> None:
    nodes = [Caller.of(await make_node(graph.url), session) for _ in range(2)]
    await rule(nodes[0])

    first, again = [await node.send(template()) for node in nodes]

    assert again[AGAIN] == first["Tidegate-Id"]
    assert len(graph.requests) == 1
    keys = [key.decode() for key in await client.keys("*:once:*")]
    assert len(keys) == 1
    assert ANN[1:] not in keys[0]


async def scripts_run(bare: Caller) -> dict[str, float]:
    told = (await bare("GET", "/metrics", None)).raw.decode()
    return {
        line.split('"')[1]: float(line.split()[-1])
        for line in told.splitlines()
        if line.startswith("tidegate_store_seconds_count{")
    }


async def test_the_first_of_its_kind_asks_the_store_no_more_often_than_any_other(guarded: Caller) -> None:
    await guarded.send(template(BOB))
    before = await scripts_run(guarded)

    assert (await guarded.send(template()))["Tidegate-Verdict"] == "send"

    after = await scripts_run(guarded)
    assert after.get("recall", 0) == before.get("recall", 0)
    assert after["admit"] == before["admit"] + 1


@pytest.mark.parametrize(
    ("limit", "verdict"),
    [pytest.param("1", "queue", id="queued"), pytest.param("TIER_2K", "unknown", id="of unknown outcome")],
)
async def test_one_that_is_kept_or_in_doubt_is_a_first_too(
    make_node: NodeMaker, graph: Recorder, session: Any, limit: str, verdict: str
) -> None:
    async def cut(request: web.Request, _raw: bytes) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    graph.answer = cut
    bare = Caller.of(await make_node(graph.url, limit=limit), session)
    await rule(bare)

    first, again = [await bare.send(template(), Tidegate_Category="utility") for _ in range(2)]

    assert (first["Tidegate-Verdict"], again["Tidegate-Verdict"], again[AGAIN]) == (
        verdict,
        verdict,
        first["Tidegate-Id"],
    )
    assert again.raw == first.raw
    assert len(graph.requests) == (0 if verdict == "queue" else 1)


async def test_what_would_be_stopped_now_gets_the_first_ones_answer(guarded: Caller, graph: Recorder) -> None:
    first = await guarded.send(template())
    pause = {"scope": {"number": NUMBER}, "reason": "a test"}
    assert (await guarded("POST", "/gateway/v1/pauses", OPERATOR, json=pause)).status in (200, 201)

    again, other = await guarded.send(template()), await guarded.send(template(BOB), Tidegate_Hold="reject")

    assert (again.status, again[AGAIN]) == (200, first["Tidegate-Id"])
    assert (other.status, other["Tidegate-Reason"]) == (400, "paused_by_operator")
    assert len(graph.requests) == 1


async def test_one_that_is_refused_by_a_rule_is_no_first(guarded: Caller, graph: Recorder) -> None:
    pause = {"scope": {"number": NUMBER}, "reason": "a test"}
    await guarded("POST", "/gateway/v1/pauses", OPERATOR, json=pause)

    refused = [await guarded.send(template(), Tidegate_Hold="reject") for _ in range(2)]

    assert [(got.status, got[AGAIN]) for got in refused] == [(400, None)] * 2
    assert refused[0]["Tidegate-Id"] != refused[1]["Tidegate-Id"]


async def test_of_64_at_once_on_two_nodes_one_is_sent(make_node: NodeMaker, graph: Recorder, session: Any) -> None:
    nodes = [Caller.of(await make_node(graph.url), session) for _ in range(2)]
    await rule(nodes[0])

    answers = await asyncio.gather(*(nodes[i % 2].send(template()) for i in range(64)))

    assert len(graph.requests) == 1
    assert {(answer.status, answer.raw, answer["Tidegate-Id"]) for answer in answers} == {
        (200, answers[0].raw, answers[0]["Tidegate-Id"])
    }
    assert sum(answer[AGAIN] is None for answer in answers) == 1


async def test_a_send_leaves_nothing_that_has_to_be_searched_for(guarded: Caller) -> None:
    """What a send holds goes when it has its answer: a circle of references would wait for the collector."""
    await guarded.send(template(BOB))
    gc.collect()
    gc.disable()
    try:
        assert (await guarded.send(template()))["Tidegate-Verdict"] == "send"
        # Its outcome has been written, and let go of it.
        assert await guarded.send(template())
        left = [type(one).__name__ for one in gc.get_objects() if isinstance(one, Claim)]
    finally:
        gc.enable()
    assert left == []
