"""Media files: their addresses lead here, and they are streamed from where Meta keeps them, with Meta's token."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from tests.integration.edge.callers import (
    CHECKOUT,
    NUMBER,
    OPERATOR,
    OTHER_WABA,
    READER,
    STRANGER,
    Caller,
    Recorder,
    template,
)
from tests.integration.edge.conftest import NodeMaker
from tidegate.simulator.config import DEFAULT_TOKEN
from tidegate.simulator.server import Simulator

MEDIA = "1037543291543636"
CONTENT = bytes(range(256)) * 1000


def describes(graph: Recorder, url: str | None = None, media_id: str = MEDIA, content_type: str = "image/png") -> None:
    """Let the stand-in describe a file, and give it to whoever comes with the token."""

    async def answer(request: web.Request, _raw: bytes) -> web.Response:
        if request.path.startswith("/file"):
            return web.Response(body=CONTENT, content_type=content_type, headers={"ETag": '"1"', "X-FB-Debug": "d"})
        told = {"messaging_product": "whatsapp", "url": url or f"{graph.url}/file?mid=1&ext=2", "id": media_id}
        return web.json_response(told | {"mime_type": "image/png"})

    graph.answer = answer


async def address(call: Caller) -> str:
    """The address that the description of the file gives, as a path."""
    described = await call("GET", f"/v25.0/{MEDIA}")
    assert described.body["url"].startswith(f"{call.url}/media/"), described.body
    return str(described.body["url"].removeprefix(call.url))


def changed(path: str, at: int) -> str:
    """The path with another character there."""
    characters = list(path)
    characters[at] = "A" if characters[at] != "A" else "B"
    return "".join(characters)


async def test_a_file_goes_up_and_comes_down_through_the_simulated_platform(call: Caller, simulator: Simulator):
    form = aiohttp.FormData({"messaging_product": "whatsapp", "type": "image/png"})
    form.add_field("file", CONTENT, filename="a.png", content_type="image/png")
    uploaded = await call("POST", f"/v25.0/{NUMBER}/media", data=form)
    described = await call("GET", f"/v25.0/{uploaded.body['id']}")

    read = await call("GET", described.body["url"].removeprefix(call.url))

    assert (read.status, read.raw, read["Content-Type"]) == (200, CONTENT, "image/png")
    assert simulator.url not in described.raw.decode()


async def test_the_file_is_read_with_metas_token_at_metas_address(bare: Caller, graph: Recorder):
    describes(graph)

    read = await bare("GET", await address(bare), headers={"Range": "bytes=0-"})

    assert (read.status, read.raw, read["ETag"], read["X-FB-Debug"]) == (200, CONTENT, '"1"', "d")
    method, path, headers, _ = graph.requests[-1]
    assert (method, path) == ("GET", "/file?mid=1&ext=2")
    assert (headers["Authorization"], headers["Range"]) == (f"Bearer {DEFAULT_TOKEN}", "bytes=0-")


async def test_a_key_in_the_query_reads_it_too_and_stays_here(bare: Caller, graph: Recorder):
    describes(graph)

    read = await bare("GET", f"{await address(bare)}?access_token={CHECKOUT}", None)

    assert (read.status, read.raw) == (200, CONTENT)
    assert CHECKOUT not in str(graph.requests)


async def test_an_address_that_a_node_gave_before_the_payload_key_was_exchanged_is_good_on_the_others(
    make_node: NodeMaker, graph: Recorder, session
):
    describes(graph)
    before = Caller.of(await make_node(graph.url), session)
    keys = {"PAYLOAD_KEY": "n" * 32, "PREVIOUS_KEYS": "payload-payload-payload-key-32byt"}
    environ = {f"TIDEGATE_PRIVACY__{name}": key for name, key in keys.items()}
    after = Caller.of(await make_node(graph.url, environ=environ), session)

    read = await after("GET", await address(before))

    assert (read.status, read.raw) == (200, CONTENT)


async def test_the_head_of_a_file_has_its_length_and_no_body(bare: Caller, graph: Recorder):
    describes(graph)

    read = await bare("HEAD", await address(bare))

    assert (read.status, read.raw, read["Content-Length"]) == (200, b"", str(len(CONTENT)))


@pytest.mark.parametrize("content_type", ["text/html", "application/json"])
async def test_a_text_that_a_user_sent_comes_as_it_is_and_does_nothing_in_a_browser(
    bare: Caller, graph: Recorder, content_type
):
    describes(graph, content_type=content_type)

    read = await bare("GET", await address(bare))

    assert read.raw == CONTENT
    assert (read["Content-Security-Policy"], read["X-Content-Type-Options"]) == ("sandbox", "nosniff")


@pytest.mark.parametrize(
    ("url", "media_id"),
    [
        pytest.param("https://evil.example/file", MEDIA, id="an address on another host"),
        pytest.param("https://lookaside.fbsbx.com.evil.example/x", MEDIA, id="a host that begins like Meta's"),
        pytest.param("https://lookaside.fbsbx.com@evil.example/x", MEDIA, id="Meta's host as a user's name"),
        pytest.param("https://lookaside.fbsbx.com\\@evil.example/x", MEDIA, id="a backslash after Meta's host"),
        pytest.param("https://lookaside.fbsbx.com/x", "5", id="an address in the text of another object"),
    ],
)
async def test_no_other_address_is_made_one_that_the_gateway_reads(bare: Caller, graph: Recorder, url, media_id):
    describes(graph, url, media_id)

    described = await bare("GET", f"/v25.0/{MEDIA}")

    assert described.body["url"] == url


@pytest.mark.parametrize(
    ("query", "body"),
    [
        pytest.param("?fields=id,verified_name.as(url)", None, id="in the query"),
        pytest.param("?fields=id%2Cverified_name.as%28url%29", None, id="in the query, escaped"),
        pytest.param("", {"data": {"fields": "id,verified_name.as(url)"}}, id="in a form"),
        pytest.param("", {"json": {"fields": "id,verified_name.as(url)"}}, id="in a JSON body"),
    ],
)
async def test_a_field_that_the_caller_named_url_is_no_address(bare: Caller, graph: Recorder, query, body):
    path = f"{graph.url}/v25.0/{OTHER_WABA}/message_templates"

    async def answer(request: web.Request, _raw: bytes) -> web.Response:
        if request.path.startswith(f"/v25.0/{OTHER_WABA}"):
            return web.json_response({"data": ["theirs"], "paging": {"next": f"{path}?access_token={DEFAULT_TOKEN}"}})
        return web.json_response({"id": NUMBER, "url": path})

    graph.answer = answer

    told = await bare("GET", f"/v25.0/{NUMBER}{query}", **(body or {}))

    if told.body["url"] != path:
        read = await bare("GET", told.body["url"].removeprefix(bare.url))
        assert DEFAULT_TOKEN not in read.raw.decode()
    assert told.body["url"] == path


@pytest.mark.parametrize("host", [b"caf\xe9.example", b"a b", b'a"b'], ids=["no ASCII", "a space", "a quotation mark"])
async def test_a_host_that_is_none_stands_at_the_front_of_no_address(bare: Caller, graph: Recorder, host: bytes):
    describes(graph)
    reader, writer = await asyncio.open_connection("127.0.0.1", URL(bare.url).port)
    lines = (f"GET /v25.0/{MEDIA} HTTP/1.1".encode(), b"Host: " + host, f"Authorization: Bearer {CHECKOUT}".encode())
    writer.write(b"\r\n".join((*lines, b"Connection: close", b"", b"")))
    answer = await reader.read()
    writer.close()

    head, _, body = answer.partition(b"\r\n\r\n")
    assert (head[9:12], json.loads(body).get("url", "")[:22]) in ((b"200", graph.url[:22]), (b"400", ""))


async def test_metas_own_host_for_files_is_one_of_the_known(bare: Caller, graph: Recorder):
    describes(graph, "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1&ext=2&hash=3")

    assert "lookaside" not in await address(bare)


class TestWhoMayNot:
    @pytest.mark.parametrize(
        ("key", "status"),
        [
            pytest.param(None, 401, id="whoever has no key"),
            pytest.param("tg_wrong", 401, id="a key of nobody"),
            pytest.param(READER, 403, id="an app that only reads the control plane"),
            pytest.param(STRANGER, 404, id="an app of another account"),
            pytest.param(OPERATOR, 404, id="an app that was not given this address"),
        ],
    )
    async def test_read_it(self, bare: Caller, graph: Recorder, key, status):
        describes(graph)
        path = await address(bare)
        asked = len(graph.requests)

        read = await bare("GET", path, key)

        assert (read.status, len(graph.requests)) == (status, asked)
        assert isinstance(read.error["code"], int)

    @pytest.mark.parametrize(
        "change",
        [
            # Not the last two: of their bits some may say nothing.
            pytest.param(lambda path: changed(path, -3), id="changed near its end"),
            pytest.param(lambda path: changed(path, 20), id="changed within"),
            pytest.param(lambda path: path + "A", id="made longer"),
            pytest.param(lambda path: path[:-10], id="cut"),
            pytest.param(lambda path: path + "/x", id="with more behind it"),
            pytest.param(lambda _path: "/media/https:%2F%2Fevil.example", id="an address in clear"),
            pytest.param(lambda _path: "/media/" + "A" * 200, id="made up"),
            pytest.param(lambda _path: "/media/", id="empty"),
        ],
    )
    async def test_an_address_that_was_not_made_here_is_a_404(self, bare: Caller, graph: Recorder, change):
        describes(graph)
        path = change(await address(bare))
        asked = len(graph.requests)

        read = await bare("GET", path)

        assert (read.status, len(graph.requests)) == (404, asked)

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
    async def test_do_more_than_read_it(self, bare: Caller, graph: Recorder, method):
        describes(graph)
        path = await address(bare)
        asked = len(graph.requests)

        read = await bare(method, path)

        assert (read.status, read["Allow"], len(graph.requests)) == (405, "GET, HEAD", asked)


async def test_where_the_file_is_kept_may_send_on_and_the_gateway_does_not_follow(bare: Caller, graph: Recorder):
    describes(graph)
    path = await address(bare)

    async def sends_on(_request: web.Request, _raw: bytes) -> web.Response:
        return web.Response(status=302, headers={"Location": f"https://evil.example/?{DEFAULT_TOKEN}"})

    graph.answer = sends_on
    asked = len(graph.requests)

    read = await bare("GET", path)

    assert (read.status, read["Location"], len(graph.requests)) == (302, None, asked + 1)


async def test_another_node_of_the_same_configuration_opens_it(make_node, graph: Recorder, session):
    describes(graph)
    first, second = [Caller.of(await make_node(graph.url), session) for _ in range(2)]

    read = await second("GET", await address(first))

    assert (read.status, read.raw) == (200, CONTENT)


class TestDeployment:
    async def test_a_path_prefix_is_taken_off_and_put_before_what_leads_back(self, make_node, graph, session):
        call = Caller.of(await make_node(graph.url, environ={"TIDEGATE_SERVER__PATH_PREFIX": "/wa/shop/"}), session)
        describes(graph)

        described = await call("GET", f"/wa/shop/v25.0/{MEDIA}?fields=id%2Curl")
        read = await call("GET", described.body["url"].removeprefix(call.url))

        assert described.body["url"].startswith(f"{call.url}/wa/shop/media/")
        assert graph.requests[0][1] == f"/v25.0/{MEDIA}?fields=id%2Curl"
        assert (read.status, read.raw) == (200, CONTENT)

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            pytest.param("/wa/healthz", 200, id="a path of ours behind it"),
            pytest.param("/healthz", 200, id="a path of ours without it"),
            pytest.param(f"/{NUMBER}", 200, id="one of Graph's without it"),
            pytest.param(f"/wa//{NUMBER}", 404, id="two slashes after it"),
            pytest.param(f"/wax/{NUMBER}", 404, id="a path that begins like it"),
            pytest.param(f"/wa/wa/{NUMBER}", 404, id="the prefix twice"),
            pytest.param("/wa", 404, id="nothing behind it"),
            pytest.param("/wa?x=1", 404, id="a query right behind it"),
            pytest.param("/wa/../healthz", 404, id="a way out of it"),
        ],
    )
    async def test_what_is_read_under_a_prefix(self, make_node, graph, session, path, status):
        call = Caller.of(await make_node(graph.url, environ={"TIDEGATE_SERVER__PATH_PREFIX": "/wa"}), session)

        assert (await call("GET", path)).status == status

    @pytest.mark.parametrize("prefix", ["", "/wa/shop"])
    @pytest.mark.parametrize("slash", ["", "/"])
    async def test_every_version_and_none_is_read_with_a_slash_at_the_end_and_without(
        self, make_node, graph: Recorder, session, prefix, slash
    ):
        call = Caller.of(await make_node(graph.url, environ={"TIDEGATE_SERVER__PATH_PREFIX": "/wa/shop"}), session)
        versions = ("", "/v13.0", "/v14.0", "/v15.0", "/v16.0", "/v17.0", "/v20.0", "/v26.0", "/v99.0", "/v25")
        for nth, version in enumerate(versions):
            path = f"{version}/{NUMBER}/whatsapp_business_profile{slash}?fields=a%2Cb"
            assert (await call("GET", prefix + path)).status == 200, path
            assert graph.requests[-1][:2] == ("GET", path)

            path = f"{version}/{NUMBER}/messages"
            sent = await call("POST", f"{prefix}{path}{slash}", json=template(to=f"+1650555{nth:04}"))
            assert (sent.status, sent["Tidegate-Verdict"]) == (200, "send"), path
            assert graph.requests[-1][:2] == ("POST", path)

    async def test_a_public_address_stands_in_place_of_the_host_that_was_asked(self, make_node, graph, session):
        public = "https://gate.example/wa"
        call = Caller.of(await make_node(graph.url, environ={"TIDEGATE_SERVER__PUBLIC_URL": public}), session)
        describes(graph)
        described = await call("GET", f"/v25.0/{MEDIA}", headers={"Host": "evil.example"})
        next_page = f"{graph.url}/v25.0/{NUMBER}/x?after=1"

        async def a_page(_request: web.Request, _raw: bytes) -> web.Response:
            return web.Response(text=json.dumps({"paging": {"next": next_page}}), content_type="application/json")

        graph.answer = a_page
        page = await call("GET", f"/v25.0/{NUMBER}/x")

        assert described.body["url"].startswith(f"{public}/media/")
        assert page.body["paging"]["next"] == f"{public}/v25.0/{NUMBER}/x?after=1"
