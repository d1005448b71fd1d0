"""Reads of Graph over HTTP: what they ask for, what they make of the answers, and when they stop asking."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import orjson
import pytest
from aiohttp import web

from tests.factories import NOW_MS, NUMBER, PORTFOLIO, WABA
from tidegate.graph_reads import GraphReads, Told
from tidegate.policy.consequences.signal import Source
from tidegate.policy.reach import Subject
from tidegate.upstream import Upstream

TOKEN = "EAAG-a-token"
MINUTE_MS = 60_000

Answer = Callable[[web.Request], web.Response]


def body(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    return lambda _request: web.Response(
        body=orjson.dumps(value), status=status, headers=headers, content_type="application/json"
    )


def error(code: int, status: int = 400, headers: Mapping[str, str] | None = None) -> Answer:
    return body({"error": {"message": f"(#{code}) no", "type": "OAuthException", "code": code}}, status, headers)


def usage(**entry: Any) -> dict[str, str]:
    told = {"102290129340398": [{"type": "whatsapp", "call_count": 28, "total_time": 25, **entry}]}
    return {"X-Business-Use-Case-Usage": orjson.dumps(told).decode()}


@dataclass
class Graph:
    """A stand-in for Graph: by the last part of the path, what it answers; all else is an empty object."""

    url: str = ""
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)

    async def handle(self, request: web.Request) -> web.Response:
        node = request.path.rpartition("/")[2]
        self.asked.append(node)
        self.keys.add(request.headers["Authorization"])
        return self.answers.get(node, body({}))(request)


@pytest.fixture
async def graph() -> AsyncIterator[Graph]:
    made = Graph()
    application = web.Application()
    application.router.add_get("/{path:.*}", made.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture
async def reads(graph: Graph) -> AsyncIterator[GraphReads]:
    """Reads of which each question is asked a second after the one before."""
    upstream = Upstream(graph.url, 5, {})
    await upstream.start()
    ticks = count(NOW_MS, 1_000)
    yield GraphReads(upstream, PORTFOLIO, WABA, lambda: TOKEN, lambda: next(ticks))
    await upstream.close()


def names(told: Told) -> set[str]:
    return {signal.name for signal in told.signals}


async def test_each_number_the_account_and_its_templates_are_one_call_each(graph: Graph, reads: GraphReads) -> None:
    told = await reads.read((NUMBER, "2"))

    assert graph.asked == [NUMBER, "2", WABA, "message_templates"]
    assert graph.keys == {f"Bearer {TOKEN}"}
    assert (told.whole, told.wait_ms, told.changes) == (True, 0, [])


async def test_what_is_told_is_as_old_as_its_question_and_told_once(graph: Graph, reads: GraphReads) -> None:
    well = {"entities": [{"entity_type": "WABA", "id": WABA, "can_send_message": "AVAILABLE"}]}
    graph.answers = {
        NUMBER: body({"quality_rating": "RED", "health_status": well}),
        "2": body({"quality_rating": "RED", "health_status": well}),
        WABA: body({"account_review_status": "APPROVED", "health_status": well}),
    }

    told = await reads.read((NUMBER, "2"))

    assert [(signal.name, signal.subject.number, signal.at_ms - NOW_MS) for signal in told.signals] == [
        ("token.accepted", None, 0),
        ("number.quality.RED", NUMBER, 0),
        ("health.WABA.AVAILABLE", None, 0),
        ("number.quality.RED", "2", 1_000),
        ("account.review.APPROVED", None, 2_000),
    ]
    assert {signal.source for signal in told.signals} == {Source.GRAPH}
    assert [change.at_ms - NOW_MS for change in told.changes] == [0, 1_000, 2_000]


async def test_all_pages_of_templates_are_read(graph: Graph, reads: GraphReads) -> None:
    def page(request: web.Request) -> web.Response:
        after = request.query.get("after")
        node = {"name": f"after {after}", "language": "en_US", "status": "PAUSED"}
        paging = {} if after else {"cursors": {"after": "a/b="}, "next": "https://graph.facebook.com/next"}
        return web.json_response({"data": [node], "paging": paging})

    graph.answers = {"message_templates": page}

    told = await reads.read(())

    assert [change.key for change in told.changes] == [f"{WABA}:en_US:after None", f"{WABA}:en_US:after a/b="]


async def test_a_list_without_an_end_is_left_some_time(graph: Graph, reads: GraphReads) -> None:
    endless = {"data": [], "paging": {"cursors": {"after": "again"}, "next": "https://graph.facebook.com/next"}}
    graph.answers = {"message_templates": body(endless)}

    told = await reads.read(())

    assert graph.asked.count("message_templates") == 100
    assert not told.whole


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(error(100), id="an error that is about this node"),
        pytest.param(body({}, status=502), id="a status without an error"),
        pytest.param(lambda _request: web.Response(text="<html>"), id="something else than JSON"),
        pytest.param(body([1]), id="JSON that is no object"),
    ],
)
async def test_a_node_that_cannot_be_read_keeps_no_other_from_being_read(
    graph: Graph, reads: GraphReads, answer: Answer
) -> None:
    graph.answers = {NUMBER: answer, "2": body({"quality_rating": "RED"})}

    told = await reads.read((NUMBER, "2"))

    assert (told.whole, told.wait_ms) == (False, 0)
    assert "number.quality.RED" in names(told)
    assert graph.asked[-1] == "message_templates"


async def test_graph_out_of_reach_is_asked_once(graph: Graph) -> None:
    upstream = Upstream("http://127.0.0.1:1", 5, {})
    await upstream.start()
    told = await GraphReads(upstream, PORTFOLIO, WABA, lambda: TOKEN, lambda: NOW_MS).read((NUMBER, "2"))
    await upstream.close()

    assert told.faults == ["Graph could not be reached: ClientConnectorError"]
    assert told.signals == []


class TestCallBudget:
    @pytest.mark.parametrize("code", [4, 17, 32, 341, 613, 80007, 80008])
    async def test_meta_asking_for_fewer_calls_ends_the_reading(
        self, graph: Graph, reads: GraphReads, code: int
    ) -> None:
        graph.answers = {NUMBER: error(code)}

        told = await reads.read((NUMBER, "2"))

        assert graph.asked == [NUMBER]
        assert (told.whole, told.wait_ms) == (False, 5 * MINUTE_MS)
        (signal,) = told.signals
        assert (signal.name, signal.subject, signal.source) == (
            f"error.{code}",
            Subject(PORTFOLIO, WABA),
            Source.GRAPH,
        )
        assert signal.until_ms == NOW_MS + 5 * MINUTE_MS

    async def test_the_time_that_meta_names_is_the_end(self, graph: Graph, reads: GraphReads) -> None:
        told_wait = usage(call_count=100, estimated_time_to_regain_access=19)
        graph.answers = {NUMBER: error(80008, headers=told_wait)}

        told = await reads.read((NUMBER,))

        assert told.wait_ms == 19 * MINUTE_MS
        assert {signal.name: signal.until_ms for signal in told.signals} == {
            "error.80007": NOW_MS + 19 * MINUTE_MS,
            "error.80008": NOW_MS + 19 * MINUTE_MS,
        }

    @pytest.mark.parametrize(
        ("headers", "code", "minutes"),
        [
            pytest.param(usage(call_count=90), 80007, 5, id="nine tenths of the account's calls"),
            pytest.param(usage(total_cputime=100), 80007, 5, id="all of its processor time"),
            pytest.param(usage(estimated_time_to_regain_access=2), 80007, 2, id="a block of two minutes"),
            pytest.param(usage(estimated_time_to_regain_access=1e300), 80007, 1_440, id="a block of ages"),
            pytest.param({"X-App-Usage": '{"call_count":95}'}, 4, 5, id="the app's calls"),
        ],
    )
    async def test_a_budget_that_is_nearly_used_up_ends_the_reading_with_what_it_told(
        self, graph: Graph, reads: GraphReads, headers: Mapping[str, str], code: int, minutes: int
    ) -> None:
        graph.answers = {NUMBER: body({"quality_rating": "RED"}, headers=headers)}

        told = await reads.read((NUMBER, "2"))

        assert graph.asked == [NUMBER]
        assert told.wait_ms == minutes * MINUTE_MS
        assert {"number.quality.RED", f"error.{code}"} <= names(told)
        assert [s.detail for s in told.signals if s.name.startswith("error")] == ["usage header"]

    @pytest.mark.parametrize(
        "headers",
        [
            pytest.param(usage(), id="a quarter of the budget"),
            pytest.param(usage(call_count="100", estimated_time_to_regain_access=-5), id="values that mean nothing"),
            pytest.param({"X-App-Usage": "{"}, id="a header that is cut"),
            pytest.param({"X-App-Usage": "[100]", "X-Business-Use-Case-Usage": "7"}, id="headers of another shape"),
        ],
    )
    async def test_a_budget_with_room_ends_nothing(
        self, graph: Graph, reads: GraphReads, headers: Mapping[str, str]
    ) -> None:
        graph.answers = {NUMBER: body({}, headers=headers)}

        told = await reads.read((NUMBER,))

        assert (told.whole, told.wait_ms, names(told)) == (True, 0, {"token.accepted"})


class TestToken:
    @pytest.mark.parametrize(("code", "status"), [(190, 401), (190, 400), (0, 401)])
    async def test_a_token_that_graph_does_not_take_is_a_signal_about_this_account_alone(
        self, graph: Graph, reads: GraphReads, code: int, status: int
    ) -> None:
        graph.answers = {NUMBER: error(code, status)}

        told = await reads.read((NUMBER, "2"))

        assert graph.asked == [NUMBER]
        assert [(signal.name, signal.subject) for signal in told.signals] == [
            (f"error.{code}", Subject(PORTFOLIO, WABA))
        ]
        assert told.wait_ms == 0

    async def test_a_hiccup_with_code_0_is_no_refusal_of_the_token(self, graph: Graph, reads: GraphReads) -> None:
        graph.answers = {NUMBER: error(0, 500)}

        assert names(await reads.read((NUMBER,))) == {"token.accepted"}

    async def test_nothing_that_is_told_shows_the_token(self, graph: Graph, reads: GraphReads) -> None:
        graph.answers = {NUMBER: error(190, 401)}

        assert TOKEN not in repr(await reads.read((NUMBER,)))
