"""A peer that fails a POST in one way, and counts how often it was posted: what does each client tell of it?"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from loadtest.bench.clients.posters import POSTERS
from tidegate.tasks import spawn

TIMEOUT_S: Final = 0.5
_OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

Fate = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Told(NamedTuple):
    """What a client told of a POST, and how many of it the peer had read whole."""

    by: str
    case: str
    told: str
    taken: int


async def _reset(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


async def _end(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def _silence(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def _half(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(_OK[:-1])
    writer.close()


#: Whether a POST on the same connection was answered before, and what becomes of the one that is looked at.
CASES: Final[dict[str, tuple[bool, Fate]]] = {
    "reset after the request, new connection": (False, _reset),
    "reset after the request, kept connection": (True, _reset),
    "end after the request, kept connection": (True, _end),
    "half an answer": (False, _half),
    "silence": (False, _silence),
}


async def told(name: str) -> list[Told]:
    """What one client tells of each case, and of a connection that is never made."""
    found = []
    for case, (is_kept, fate) in CASES.items():
        taken: list[int] = []
        async with _peer(is_kept, fate, taken) as url, POSTERS[name](url, None, TIMEOUT_S) as post:
            if is_kept and (first := await post()) != "200":
                raise RuntimeError(first)
            found.append(Told(name, case, await post(), len(taken) - is_kept))
    async with _full() as url, POSTERS[name](url, None, TIMEOUT_S) as post:
        found.append(Told(name, "a connection that is never made", await post(), 0))
    return found


@asynccontextmanager
async def _peer(is_kept: bool, fate: Fate, taken: list[int]) -> AsyncIterator[str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
                taken.append(1)
                if is_kept and len(taken) == 1:
                    writer.write(_OK)
                else:
                    await fate(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        spawn(serve(reader, writer), "connection of a failing peer")

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


@asynccontextmanager
async def _full() -> AsyncIterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        callers = [socket.socket() for _ in range(4)]
        for caller in callers:
            caller.setblocking(False)
            caller.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        for caller in callers:
            caller.close()
