"""All of Graph's face that is no send: what passes, as it is; and what does not leave the house."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json

import aiohttp
import pytest
from aiohttp import web

from tests.integration.edge.callers import (
    CHECKOUT,
    NUMBER,
    OPERATOR,
    OTHER_NUMBER,
    OTHER_WABA,
    WABA,
    Caller,
    Recorder,
    raw_exchange,
    template,
)
from tidegate.simulator.config import DEFAULT_TOKEN
from tidegate.simulator.server import Simulator

MEDIA = "1037543291543636"


class TestWhatPasses:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            pytest.param("GET", f"/v25.0/{NUMBER}?fields=id%2Cname&x=%20%41", id="a number, its query untouched"),
            pytest.param("GET", f"/{WABA}/message_templates?limit=3", id="an account without a version"),
            pytest.param(
                "GET", f"/v25.0/{MEDIA}?phone_number_id={NUMBER}", id="a file, whose id is known to Meta only"
            ),
            pytest.param("DELETE", f"/v25.0/{MEDIA}", id="a file to be deleted"),
            pytest.param("GET", f"/v13.0/{WABA}/phone_numbers/", id="with a slash at the end"),
            pytest.param("GET", f"/v25.0/{NUMBER}/messages", id="a look at the edge that sends"),
        ],
    )
    async def test_path_and_query_arrive_as_they_were_sent(self, bare: Caller, graph: Recorder, method, path):
        got = await bare(method, path)

        assert (got.status, got.body) == (200, {"success": True})
        ((sent_method, sent_path, headers, _),) = graph.requests
        assert (sent_method, sent_path) == (method, path)
        assert headers["Authorization"] == f"Bearer {DEFAULT_TOKEN}"
        assert got["X-Request-Id"]

    async def test_the_key_in_the_query_is_taken_out_and_the_rest_stays(self, bare: Caller, graph: Recorder):
        path = f"/v25.0/{WABA}/message_templates?a=%2C1&access_token={CHECKOUT}&appsecret_proof=0f&limit=2"

        got = await bare("GET", path, None)

        assert got.status == 200
        assert graph.requests[0][1] == f"/v25.0/{WABA}/message_templates?a=%2C1&limit=2"
        assert CHECKOUT not in str(graph.requests)

    async def test_the_key_in_a_form_is_taken_out_and_the_rest_stays(self, bare: Caller, graph: Recorder):
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        raw = f"pin=1%32&access_token={CHECKOUT}&x=%2C".encode()

        got = await bare("POST", f"/v25.0/{NUMBER}/register", None, data=raw, headers=form)

        assert got.status == 200
        assert graph.requests[0][3] == b"pin=1%32&x=%2C"

    async def test_headers_of_the_way_stay_and_all_others_arrive(self, bare: Caller, graph: Recorder):
        headers = {
            "X-Custom": "1",
            "User-Agent": "pywa/4.5",
            "Accept": "application/json",
            "Cookie": "a=b",
            "Connection": "keep-alive, X-Named",
            "X-Named": "1",
            "X-Forwarded-For": "10.0.0.1",
            "X-HTTP-Method-Override": "DELETE",
            "Tidegate-Hold": "queue",
            "Proxy-Authorization": "Basic x",
        }

        await bare("GET", f"/v25.0/{NUMBER}", headers=headers)

        arrived = {name.lower(): value for name, value in graph.requests[0][2].items()}
        assert (arrived["x-custom"], arrived["user-agent"], arrived["accept"]) == ("1", "pywa/4.5", "application/json")
        kept_here = {
            "cookie",
            "x-named",
            "x-forwarded-for",
            "x-http-method-override",
            "tidegate-hold",
            "proxy-authorization",
        }
        assert not kept_here & set(arrived)

    async def test_a_json_body_arrives_to_the_byte(self, bare: Caller, graph: Recorder):
        raw = b'{ "category" : "UTILITY",\n "name":"caf\\u00e9" }'

        await bare("POST", f"/v25.0/{WABA}/message_templates", data=raw, headers={"Content-Type": "application/json"})

        assert graph.requests[0][3] == raw

    async def test_an_upload_is_streamed_to_the_byte(self, bare: Caller, graph: Recorder):
        content = hashlib.sha256(b"seed").digest() * 200_000
        form = aiohttp.FormData()
        form.add_field("messaging_product", "whatsapp")
        form.add_field("file", io.BytesIO(content), filename="a.bin", content_type="image/jpeg")

        got = await bare("POST", f"/v25.0/{NUMBER}/media", data=form)

        assert got.status == 200
        assert content in graph.requests[0][3], "the file is not in what arrived"

    async def test_a_chunked_upload_without_a_length_arrives_too(self, bare: Caller, graph: Recorder):
        async def chunks():
            for _ in range(3):
                yield b"part"

        await bare("POST", f"/v25.0/{NUMBER}/media", data=chunks(), headers={"Content-Type": "image/png"})

        assert graph.requests[0][3] == b"partpartpart"

    async def test_status_headers_and_bytes_of_the_answer_come_back(self, bare: Caller, graph: Recorder):
        async def answer(_request: web.Request, _raw: bytes) -> web.Response:
            headers = {"Content-Type": "image/webp", "X-FB-Debug": "d", "Set-Cookie": "a=b", "ETag": '"1"'}
            return web.Response(status=206, body=b"\x00\x01" * 50_000, headers=headers)

        graph.answer = answer

        got = await bare("GET", f"/v25.0/{MEDIA}")

        assert (got.status, got.raw) == (206, b"\x00\x01" * 50_000)
        assert (got["X-FB-Debug"], got["ETag"], got["Set-Cookie"], got["Server"]) == ("d", '"1"', None, "tidegate")

    async def test_a_look_at_the_head_alone_has_no_body(self, bare: Caller, graph: Recorder):
        async def answer(_request: web.Request, _raw: bytes) -> web.Response:
            return web.json_response({"data": "x" * 100})

        graph.answer = answer

        got = await bare("HEAD", f"/v25.0/{MEDIA}")

        assert (got.status, got.raw, graph.requests[0][0]) == (200, b"", "HEAD")
        assert int(got["Content-Length"] or 0) > 100

    async def test_a_redirect_is_given_back_and_not_followed(self, bare: Caller, graph: Recorder):
        async def answer(request: web.Request, _raw: bytes) -> web.Response:
            location = f"https://elsewhere.example/?{request.headers['Authorization'].removeprefix('Bearer ')}"
            return web.Response(status=302, headers={"Location": location})

        graph.answer = answer

        got = await bare("GET", f"/v25.0/{MEDIA}")

        assert (got.status, got["Location"], len(graph.requests)) == (302, None, 1)

    async def test_an_answer_that_breaks_off_breaks_off_here_too(self, bare: Caller, graph: Recorder):
        async def answer(request: web.Request, _raw: bytes) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Type": "image/webp", "Content-Length": "1000"})
            await response.prepare(request)
            await response.write(b"half")
            assert request.transport is not None
            request.transport.abort()
            return response

        graph.answer = answer

        with pytest.raises(aiohttp.ClientError):
            await bare("GET", f"/v25.0/{MEDIA}")

    async def test_an_upstream_that_is_away_is_a_503_in_graphs_shape(self, make_node, graph, session, unused_tcp_port):
        node = await make_node(graph.url)
        node.services.upstream.base_url = f"http://127.0.0.1:{unused_tcp_port}"

        got = await Caller.of(node, session)("GET", f"/v25.0/{NUMBER}")

        assert (got.status, got.error["code"], got.error["is_transient"]) == (503, 2, True)
        assert int(got["Retry-After"]) <= 30

    async def test_a_whole_client_session_works_against_the_simulator(self, call: Caller, simulator: Simulator):
        form = aiohttp.FormData()
        form.add_field("messaging_product", "whatsapp")
        form.add_field("type", "image/png")
        form.add_field("file", b"PNG", filename="a.png", content_type="image/png")
        uploaded = await call("POST", f"/v25.0/{NUMBER}/media", data=form)
        described = await call("GET", f"/v25.0/{uploaded.body['id']}")
        numbers = await call("GET", f"/v25.0/{WABA}/phone_numbers")

        assert (uploaded.status, described.body["file_size"]) == (200, 3)
        assert [number["id"] for number in numbers.body["data"]] == [NUMBER]


class TestLinks:
    @pytest.mark.parametrize("escaped", [False, True])
    @pytest.mark.parametrize("in_query", [False, True])
    async def test_paging_leads_back_here_and_shows_no_token_of_metas(
        self, bare: Caller, graph: Recorder, escaped, in_query
    ):
        async def answer(request: web.Request, _raw: bytes) -> web.Response:
            path = f"/v25.0/{WABA}/message_templates"
            link = f"{graph.url}{path}?access_token={DEFAULT_TOKEN}&limit=1&after=QQ"
            body = json.dumps({"data": [], "paging": {"next": link}, "note": graph.url})
            return web.Response(text=body.replace("/", "\\/") if escaped else body, content_type="application/json")

        graph.answer = answer
        first = f"/v25.0/{WABA}/message_templates?limit=1"
        if in_query:
            got = await bare("GET", f"{first}&access_token={CHECKOUT}", None)
        else:
            got = await bare("GET", first)

        link = got.body["paging"]["next"]
        own = f"&access_token={CHECKOUT}" if in_query else ""
        assert link == f"{bare.url}/v25.0/{WABA}/message_templates?limit=1&after=QQ{own}"
        assert DEFAULT_TOKEN not in got.raw.decode()
        assert got.body["note"] == graph.url
        followed = await bare("GET", link.removeprefix(bare.url), None if in_query else CHECKOUT)
        assert followed.status == 200

    async def test_a_list_read_page_by_page_from_the_simulator_is_whole(self, call: Caller):
        names, path = [], f"/v25.0/{WABA}/message_templates?limit=1&fields=name"
        for _ in range(10):
            page = (await call("GET", path)).body
            names += [template["name"] for template in page["data"]]
            if "next" not in page.get("paging", {}):
                break
            assert page["paging"]["next"].startswith(call.url)
            path = page["paging"]["next"].removeprefix(call.url)

        assert sorted(names) == ["black_friday_offer", "login_code", "order_confirmation", "winback"]

    async def test_an_error_that_quotes_the_token_does_not_show_it(self, bare: Caller, graph: Recorder):
        async def answer(_request: web.Request, _raw: bytes) -> web.Response:
            error = {"message": f"Malformed access token {DEFAULT_TOKEN}", "code": 190}
            return web.json_response({"error": error}, status=401)

        graph.answer = answer

        got = await bare("GET", f"/v25.0/{NUMBER}")

        assert (got.status, DEFAULT_TOKEN in got.raw.decode()) == (401, False)


class TestWhatStaysHere:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            pytest.param("POST", "/v25.0/..%2f..%2fme/messages", id="a way out, escaped"),
            pytest.param("POST", "/v25.0/%2e%2e/messages", id="dots, escaped"),
            pytest.param("POST", f"/v25.0/{NUMBER}%00/messages", id="a NUL"),
            pytest.param("POST", f"/v25.0/{NUMBER}%0d%0aX:%20y/messages", id="a line break"),
            pytest.param("POST", f"/v25.0/{NUMBER}%252e/messages", id="an escape, escaped"),
            pytest.param("POST", "/v25.0/%D9%A1%D9%A2%D9%A3%D9%A4%D9%A5/messages", id="Arabic digits"),
            pytest.param("POST", f"/v25.0/{NUMBER}/%6dessages", id="the edge that sends, escaped"),
            pytest.param("POST", f"/v25.0/{NUMBER}/Messages", id="the edge that sends, in another case"),
            pytest.param("POST", f"/v25.0/{NUMBER}/messages/x", id="below the edge that sends"),
            pytest.param("POST", f"/v25.0/{NUMBER}//messages", id="the edge that sends, after two slashes"),
            pytest.param("POST", f"/v25.0/{NUMBER}/messages;x=1", id="the edge that sends, with a parameter"),
            pytest.param("PUT", f"/v25.0/{NUMBER}/messages", id="another method that writes"),
            pytest.param("POST", f"/v25.0/{NUMBER}/x/../messages", id="dots"),
            pytest.param("POST", f"/v25.0/{NUMBER}\\messages", id="a backslash"),
            pytest.param("GET", "/v25.0/me", id="whoever the token is"),
            pytest.param("GET", "/v25.0/debug_token?input_token=x", id="what the token is"),
            pytest.param("POST", "/v25.0/oauth/access_token", id="another token"),
            pytest.param("POST", "/v25.0/", id="many calls in one"),
            pytest.param("GET", "/v25.0", id="nothing"),
            pytest.param("GET", "/", id="the root"),
            pytest.param("GET", f"/v25.0/{OTHER_NUMBER}", id="a number of others"),
            pytest.param("GET", f"/v25.0/{OTHER_WABA}/message_templates", id="an account of others"),
            pytest.param("POST", "/v25.0/999999999999999/messages", id="a number of nobody"),
        ],
    )
    async def test_it_is_not_found_in_graphs_shape(self, bare: Caller, graph: Recorder, method, path):
        sent = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {CHECKOUT}\r\n"
        body = json.dumps(template())
        sent += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"

        answer = await raw_exchange(bare.url, sent.encode())

        head, _, raw = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 404 ")
        error = json.loads(raw)["error"]
        assert (error["code"], error["error_subcode"]) == (100, 33)
        assert graph.requests == []

    @pytest.mark.parametrize("query", ["method=post", "access_token=x&METHOD=delete", "batch=%5B%5D", "%6dethod=post"])
    async def test_a_query_that_makes_it_another_request_is_a_400(self, bare: Caller, graph: Recorder, query):
        got = await bare("GET", f"/v25.0/{NUMBER}/messages?to=1&{query}")

        assert (got.status, got.error["code"]) == (400, 100)
        assert graph.requests == []

    @pytest.mark.parametrize(
        ("raw", "content_type"),
        [
            pytest.param(b'{"batch":[{"method":"POST"}]}', "application/json", id="many calls in JSON"),
            pytest.param(b'{"method":"DELETE"}', "application/json", id="another method in JSON"),
            pytest.param(b"batch=%5B%5D", "application/x-www-form-urlencoded", id="many calls in a form"),
            pytest.param(b"{", "application/json", id="JSON that is none"),
        ],
    )
    async def test_a_body_that_makes_it_another_request_is_a_400(
        self, bare: Caller, graph: Recorder, raw, content_type
    ):
        got = await bare("POST", f"/v25.0/{WABA}", data=raw, headers={"Content-Type": content_type})

        assert (got.status, got.error["code"]) == (400, 100)
        assert graph.requests == []

    async def test_an_unknown_id_is_nobodys_for_an_app_of_several_accounts(self, bare: Caller, graph: Recorder):
        got = await bare("GET", f"/v25.0/{MEDIA}", OPERATOR)

        assert (got.status, got.error["code"]) == (404, 100)
        assert graph.requests == []

    @pytest.mark.parametrize("method", ["PROPFIND", "TRACE", "MKCOL"])
    async def test_a_method_that_graph_does_not_know_is_a_405(self, bare: Caller, graph: Recorder, method):
        got = await bare(method, f"/v25.0/{NUMBER}")

        assert (got.status, got.error["code"], "GET" in (got["Allow"] or "")) == (405, 100, True)
        assert graph.requests == []

    async def test_a_callers_hang_up_ends_the_exchange_and_harms_nobody(self, bare: Caller, graph: Recorder):
        reached, go_on = asyncio.Event(), asyncio.Event()

        async def answer(_request: web.Request, _raw: bytes) -> web.Response:
            reached.set()
            await go_on.wait()
            return web.Response(body=b"x" * 1_000_000, content_type="image/png")

        graph.answer = answer
        reading = asyncio.create_task(bare("GET", f"/v25.0/{MEDIA}"))
        await reached.wait()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        go_on.set()
        graph.answer = None

        assert (await bare("GET", f"/v25.0/{MEDIA}")).status == 200
