"""Server-sent events (WHATWG HTML, 9.2) to a page that is being looked at."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import orjson
from aiohttp import web

from tidegate.edge.dashboard.shell import HEADERS

STREAM: Final = {
    **HEADERS,
    "Content-Type": "text/event-stream; charset=utf-8",
    # Proxies that gather an answer before they pass it on would hold it for ever.
    "X-Accel-Buffering": "no",
}
#: So long without news, and a line that says nothing is written: proxies close what is silent.
SILENCE_S: Final = 15.0
#: How a stream begins: how long a browser waits before it comes back (ms).
AGAIN: Final = "retry: 2000\n\n"
NOTHING: Final = ": nothing new\n\n"
#: A browser that takes nothing for so long is not there any more.
_STALL_S: Final = 10.0


def event(name: str, told: Any) -> str:
    """One event with JSON values, which hold no line end."""
    return f"event: {name}\ndata: {orjson.dumps(told).decode()}\n\n"


async def write(response: web.StreamResponse, text: str) -> None:
    """Write it. Raises TimeoutError when nobody takes it, ConnectionError when nobody is there."""
    async with asyncio.timeout(_STALL_S):
        await response.write(text.encode())
