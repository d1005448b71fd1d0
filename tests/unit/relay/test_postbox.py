"""An app's address: what is posted to it, what of its answer counts, and where it may not lead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from tests.integration.edge.peers import Peer, answer, drips, ends_with, floods, hangs_after, resets, says
from tests.integration.relay.listener import SECRET, Listener
from tidegate.relay.postbox import Postbox, Posted
from tidegate.relay.subscribers import Subscriber

FORBIDDEN = Posted("its address is not a public one (relay.allow_private)")


def subscriber(url: str) -> Subscriber:
    return Subscriber("shop", url, SECRET.encode(), frozenset(), frozenset(), ())


async def posted(url: str, *, allow_private: bool = True, timeout_s: float = 5) -> Posted:
    postbox = Postbox(lambda: subscriber(url), timeout_s, allow_private=allow_private)
    try:
        return await postbox.post(b'{"a":1}', {"Tidegate-Event": "e1"})
    finally:
        await postbox.close()


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    made = Listener()
    await made.start()
    yield made
    await made.stop()


async def test_the_exact_bytes_are_signed(listener: Listener) -> None:
    assert await posted(listener.url) == Posted(None)

    [got] = listener.got
    assert (got.raw, got.is_signed) == (b'{"a":1}', True)
    assert (got.headers["Content-Type"], got.headers["Tidegate-Event"]) == ("application/json", "e1")
    assert (got.headers["User-Agent"], "Authorization" in got.headers) == ("tidegate", False)


async def test_a_proxy_of_the_environment_is_not_asked(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert await posted(listener.url) == Posted(None)


@pytest.mark.parametrize(
    ("status", "headers", "told"),
    [
        pytest.param(201, {}, Posted(None), id="201"),
        pytest.param(304, {}, Posted("HTTP 304", is_refusal=True), id="304"),
        pytest.param(400, {}, Posted("HTTP 400", is_refusal=True), id="400: it did not want this one"),
        pytest.param(500, {}, Posted("HTTP 500", is_refusal=True), id="500: it may mean this one"),
        pytest.param(502, {}, Posted("HTTP 502"), id="502: it is not there"),
        pytest.param(503, {"Retry-After": "30"}, Posted("HTTP 503", 30_000), id="503 with a wait"),
        pytest.param(429, {"Retry-After": "999999999"}, Posted("HTTP 429", 86_400_000), id="429 with a long wait"),
        pytest.param(503, {"Retry-After": "soon"}, Posted("HTTP 503"), id="503 with a wait that is none"),
    ],
)
async def test_what_of_an_answer_counts(listener: Listener, status: int, headers: dict[str, str], told: Posted) -> None:
    listener.answer, listener.headers = status, headers

    assert await posted(listener.url) == told


async def test_a_redirect_is_not_followed(listener: Listener) -> None:
    async def elsewhere(_raw: bytes) -> web.Response:
        return web.Response(status=307, headers={"Location": listener.url})

    listener.answer = elsewhere

    assert await posted(listener.url) == Posted("HTTP 307", is_refusal=True)
    assert len(listener.refused) == 1


@pytest.mark.parametrize(
    ("fault", "is_taken"),
    [
        pytest.param(resets, False, id="a reset"),
        pytest.param(ends_with(b""), False, id="an end without an answer"),
        pytest.param(ends_with(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), False, id="what is not HTTP"),
        pytest.param(hangs_after(b""), False, id="silence"),
        pytest.param(floods, True, id="ten gigabytes after a 200"),
        pytest.param(drips, True, id="a drip after a 200"),
        pytest.param(says(answer("200 OK", b"\x1f\x8bnone", Content_Encoding="gzip")), True, id="gzip that is none"),
    ],
)
async def test_whatever_an_app_does_is_an_answer_or_none(fault, is_taken: bool) -> None:
    peer = Peer(fault)
    url = await peer.start()
    try:
        async with asyncio.timeout(10):
            told = await posted(url, timeout_s=0.5)
    finally:
        await peer.stop()

    assert (told.error is None) is is_taken


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "[::ffff:127.0.0.1]", "0.0.0.0"]
)
async def test_no_spelling_leads_to_this_machine(listener: Listener, host: str) -> None:
    port = listener.url.rsplit(":", 1)[1]

    told = await posted(f"http://{host}:{port}", allow_private=False)

    assert told.error is not None
    assert (listener.got, listener.refused) == ([], [])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "169.254.169.254", "10.0.0.1", "[::1]"])
async def test_an_address_that_is_not_public_is_named_as_the_cause(host: str) -> None:
    assert await posted(f"http://{host}:8443/", allow_private=False) == FORBIDDEN


async def test_a_name_that_nobody_knows_is_an_answer_too() -> None:
    told = await posted("https://no-such-host.invalid/", allow_private=False)

    assert told.error is not None
