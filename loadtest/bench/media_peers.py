"""What stands around the gateway when files pass: a Graph that takes and gives them, and a bare proxy to compare with.

`python -m loadtest.bench.media_peers graph PORT` and `... proxy PORT UPSTREAM`; each runs until it is ended.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Final

import aiohttp
import uvloop
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

CHUNK: Final = bytes(65_536)
_HOP_BY_HOP: Final = frozenset({"connection", "host", "keep-alive", "transfer-encoding", "date", "server"})


async def serve_graph(port: int) -> None:
    """Reads uploads to their end and says how long they were; gives files of as many bytes as their path names."""

    async def upload(request: web.Request) -> web.Response:
        size = 0
        async for chunk in request.content.iter_any():
            size += len(chunk)
        return web.json_response({"id": str(size)})

    async def describe(request: web.Request) -> web.Response:
        told = {"id": request.match_info["id"], "url": f"{request.url.origin()}/_file/{request.match_info['id']}"}
        return web.json_response(told if request.query_string == "" else {"data": []})

    async def download(request: web.Request) -> web.StreamResponse:
        left = int(request.match_info["id"])
        response = web.StreamResponse(headers={"Content-Type": "video/mp4", "Content-Length": str(left)})
        await response.prepare(request)
        while left:
            await response.write(CHUNK[:left])
            left -= min(left, len(CHUNK))
        return response

    application = web.Application()
    application.router.add_post("/v25.0/{number}/media", upload)
    application.router.add_get("/v25.0/{id}", describe)
    application.router.add_get("/_file/{id}", download)
    application.router.add_get("/{path:.*}", lambda _request: _nothing())
    await _serve(application, port)


async def _nothing() -> web.Response:
    return web.json_response({"data": []})


async def serve_proxy(port: int, upstream: str) -> None:
    """A pass-through with aiohttp's server and client that streams both ways, and does nothing else."""
    async with aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()) as session:

        async def forward(request: web.Request) -> web.StreamResponse:
            url = URL(f"{upstream}{request.raw_path}", encoded=True)
            headers = CIMultiDict(pair for pair in request.headers.items() if pair[0].lower() not in _HOP_BY_HOP)
            body: AsyncIterator[bytes] | None = request.content.iter_any() if request.can_read_body else None
            async with session.request(
                request.method, url, headers=headers, data=body, allow_redirects=False
            ) as answer:
                response = web.StreamResponse(status=answer.status)
                response.headers.extend([pair for pair in answer.headers.items() if pair[0].lower() not in _HOP_BY_HOP])
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
                await response.write_eof()
                return response

        application = web.Application(client_max_size=0)
        application.router.add_route("*", "/{path:.*}", forward)
        await _serve(application, port)


async def _serve(application: web.Application, port: int) -> None:
    runner = web.AppRunner(application, access_log=None, auto_decompress=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    role, at, *rest = sys.argv[1:]
    uvloop.run(serve_graph(int(at)) if role == "graph" else serve_proxy(int(at), *rest))
