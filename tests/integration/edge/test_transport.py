"""The way of bytes through the gateway: what HTTP allows passes, and whatever stops moving ends."""

from __future__ import annotations

import asyncio
import gzip
import json

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from tests.integration.edge.callers import CHECKOUT, NUMBER, OPERATOR, OTHER_NUMBER, WABA, Caller, Recorder
from tests.integration.edge.conftest import NodeMaker
from tests.waiting import until
from tidegate.simulator.config import DEFAULT_TOKEN

MEDIA = "1037543291543636"
STALL = {"TIDEGATE_SERVER__STALL_TIMEOUT": "300ms"}
KEYED = f"Host: x\r\nAuthorization: Bearer {CHECKOUT}\r\nConnection: close\r\n"
LIST = json.dumps({"data": ["order_confirmation"] * 500}).encode()


async def written(url: str, *parts: bytes) -> bytes:
    """Write these parts, one after another; all that comes back until the connection is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", URL(url).port)
    for part in parts:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(0)
    received = await reader.read()
    writer.close()
    return received


class TestThePort:
    async def test_a_storm_of_connections_is_taken_and_a_stopped_node_takes_none(
        self, make_node: NodeMaker, graph: Recorder, session
    ):
        node = await make_node(graph.url)
        port = URL(Caller.of(node, session).url).port
        wires = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", port) for _ in range(100)))
        for _, writer in wires:
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")

        heads = [await reader.readuntil(b"\r\n") for reader, _ in wires]

        assert set(heads) == {b"HTTP/1.1 200 OK\r\n"}
        for site in list(node.runner.sites):
            await site.stop()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        for _, writer in wires:
            writer.close()


class TestWhatPasses:
    async def test_a_client_that_asks_first_uploads_when_it_is_told_to_go_on(self, bare: Caller, graph: Recorder):
        head = f"POST /v25.0/{NUMBER}/media HTTP/1.1\r\n{KEYED}Content-Type: image/png\r\nContent-Length: 4\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", URL(bare.url).port)
        writer.write(f"{head}Expect: 100-continue\r\n\r\n".encode())
        told = await reader.readuntil(b"\r\n\r\n")
        assert (told, graph.requests) == (b"HTTP/1.1 100 Continue\r\n\r\n", [])

        writer.write(b"part")
        answer = await reader.read()
        writer.close()

        assert answer.startswith(b"HTTP/1.1 200 ")
        assert graph.requests[0][3] == b"part"
        assert "Expect" not in graph.requests[0][2]

    @pytest.mark.parametrize("order", [("messaging_product", "type", "file"), ("file", "type", "messaging_product")])
    async def test_the_parts_of_a_form_arrive_in_their_order(self, bare: Caller, graph: Recorder, order):
        parts = [f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{name}\r\n' for name in order]
        raw = ("".join(parts) + "--b--\r\n").encode()
        headers = {"Content-Type": "multipart/form-data; boundary=b"}

        assert (await bare("POST", f"/v25.0/{NUMBER}/media", data=raw, headers=headers)).status == 200
        assert graph.requests[0][3] == raw

    async def test_headers_that_the_answers_connection_names_stay_here_and_the_usage_comes(self, bare, graph):
        async def answer(_request: web.Request, _raw: bytes) -> web.Response:
            usage = {"X-App-Usage": '{"call_count":1}', "X-Business-Use-Case-Usage": "{}", "X-FB-Trace-ID": "t"}
            response = web.json_response({}, headers={"Connection": "keep-alive, X-Hop", "X-Hop": "1"} | usage)
            response.headers.extend([("X-Twice", "a"), ("X-Twice", "b"), ("Proxy-Authenticate", "Basic")])
            return response

        graph.answer = answer

        got = await bare("GET", f"/v25.0/{NUMBER}")

        assert (got["X-Hop"], got["Proxy-Authenticate"]) == (None, None)
        assert (got["X-App-Usage"], got["X-Business-Use-Case-Usage"]) == ('{"call_count":1}', "{}")
        assert (got["X-FB-Trace-ID"], got.headers.getall("X-Twice")) == ("t", ["a", "b"])

    @pytest.mark.parametrize(
        ("wish", "packed"),
        [
            pytest.param("gzip", True, id="asked for"),
            pytest.param("br;q=1, GZIP ;q=0.5", True, id="asked for among others"),
            pytest.param("identity", False, id="not asked for"),
            pytest.param("gzip;q=0", False, id="refused"),
            pytest.param("*", False, id="whatever there is"),
        ],
    )
    async def test_a_list_is_packed_only_for_whoever_asks(self, bare: Caller, graph: Recorder, wish, packed):
        async def answer(_request: web.Request, _raw: bytes) -> web.Response:
            return web.Response(body=LIST, content_type="application/json")

        graph.answer = answer

        got = await bare("GET", f"/v25.0/{WABA}/message_templates", headers={"Accept-Encoding": wish})

        assert (got["Content-Encoding"], got.raw) == ("gzip" if packed else None, LIST)

    @pytest.mark.parametrize("content_type", ["application/json", "image/svg+xml"])
    async def test_what_graph_packs_unasked_is_unpacked(self, bare: Caller, graph: Recorder, content_type):
        async def answer(_request: web.Request, _raw: bytes) -> web.Response:
            headers = {"Content-Encoding": "gzip", "Content-Type": content_type}
            return web.Response(body=gzip.compress(LIST), headers=headers)

        graph.answer = answer

        got = await bare("GET", f"/v25.0/{MEDIA}", headers={"Accept-Encoding": "identity"})

        assert (got["Content-Encoding"], got.raw) == (None, LIST)
        assert graph.requests[0][2]["Accept-Encoding"] == "identity"

    async def test_a_file_is_sent_to_an_upload_session_as_it_is(self, bare: Caller, graph: Recorder):
        path = "/v25.0/upload:MTphdHRhY2htZW50Ojk_ZmlsZT0x==?sig=ARa-b_c"
        headers = {
            "Authorization": f"OAuth {CHECKOUT}",
            "file_offset": "0",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        raw = b"\x00\xffaccess_token=x&method=delete"

        got = await bare("POST", path, None, data=raw, headers=headers)

        assert got.status == 200
        method, sent_path, sent, sent_raw = graph.requests[0]
        assert (method, sent_path, sent["file_offset"], sent_raw) == ("POST", path, "0", raw)
        assert sent["Authorization"] == f"Bearer {DEFAULT_TOKEN}"


class TestWhoseItIs:
    @pytest.mark.parametrize("path", ["/5/uploads", "/v25.0/5/assets", "/v25.0/5/compare", "/5", "/v25.0/5/publish/"])
    async def test_below_an_id_that_only_meta_knows_passes_what_may_be_below_a_file_or_a_template(
        self, bare: Caller, graph: Recorder, path
    ):
        assert (await bare("POST", path)).status == 200
        assert graph.requests[0][1] == path

    @pytest.mark.parametrize(
        "path",
        [
            pytest.param("/v25.0/999/register", id="what belongs to a number"),
            pytest.param("/v25.0/999/whatsapp_business_profile", id="a number's profile"),
            pytest.param("/v25.0/999/phone_numbers", id="what belongs to an account"),
            pytest.param("/v25.0/999/owned_whatsapp_business_accounts", id="what belongs to a business"),
            pytest.param("/v25.0/999/assets/x", id="further below"),
            pytest.param("/v25.0/upload:", id="an upload session without a name"),
            pytest.param("/v25.0/me/uploads", id="a name"),
        ],
    )
    async def test_and_nothing_else_leaves_the_house(self, bare: Caller, graph: Recorder, path):
        got = await bare("POST", path)

        assert (got.status, got.error["error_subcode"], graph.requests) == (404, 33, [])

    async def test_who_uses_several_accounts_names_the_number_of_the_file(self, bare: Caller, graph: Recorder):
        path = f"/v25.0/{MEDIA}?phone_number_id={OTHER_NUMBER}"

        assert (await bare("GET", path, OPERATOR)).status == 200
        assert graph.requests[0][2]["Authorization"] == "Bearer EAAG-another-token"

    async def test_a_number_of_another_account_does_not_bring_its_token(self, bare: Caller, graph: Recorder):
        await bare("GET", f"/v25.0/{MEDIA}?phone_number_id={OTHER_NUMBER}")

        assert graph.requests[0][2]["Authorization"] == f"Bearer {DEFAULT_TOKEN}"

    async def test_a_token_that_opens_a_foreign_account_too_opens_no_unknown_id(
        self, make_node: NodeMaker, graph, session
    ):
        shared = {"TIDEGATE_PORTFOLIO__1__WABA__0__ACCESS_TOKEN": DEFAULT_TOKEN}
        call = Caller.of(await make_node(graph.url, environ=shared), session)

        foreign = await call("GET", f"/v25.0/{MEDIA}?phone_number_id={NUMBER}")
        own = await call("GET", f"/v25.0/{NUMBER}")
        of_all = await call("GET", f"/v25.0/{MEDIA}", OPERATOR)

        assert (foreign.status, own.status, of_all.status) == (404, 200, 200)


class TestWhatIsRefused:
    @pytest.mark.parametrize("name", ["method", "batch", "access_token"])
    async def test_a_form_whose_part_makes_it_another_request_does_not_arrive(
        self, bare: Caller, graph: Recorder, name
    ):
        form = aiohttp.FormData({"messaging_product": "whatsapp"})
        form.add_field("file", b"x" * 1_000_000, filename="a.png", content_type="image/png")
        form.add_field(name, "x")

        got = await bare("POST", f"/v25.0/{NUMBER}/media", data=form)

        assert (got.status, got.error["code"], graph.requests) == (400, 100, [])

    @pytest.mark.parametrize("content_type", ["multipart/form-data; boundary=b", "application/json"])
    async def test_what_is_looked_at_is_not_packed(self, bare: Caller, graph: Recorder, content_type):
        headers = {"Content-Type": content_type, "Content-Encoding": "gzip"}

        got = await bare("POST", f"/v25.0/{WABA}", data=gzip.compress(b"{}"), headers=headers)

        assert (got.status, graph.requests) == (415, [])

    async def test_a_body_of_two_types_is_refused(self, bare: Caller, graph: Recorder):
        types = "Content-Type: image/png\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        head = f"POST /v25.0/{NUMBER}/media HTTP/1.1\r\n{KEYED}{types}Content-Length: 12\r\n\r\n"

        answer = await written(bare.url, head.encode(), b"method=patch")

        assert b" 400 " in answer.partition(b"\r\n")[0]
        assert graph.requests == []

    @pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS"])
    async def test_nothing_is_brought_to_an_edge_that_sends_but_by_a_send(self, bare: Caller, graph: Recorder, method):
        headers = {"Content-Type": "text/plain"}

        got = await bare(method, f"/v25.0/{NUMBER}/messages", data=b"method=post&to=1", headers=headers)

        assert (got.status, graph.requests) == (404, [])


class TestWhatStops:
    """Each ends within the stall timeout; the tests wait for the end itself."""

    @pytest.fixture
    async def call(self, make_node: NodeMaker, graph: Recorder, session: aiohttp.ClientSession) -> Caller:
        return Caller.of(await make_node(graph.url, environ=STALL), session)

    async def test_a_caller_that_stops_in_its_body_is_told_so(self, call: Caller, graph: Recorder):
        head = f"POST /v25.0/{NUMBER}/media HTTP/1.1\r\n{KEYED}Content-Type: image/png\r\nContent-Length: 4000\r\n\r\n"

        answer = await written(call.url, head.encode(), b"part")

        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"Connection: close" in answer
        assert graph.requests == []

    async def test_a_caller_that_drips_is_told_so_too(self, make_node: NodeMaker, graph: Recorder):
        # Long enough that no drop comes too late for this alone.
        node = await make_node(graph.url, environ={"TIDEGATE_SERVER__STALL_TIMEOUT": "2s"})
        head = f"POST /v25.0/{NUMBER}/media HTTP/1.1\r\n{KEYED}Content-Type: image/png\r\nContent-Length: 4000\r\n\r\n"
        reader, writer = await asyncio.open_connection(*node.address)
        writer.write(head.encode())
        reading = asyncio.ensure_future(reader.readuntil(b"too slowly"))

        async def is_told() -> bool:
            writer.write(b"x")
            return reading.done()

        await until(is_told)
        writer.close()

        assert reading.result().startswith(b"HTTP/1.1 408 ")
        assert graph.requests == []

    async def test_a_body_that_breaks_off_is_never_taken_for_a_whole_one(self, bare: Caller, graph: Recorder):
        head = f"POST /v25.0/{NUMBER}/media HTTP/1.1\r\n{KEYED}Transfer-Encoding: chunked\r\n\r\n"
        _, writer = await asyncio.open_connection("127.0.0.1", URL(bare.url).port)
        writer.write(head.encode() + b"4\r\npart\r\n")
        await writer.drain()
        writer.transport.abort()

        assert (await bare("GET", f"/v25.0/{MEDIA}")).status == 200
        assert [method for method, *_ in graph.requests] == ["GET"]

    async def test_a_chunk_that_is_none_is_a_400(self, bare: Caller, graph: Recorder):
        head = f"POST /v25.0/{NUMBER}/media HTTP/1.1\r\n{KEYED}Transfer-Encoding: chunked\r\n\r\n"

        answer = await written(bare.url, head.encode(), b"4\r\npart\r\n", b"zz\r\n")

        assert answer.startswith(b"HTTP/1.1 400 ")
        assert graph.requests == []

    async def test_a_graph_that_says_nothing_is_a_503(self, call: Caller, graph: Recorder):
        forever = asyncio.Event()

        async def answer(_request: web.Request, _raw: bytes) -> web.Response:
            await forever.wait()
            return web.Response()

        graph.answer = answer

        got = await call("GET", f"/v25.0/{MEDIA}")
        forever.set()

        assert (got.status, got.error["code"], got.error["is_transient"]) == (503, 2, True)

    async def test_a_graph_that_stops_in_its_answer_is_a_broken_answer(self, call: Caller, graph: Recorder):
        forever = asyncio.Event()

        async def answer(request: web.Request, _raw: bytes) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Type": "image/webp", "Content-Length": "1000"})
            await response.prepare(request)
            await response.write(b"half")
            await forever.wait()
            return response

        graph.answer = answer

        with pytest.raises(aiohttp.ClientError):
            await call("GET", f"/v25.0/{MEDIA}")
        forever.set()

    async def test_a_graph_that_does_not_read_an_upload_is_a_503(self, make_node: NodeMaker, graph):
        node = await make_node(graph.url, environ=STALL)
        over = asyncio.Event()

        async def deaf(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await over.wait()
            writer.close()

        server = await asyncio.start_server(deaf, "127.0.0.1", 0, limit=1024)
        node.services.upstream.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

        head = f"POST /v25.0/{NUMBER}/media HTTP/1.1\r\n{KEYED}Content-Length: 900000000\r\n\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", node.address[1])
        writer.write(head.encode())
        reading = asyncio.ensure_future(reader.readuntil(b"\r\n"))

        async def is_told() -> bool:
            writer.write(b"x" * 262_144)
            return reading.done()

        await until(is_told)
        writer.transport.abort()
        over.set()
        server.close()

        assert reading.result().startswith(b"HTTP/1.1 503 ")

    async def test_a_caller_that_does_not_read_is_left(self, call: Caller, graph: Recorder):
        ends: list[str] = []

        async def answer(request: web.Request, _raw: bytes) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Type": "image/webp"})
            await response.prepare(request)
            try:
                while True:
                    await response.write(b"x" * 65_536)
            except ConnectionError:
                ends.append("left")
            return response

        graph.answer = answer
        _, writer = await asyncio.open_connection("127.0.0.1", URL(call.url).port, limit=1024)
        writer.write(f"GET /v25.0/{MEDIA} HTTP/1.1\r\n{KEYED}\r\n".encode())

        async def it_ended() -> bool:
            return bool(ends)

        await until(it_ended)
        writer.transport.abort()
