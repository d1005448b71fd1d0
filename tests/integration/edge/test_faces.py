"""Every error in the shape of its face, whatever the request; and what those who watch a node read."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace

import aiohttp
import pytest
from aiohttp import web
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.integration.edge.callers import (
    CHECKOUT,
    NUMBER,
    Caller,
    Recorder,
    accepted,
    raw_exchange,
    template,
)
from tidegate.edge.faces import Face
from tidegate.edge.routes import endpoints
from tidegate.edge.services import Services
from tidegate.edge.table.endpoint import Endpoint
from tidegate.ending import Ending
from tidegate.errors import StoreUnavailable
from tidegate.settings.tables import Scope

GRAPH_KEYS = {"message", "type", "code", "error_data", "fbtrace_id"}
PROBLEM_KEYS = {"type", "title", "status", "detail", "code"}


def draining(services: Services) -> Services:
    ending = Ending()
    ending.drain()
    return replace(services, ending=ending)


def filled(endpoint: Endpoint, value: str) -> str:
    """The endpoint's path with `value` in its holes."""
    return re.sub(r"\{version\}", "v25.0", re.sub(r"\{(?!version)[a-z_]+\}", value, endpoint.path))


def check_shape(endpoint: Endpoint, status: int, content_type: str | None, raw: bytes) -> None:
    body = json.loads(raw)
    if endpoint.face is Face.GRAPH:
        assert content_type == "application/json"
        assert set(body["error"]) >= GRAPH_KEYS
        assert isinstance(body["error"]["code"], int)
    else:
        assert content_type == "application/problem+json"
        assert set(body) >= PROBLEM_KEYS
        assert body["status"] == status


async def walk(make_node, graph, session) -> tuple[Caller, list[Endpoint]]:
    node = await make_node(graph.url)
    return Caller.of(node, session), [row for row in endpoints(node.services) if row.scopes]


class TestErrorShapes:
    async def test_every_route_refuses_whoever_has_no_key(self, make_node, graph: Recorder, session):
        call, rows = await walk(make_node, graph, session)
        assert len(rows) > 15
        for row in rows:
            for key in (None, "tg_wrong"):
                got = await call(row.method, filled(row, NUMBER), key, data=b"{}")
                assert got.status == 401, row.path
                assert got["WWW-Authenticate"] == "Bearer"
                check_shape(row, 401, got["Content-Type"], got.raw)
        assert graph.requests == []

    async def test_every_route_refuses_whoever_lacks_its_scope(self, make_node, graph: Recorder, session):
        call, rows = await walk(make_node, graph, session)
        # An app's keys by the one scope that each has; there is none with admin alone.
        keys = {Scope.READ: "tg_reader", Scope.SEND: "tg_sender", Scope.ONCALL: "tg_oncall"}
        tried = 0
        for row in rows:
            for scope, key in keys.items():
                if scope not in row.scopes:
                    got = await call(row.method, filled(row, NUMBER), key, data=b"{}")
                    assert got.status == 403, (row.method, row.path)
                    check_shape(row, 403, got["Content-Type"], got.raw)
                    tried += 1
        assert tried > 15
        assert graph.requests == []

    async def test_every_route_with_an_id_knows_no_unknown_one(self, make_node, graph: Recorder, session):
        call, rows = await walk(make_node, graph, session)
        for row in rows:
            # A user need not be known: of everybody else in the world nothing is.
            if "{" in row.path and "{object_id}" not in row.path and "{phone}" not in row.path:
                got = await call(row.method, filled(row, "999999999999999"), data=json.dumps(template()))
                assert got.status == 404, row.path
                check_shape(row, 404, got["Content-Type"], got.raw)
        assert graph.requests == []

    @pytest.mark.parametrize("method", ["PUT", "PATCH", "HEAD", "OPTIONS", "TRACE"])
    async def test_a_method_that_a_path_of_ours_has_not_is_a_405(self, make_node, graph, session, method):
        node = await make_node(graph.url)
        call = Caller.of(node, session)
        table = endpoints(node.services)
        answering = {row.path for row in table if row.method == method}
        for row in table:
            if row.face is Face.CONTROL and row.path not in answering:
                got = await call(method, filled(row, "x"))
                assert got.status == 405, row.path
                assert row.method in (got["Allow"] or "")
                assert got["Content-Type"] == "application/problem+json"

    @pytest.mark.parametrize(
        "path",
        [
            "/gateway",
            "/gateway/v2/queue",
            "/gateway/v1/",
            "/gateway/v1/moon",
            "/gateway/v1/rumours",
            "/gateway/v1/campaign",
            "/gateway/v1/recipients",
            "/webhooks/other",
            "/healthz/x",
        ],
    )
    async def test_what_is_not_there_is_a_problem_and_not_made_up(self, bare: Caller, path):
        got = await bare("GET", path)

        assert (got.status, got.body["code"], got["Content-Type"]) == (404, "not_found", "application/problem+json")

    async def test_a_bug_is_a_fault_that_passes_and_shows_nothing(self, make_node, graph, session):
        async def broken() -> None:
            raise RuntimeError("secret")

        node = await make_node(graph.url, change=lambda services: replace(services, probe=broken))
        got = await Caller.of(node, session)("GET", "/readyz", None)

        assert (got.status, got.body["code"]) == (503, "internal")
        assert "secret" not in got.raw.decode()


class TestRequestIds:
    async def test_a_callers_own_comes_back(self, bare: Caller):
        for path in ("/healthz", f"/v25.0/{NUMBER}", "/nothing"):
            got = await bare("GET", path, headers={"X-Request-Id": "abc-123"})
            assert got["X-Request-Id"] == "abc-123", path

    @pytest.mark.parametrize("given", ["", "a b", "x" * 129, "<script>", "ü"])
    async def test_another_is_made_for_one_that_is_none(self, bare: Caller, given):
        got = await bare("GET", "/healthz", headers={"X-Request-Id": given})

        assert re.fullmatch("[0-9a-f-]{36}", got["X-Request-Id"] or "")

    async def test_no_answer_tells_what_the_server_is_made_of(self, bare: Caller):
        for path in ("/healthz", f"/v25.0/{NUMBER}", "/nothing", "/webhooks/whatsapp", "/gateway/v1/queue"):
            got = await bare("GET", path)
            assert got["Server"] == "tidegate", path


class TestMalformedHttp:
    @pytest.mark.parametrize(
        "sent",
        [
            pytest.param(b"SECRET\r\n\r\n", id="no HTTP"),
            pytest.param(b"GET /healthz HTTP/1.1\r\nHost: x\r\nSECRET\x00: y\r\n\r\n", id="a NUL in a header"),
            pytest.param(b"GET /healthz HTTP/1.1\r\nHost: x\r\nSECRET : y\r\n\r\n", id="a space before the colon"),
            pytest.param(
                b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nSECRET", id="two lengths"
            ),
            pytest.param(
                b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nSECRET",
                id="a length and chunks",
            ),
            pytest.param(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nSECRET", id="a signed length"),
            pytest.param(b"GET /" + b"SECRET" * 3_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", id="a path of 18 kB"),
            pytest.param(b"\x16\x03\x01SECRET", id="TLS"),
        ],
    )
    async def test_it_is_a_constant_400_that_repeats_nothing(self, bare: Caller, sent):
        answer = await raw_exchange(bare.url, sent)

        assert answer.startswith(b"HTTP/1.0 400 ")
        assert b"SECRET" not in answer
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == 100

    @pytest.mark.parametrize(
        "line",
        [
            pytest.param(f"GET http://{NUMBER}.example/healthz HTTP/1.1", id="an absolute target"),
            pytest.param("OPTIONS * HTTP/1.1", id="a star"),
        ],
    )
    async def test_a_target_that_is_no_path_is_a_400(self, bare: Caller, line):
        answer = await raw_exchange(bare.url, f"{line}\r\nHost: x\r\nConnection: close\r\n\r\n".encode())

        assert answer.startswith(b"HTTP/1.1 400 ")

    async def test_another_version_of_http_is_a_400(self, bare: Caller):
        answer = await raw_exchange(bare.url, b"GET /healthz HTTP/2.0\r\nHost: x\r\nConnection: close\r\n\r\n")

        assert answer.partition(b" ")[2].startswith(b"400 ")

    async def test_an_expectation_that_can_not_be_met_is_a_417(self, bare: Caller):
        sent = b"GET /healthz HTTP/1.1\r\nHost: x\r\nExpect: a miracle\r\nConnection: close\r\n\r\n"

        assert (await raw_exchange(bare.url, sent)).startswith(b"HTTP/1.1 417 ")

    async def test_a_client_that_asks_first_is_told_to_go_on(self, bare: Caller, graph: Recorder):
        body = json.dumps(template())
        head = f"POST /v25.0/{NUMBER}/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {CHECKOUT}\r\n"
        head += f"Expect: 100-continue\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"

        answer = await raw_exchange(bare.url, (head + body).encode())

        assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
        assert len(graph.requests) == 1

    async def test_a_body_that_never_comes_is_a_408(self, bare: Caller, monkeypatch):
        monkeypatch.setattr("tidegate.edge.door.bodies.read_body.__defaults__", (262_144, 0.05))
        head = f"POST /v25.0/{NUMBER}/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {CHECKOUT}\r\n"

        answer = await raw_exchange(bare.url, f"{head}Content-Length: 10\r\n\r\nhalf".encode())

        assert answer.startswith(b"HTTP/1.1 408 ")
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == 100


class TestHealth:
    async def test_a_node_that_works_is_alive_and_ready(self, bare: Caller):
        for path in ("/healthz", "/readyz"):
            assert (await bare("GET", path, None)).status == 200

    async def test_without_the_store_it_is_alive_and_not_ready(self, make_node, graph, session):
        async def away() -> None:
            raise StoreUnavailable("away")

        async def hangs() -> None:
            await asyncio.Event().wait()

        for probe in (away, hangs):
            node = await make_node(graph.url, change=lambda services, probe=probe: replace(services, probe=probe))
            call = Caller.of(node, session)
            got = await call("GET", "/readyz", None)
            assert (got.status, got.body["code"]) == (503, "store_unavailable")
            assert (await call("GET", "/healthz", None)).status == 200

    async def test_a_store_that_takes_no_writes_is_told(self, bare: Caller, client):
        await client.execute_command("CONFIG SET", "min-replicas-to-write", 1)
        try:
            got = await bare("GET", "/readyz", None)
        finally:
            await client.execute_command("CONFIG SET", "min-replicas-to-write", 0)

        assert (got.status, got.body["code"]) == (503, "store_unavailable")

    async def test_a_node_that_drains_is_alive_not_ready_and_closes_connections(self, make_node, graph, session):
        node = await make_node(graph.url, change=draining)
        call = Caller.of(node, session)

        ready, alive = await call("GET", "/readyz", None), await call("GET", "/healthz", None)

        assert (ready.status, ready.body["code"]) == (503, "draining")
        assert (alive.status, alive["Connection"]) == (200, "close")

    async def test_a_node_that_drains_takes_no_sends(self, make_node, graph: Recorder, session):
        node = await make_node(graph.url, change=draining)
        call = Caller.of(node, session)

        refused = [await call.send(template()), await call("GET", f"/v25.0/{NUMBER}")]

        for got in refused:
            assert (got.status, got.error["code"], got.error["is_transient"], got["Retry-After"]) == (503, 2, True, "5")
        assert (refused[0]["Tidegate-Verdict"], refused[0]["Tidegate-Reason"]) == ("reject", "draining")
        assert graph.requests == []

    async def test_a_send_that_meta_never_answers_does_not_keep_a_node_from_stopping(
        self, make_node, graph: Recorder, session, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr("tidegate.node._DRAIN_S", 0.1)
        node = await make_node(graph.url)
        asked = asyncio.Event()

        async def never(_request: web.Request, _raw: bytes) -> web.Response:
            asked.set()
            await asyncio.Event().wait()
            raise AssertionError("unreachable")

        graph.answer = never
        sending = asyncio.create_task(Caller.of(node, session).send(template()))
        await asked.wait()

        await node.stop()

        # Cut, not answered: its intent is in the store, and with its time it will be unknown. Nobody sends it again.
        with pytest.raises(aiohttp.ClientConnectionError):
            await sending
        assert len(graph.requests) == 1
        call = Caller.of(await make_node(graph.url), session)
        opaque = json.loads(graph.requests[0][3])["biz_opaque_callback_data"]
        told = await call("GET", f"/gateway/v1/messages/{opaque.split('.')[1]}")
        assert told.body["state"] == "sending"

    async def test_metrics_tell_of_sends_and_of_nobody(self, bare: Caller):
        await bare.send(template())

        got = await bare("GET", "/metrics", None)

        assert (got["Content-Type"] or "").startswith("text/plain; version=")
        assert 'tidegate_sends_total{category="marketing",reason="",verdict="send"} 1.0' in got.raw.decode()
        assert "1650555" not in got.raw.decode()

    async def test_metrics_tell_of_places_limit_and_queue(self, bare: Caller):
        await bare.send(template())

        told = (await bare("GET", "/metrics", None)).raw.decode()

        assert 'tidegate_places_used{portfolio="lucky-shrub"} 1.0' in told
        assert 'tidegate_messaging_limit{portfolio="lucky-shrub"} 2000.0' in told
        assert 'tidegate_queue_messages{category="marketing",portfolio="lucky-shrub"} 0.0' in told


class TestDescription:
    async def test_it_is_a_valid_openapi_document_of_every_route(self, make_node, graph, session):
        node = await make_node(graph.url)

        told = (await Caller.of(node, session)("GET", "/openapi.json", None)).body

        OpenAPIV31SpecValidator(told).validate()
        described = {(method.upper(), path) for path, item in told["paths"].items() for method in item}
        assert described == {(row.method, row.path) for row in endpoints(node.services)}

    async def test_the_test_clock_is_described_only_where_it_is(self, make_node, graph, session):
        node = await make_node(graph.url, clock=False)

        told = (await Caller.of(node, session)("GET", "/openapi.json", None)).body

        assert not [path for path in told["paths"] if "testing" in path]

    async def test_answers_are_as_they_are_described(self, bare: Caller, graph: Recorder):
        async def answer(_request: web.Request, _raw: bytes) -> web.Response:
            return web.json_response(accepted())

        graph.answer = answer
        sent = await bare.send(template())
        pause = await bare("POST", "/gateway/v1/pauses", json={"scope": {"campaign": "x"}, "reason": "r"})
        assert pause.status == 201
        told = (await bare("GET", "/openapi.json", None)).body
        paths = {
            "/gateway/v1/portfolios/{portfolio}/capacity": "/gateway/v1/portfolios/lucky-shrub/capacity",
            "/gateway/v1/messages/{id}": f"/gateway/v1/messages/{sent['Tidegate-Id']}",
            **{path: path for path in ("/healthz", "/readyz")},
            **{
                f"/gateway/v1/{name}": f"/gateway/v1/{name}"
                for name in ("queue", "standing", "quality", "pauses", "rules")
            },
        }
        for described, path in paths.items():
            got = await bare("GET", path)
            content = told["paths"][described]["get"]["responses"]["200"]["content"]
            schema = content["application/json"]["schema"] | {"components": told["components"]}
            Draft202012Validator(schema).validate(got.body)
