"""HTTP clients that post the same send, each as its documentation says it is used: keep-alive, no retries asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import aiohttp

from tidegate.upstream import NotSent, Response, Unknown, Upstream

TOKEN: Final = "EAAG-bench"
NUMBER: Final = "106540352242922"
PATH: Final = f"/v25.0/{NUMBER}/messages"
BODY: Final = b'{"messaging_product":"whatsapp","to":"16505551234","type":"template","template":{%b}}' % (b" " * 540)
_HEADERS: Final = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}

#: Posts once, and says what it was told: a status, or what was raised.
Post = Callable[[], Awaitable[str]]


@asynccontextmanager
async def ours(url: str, _trusted: Path | None, timeout_s: float) -> AsyncIterator[Post]:
    """tidegate's."""
    upstream = Upstream(url, timeout_s, {NUMBER: TOKEN})
    await upstream.start()

    async def post() -> str:
        match await upstream.post(NUMBER, PATH, BODY, {}, lambda: True):
            case Response(status):
                return str(status)
            case NotSent(cause):
                return f"not sent: {cause}"
            case Unknown(cause):
                return f"unknown: {cause}"

    yield post
    await upstream.close()


@asynccontextmanager
async def aiohttps(url: str, _trusted: Path | None, timeout_s: float) -> AsyncIterator[Post]:
    """aiohttp's, as it was used before."""
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=30, keepalive_timeout=20),
        timeout=aiohttp.ClientTimeout(total=timeout_s),
        cookie_jar=aiohttp.DummyCookieJar(),
    )

    async def post() -> str:
        try:
            async with session.post(url + PATH, data=BODY, headers=_HEADERS, allow_redirects=False) as answer:
                await answer.read()
                return str(answer.status)
        except (aiohttp.ClientError, TimeoutError) as error:
            return type(error).__name__

    yield post
    await session.close()


@asynccontextmanager
async def pyreqwests(url: str, trusted: Path | None, timeout_s: float) -> AsyncIterator[Post]:
    """pyreqwest's: Rust's reqwest and hyper, on threads of their own."""
    from pyreqwest.client import ClientBuilder
    from pyreqwest.exceptions import PyreqwestError

    builder = ClientBuilder().timeout(timedelta(seconds=timeout_s))
    if trusted is not None:
        builder = builder.add_root_certificate_pem(await asyncio.to_thread(trusted.read_bytes))
    session = builder.build()

    async def post() -> str:
        try:
            answer = await session.post(url + PATH).headers(_HEADERS).body_bytes(BODY).build().send()
            await answer.bytes()
            return str(answer.status)
        except PyreqwestError as error:
            return type(error).__name__

    yield post
    await session.close()


@asynccontextmanager
async def pycurls(url: str, trusted: Path | None, timeout_s: float) -> AsyncIterator[Post]:
    """pycurl's: libcurl's multi interface with its sockets on this loop, HTTP/1.1."""
    from loadtest.bench.clients.curl import Curls

    yield Curls(url + PATH, BODY, _HEADERS, trusted, timeout_s, http2=False).post


@asynccontextmanager
async def pycurls_http2(url: str, trusted: Path | None, timeout_s: float) -> AsyncIterator[Post]:
    """The same, over HTTP/2: all sends of the moment on one connection."""
    from loadtest.bench.clients.curl import Curls

    yield Curls(url + PATH, BODY, _HEADERS, trusted, timeout_s, http2=True).post


POSTERS: Final[dict[str, Callable[[str, Path | None, float], AbstractAsyncContextManager[Post]]]] = {
    "aiohttp": aiohttps,
    "pycurl": pycurls,
    "pycurl, HTTP/2": pycurls_http2,
    "pyreqwest": pyreqwests,
    "tidegate": ours,
}


async def many(post: Post, connections: int, seconds: float) -> int:
    """Post from so many loops for so long; how often. Raises RuntimeError where an answer is no acceptance."""
    loop = asyncio.get_running_loop()
    until, posted = loop.time() + seconds, 0

    async def again() -> None:
        nonlocal posted
        while loop.time() < until:
            told: Any = await post()
            if told != "200":
                raise RuntimeError(told)
            posted += 1

    await asyncio.gather(*(again() for _ in range(connections)))
    return posted
