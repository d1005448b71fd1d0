"""Limits of the port: connections, requests under way, heads that do not end; and TLS, whose certificate changes."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from tests.integration.edge.callers import CHECKOUT, NUMBER, OPERATOR, Caller, Recorder, accepted, template
from tests.integration.edge.conftest import NodeMaker
from tests.integration.edge.peers import own_certificate
from tests.waiting import until
from tidegate.app import Node
from tidegate.cli.rereading import Rereading
from tidegate.tasks import spawn

GET = b"GET /%b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@asynccontextmanager
async def connected(node: Node, count: int) -> AsyncIterator[list[asyncio.StreamWriter]]:
    """Connections that say nothing."""
    writers = []
    for _ in range(count):
        reader, writer = await asyncio.open_connection(*node.address)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        # An answer shows that the node has taken it.
        await reader.readuntil(b"\r\n\r\n")
        writers.append(writer)
    try:
        yield writers
    finally:
        for writer in writers:
            writer.transport.abort()


async def asked(node: Node, sent: bytes) -> bytes:
    """What comes back until the connection is closed; nothing where it is cut off."""
    reader, writer = await asyncio.open_connection(*node.address)
    try:
        writer.write(sent)
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.transport.abort()


class TestConnections:
    @pytest.fixture
    async def node(self, make_node: NodeMaker, graph: Recorder) -> Node:
        return await make_node(graph.url, environ={"TIDEGATE_SERVER__MAX_CONNECTIONS": "8"})

    async def test_one_too_many_is_told_so_and_closed_but_hears_that_the_process_lives(self, node: Node):
        async with connected(node, 8) as held:
            answer = await asked(node, GET % f"v25.0/{NUMBER}".encode())
            alive = await asked(node, GET % b"healthz")
            ready = await asked(node, GET % b"readyz")
            held[0].transport.abort()

            async def has_room() -> bool:
                return b"HTTP/1.1 200 " in await asked(node, GET % b"readyz")

            await until(has_room)

        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 ")
        assert b"Connection: close" in head
        assert (json.loads(body)["error"]["code"], json.loads(body)["error"]["is_transient"]) == (2, True)
        assert (alive[9:12], ready[9:12]) == (b"200", b"503")
        assert b'tidegate_turned_away_total{limit="connections"} 0.0' not in node.services.metrics.exposition()

    async def test_far_too_many_are_cut_off_and_those_inside_are_served(self, node: Node):
        async with connected(node, 8):
            surplus_reader, surplus = await asyncio.open_connection(*node.address)
            surplus.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            await surplus_reader.readuntil(b"\r\n\r\n")

            assert await asked(node, GET % b"healthz") == b""

            surplus.transport.abort()


class TestHeads:
    @pytest.mark.parametrize(
        ("sent", "answer"),
        [
            pytest.param(b"", b"", id="nothing"),
            pytest.param(b"GET /healthz HT", b"HTTP/1.1 408 ", id="half a line"),
            pytest.param(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX", b"HTTP/1.1 408 ", id="half a head"),
        ],
    )
    async def test_one_that_does_not_end_is_given_up(self, make_node: NodeMaker, graph, sent, answer):
        node = await make_node(graph.url, environ={"TIDEGATE_SERVER__HEADER_TIMEOUT": "200ms"})

        assert (await asked(node, sent))[:13] == answer

    async def test_one_that_drips_is_given_up_too(self, make_node: NodeMaker, graph: Recorder):
        node = await make_node(graph.url, environ={"TIDEGATE_SERVER__HEADER_TIMEOUT": "200ms"})
        reader, writer = await asyncio.open_connection(*node.address)
        writer.write(b"GET /healthz HTTP/1.1\r\nX: ")
        reading = asyncio.ensure_future(reader.readuntil(b"\r\n"))

        async def it_ended() -> bool:
            writer.write(b"y")
            return reading.done()

        await until(it_ended)
        writer.transport.abort()

        assert reading.result().startswith(b"HTTP/1.1 408 ")

    async def test_a_second_head_on_a_connection_has_to_end_too_and_idling_is_allowed(self, make_node, graph):
        node = await make_node(graph.url, environ={"TIDEGATE_SERVER__HEADER_TIMEOUT": "200ms"})
        reader, writer = await asyncio.open_connection(*node.address)
        for _ in range(2):
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
            await reader.readuntil(b"}")
            with pytest.raises(TimeoutError):
                # Longer than a head may take.
                async with asyncio.timeout(0.3):
                    await reader.read(1)
        writer.write(b"GET /healthz HTTP/1.1\r\nHo")

        assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
        writer.close()

    async def test_a_long_body_may_take_longer_than_a_head(self, make_node: NodeMaker, graph: Recorder):
        node = await make_node(graph.url, environ={"TIDEGATE_SERVER__HEADER_TIMEOUT": "100ms"})
        head = f"POST /{NUMBER}/media HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {CHECKOUT}\r\nContent-Length: 20\r\n"
        reader, writer = await asyncio.open_connection(*node.address)
        writer.write(f"{head}Content-Type: image/png\r\nConnection: close\r\n\r\n".encode())
        left = 20

        async def is_sent() -> bool:
            nonlocal left
            writer.write(b"x")
            left -= 1
            return not left

        await until(is_sent)

        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        assert graph.requests[0][3] == b"x" * 20
        writer.close()


class TestRequestsUnderWay:
    """A recording stand-in that answers when it is told to keeps requests under way."""

    @pytest.fixture
    async def gate(self, graph: Recorder) -> asyncio.Event:
        opened = asyncio.Event()

        async def answer(request: web.Request, _raw: bytes) -> web.Response:
            await opened.wait()
            return web.json_response(accepted() if request.path.endswith("/messages") else {})

        graph.answer = answer
        return opened

    @staticmethod
    async def held(call: Caller, graph: Recorder, path: str = f"/v25.0/{NUMBER}") -> asyncio.Task[object]:
        """A request that is under way."""
        before = len(graph.requests)
        task = asyncio.ensure_future(call("GET", path))

        async def has_come() -> bool:
            return len(graph.requests) > before

        await until(has_come)
        return task

    async def test_an_app_that_has_its_share_is_told_to_wait_and_others_are_served(
        self, make_node: NodeMaker, graph, session, gate
    ):
        node = await make_node(graph.url, environ={"TIDEGATE_APP__0__MAX_IN_FLIGHT": "1"})
        call = Caller.of(node, session)
        under_way = await self.held(call, graph)

        passed, send = await call("GET", f"/v25.0/{NUMBER}"), await call.send(template())
        other = asyncio.ensure_future(call("GET", f"/v25.0/{NUMBER}", OPERATOR))
        gate.set()

        for refused in (passed, send):
            assert (refused.status, refused["Retry-After"], refused.error["code"]) == (429, "1", 130429)
        assert (send["Tidegate-Verdict"], send["Tidegate-Reason"]) == ("reject", "too_many_requests")
        assert (await other).status == 200
        await under_way
        assert (await call.send(template())).status == 200

    async def test_a_full_node_says_that_nothing_was_sent(self, make_node: NodeMaker, graph, session, gate):
        node = await make_node(graph.url, environ={"TIDEGATE_SERVER__MAX_IN_FLIGHT": "1"})
        call = Caller.of(node, session)
        under_way = await self.held(call, graph)

        refused = await call.send(template())
        control, ready = await call("GET", "/gateway/v1/queue"), await call("GET", "/readyz", None)
        told = node.services.metrics.exposition()
        gate.set()
        await under_way

        assert (refused.status, refused["Retry-After"], refused.error["code"]) == (503, "1", 2)
        assert refused.error["is_transient"] is True
        # It turns away what is too much, and is not to be taken out for that.
        assert (control.status, ready.status) == (200, 200)
        assert b"tidegate_in_flight 1.0" in told
        assert (await call.send(template())).status == 200
        assert b"tidegate_in_flight 0.0" in node.services.metrics.exposition()


class TestTls:
    @pytest.fixture
    def environ(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
        """What makes a node speak TLS, and what its file is read with again."""
        own_certificate(tmp_path, "first")
        made = {f"TIDEGATE_SERVER__TLS_{name}": str(tmp_path / "own.pem") for name in ("CERTIFICATE", "KEY")}
        for name, value in made.items():
            monkeypatch.setenv(name, value)
        return made

    @pytest.fixture
    async def node(self, make_node: NodeMaker, graph: Recorder, environ: dict[str, str]) -> Node:
        return await make_node(graph.url, environ=environ)

    @staticmethod
    async def name(node: Node) -> str:
        """The name in the certificate that a new connection is shown."""
        pem = await asyncio.to_thread(ssl.get_server_certificate, node.address)
        return "second" if b"second" in ssl.PEM_cert_to_DER_cert(pem) else "first"

    async def test_it_is_spoken_and_links_lead_back_by_it(self, node: Node, graph: Recorder):
        async def answer(_request: web.Request, _raw: bytes) -> web.Response:
            return web.json_response({"paging": {"next": f"{graph.url}/v25.0/{NUMBER}/x?after=1"}})

        graph.answer = answer
        url = f"https://127.0.0.1:{node.address[1]}"
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False)) as session:
            got = await Caller(url, session)("GET", f"/v25.0/{NUMBER}/x")

        assert got.body["paging"]["next"] == f"{url}/v25.0/{NUMBER}/x?after=1"

    async def test_half_a_head_that_comes_with_the_end_of_the_handshake_is_given_up_too(
        self, make_node: NodeMaker, graph: Recorder, environ: dict[str, str]
    ):
        node = await make_node(graph.url, environ={**environ, "TIDEGATE_SERVER__HEADER_TIMEOUT": "1s"})
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing)
        reader, writer = await asyncio.open_connection(*node.address)
        try:
            async with asyncio.timeout(10):
                while True:
                    try:
                        tls.do_handshake()
                        break
                    except ssl.SSLWantReadError:
                        writer.write(outgoing.read())
                        incoming.write(await reader.read(65_536))
                tls.write(b"GET /healthz HTTP/1.1\r\nX")
                writer.write(outgoing.read())

                # A connection that is kept has no end.
                await reader.read()
        finally:
            writer.transport.abort()

    async def test_plain_http_on_its_port_gets_nothing(self, node: Node):
        assert await asked(node, GET % b"healthz") == b""

    @pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
    async def test_an_old_protocol_is_not_spoken(self, node: Node):
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection(*node.address, ssl=old)

    async def test_a_handshake_that_is_not_begun_is_given_up(self, make_node: NodeMaker, graph, environ):
        node = await make_node(graph.url, environ=environ | {"TIDEGATE_SERVER__HEADER_TIMEOUT": "300ms"})

        assert await asked(node, b"") == b""

    async def test_the_certificate_is_exchanged_without_a_restart_and_a_bad_one_is_not_taken(
        self, node: Node, tmp_path: Path
    ):
        services = node.services
        rereading = Rereading(
            tmp_path / "tidegate.toml",
            node.settings,
            services.rules,
            services.credentials,
            services.keys,
            services.relay.subscribers,
            node.tls,
        )
        running = spawn(rereading.run(), "rereading")
        reader, writer = await asyncio.open_connection(*node.address, ssl=_anybody())

        own_certificate(tmp_path, "second")
        rereading.ask()

        async def is_second() -> bool:
            return await self.name(node) == "second"

        await until(is_second)
        with capture_logs() as told:
            (tmp_path / "own.pem").write_text("nonsense")
            rereading.ask()

            async def is_refused() -> bool:
                return any(line["event"] == "configuration_refused" for line in told)

            await until(is_refused)
        running.cancel()

        assert await self.name(node) == "second"
        writer.write(GET % b"healthz")
        assert (await reader.read()).startswith(b"HTTP/1.1 200 "), "a connection from before is served on"
        writer.close()


def _anybody() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
