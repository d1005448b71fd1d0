"""The yardstick: a pass-through of aiohttp's server and client on uvloop that does nothing else.

`python -m loadtest.bench.peers.bare PORT UPSTREAM`.
"""

from __future__ import annotations

import asyncio
import sys

import aiohttp
import uvloop
from aiohttp import web


async def serve(port: int, upstream: str) -> None:
    """Pass on until ended."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def forward(request: web.Request) -> web.Response:
            body = await request.read()
            headers = {
                "Content-Type": request.headers.get("Content-Type", "application/json"),
                "Authorization": request.headers.get("Authorization", ""),
            }
            async with session.request(
                request.method, upstream + request.path_qs, data=body, headers=headers
            ) as answer:
                told = await answer.read()
                return web.Response(
                    status=answer.status, body=told, headers={"Content-Type": answer.headers["Content-Type"]}
                )

        application = web.Application()
        application.router.add_route("*", "/{path:.*}", forward)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, backlog=1_024).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), sys.argv[2]))
