"""A transparent relay before the simulated Cloud API that notes when each send started: when its first byte came."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import orjson

_HEAD_ENDS: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"


class Start(NamedTuple):
    """One send as it came in: when (s, monotonic), from which number, and its body."""

    at_s: float
    number: str
    body: dict[str, Any]


class Starts:
    """Relays to the platform at `url`; `sends` are those that started, in their order, `reads` when what was asked for.

    The time is taken in the transport's callback: whatever arrived before an answer that a task of the same loop waits
    for was noted before that task goes on.
    """

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._host, self._port = str(address.hostname), int(address.port or 80)
        self.sends: list[Start] = []
        self.reads: list[tuple[float, str]] = []
        self._server: asyncio.Server
        self._ways: set[asyncio.Task[None]] = set()

    async def open(self) -> str:
        """Listen; the address that takes the place of the platform's."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Inward(self), "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        return f"http://{host}:{port}"

    async def close(self) -> None:
        """Listen no more; connections that are open end with their clients."""
        self._server.close()
        for way in self._ways:
            way.cancel()

    def connect(self, inward: _Inward) -> None:
        async def way() -> None:
            loop = asyncio.get_running_loop()
            outward, _ = await loop.create_connection(lambda: _Outward(inward), self._host, self._port)
            inward.reaches(outward)

        task = asyncio.get_running_loop().create_task(way())
        self._ways.add(task)
        task.add_done_callback(self._ways.discard)


class _Inward(asyncio.Protocol):
    """One connection of a node's: reads along, request by request."""

    def __init__(self, starts: Starts) -> None:
        self._starts = starts
        self._request, self._began_s = b"", 0.0
        self._outward: asyncio.WriteTransport | None = None
        self._waiting = b""
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._starts.connect(self)

    def reaches(self, outward: asyncio.WriteTransport) -> None:
        self._outward = outward
        outward.write(self._waiting)

    def data_received(self, data: bytes) -> None:
        now_s = time.monotonic()
        if self._outward is None:
            self._waiting += data
        else:
            self._outward.write(data)
        if not self._request:
            self._began_s = now_s
        self._request += data
        self._read()

    def _read(self) -> None:
        head, ended, rest = self._request.partition(_HEAD_ENDS)
        if not ended:
            return
        lines = head.split(b"\r\n")
        lengths = [int(line[len(_LENGTH) :]) for line in lines if line.lower().startswith(_LENGTH)]
        body_ends = lengths[0] if lengths else 0
        if len(rest) < body_ends:
            return
        verb, path, _ = lines[0].decode().split(" ")
        assert len(rest) == body_ends, "a node never sends a request before the answer to the last one"
        if verb == "POST" and path.endswith("/messages"):
            self._starts.sends.append(Start(self._began_s, path.split("/")[-2], orjson.loads(rest)))
        elif verb == "GET":
            self._starts.reads.append((self._began_s, path))
        self._request = b""

    def connection_lost(self, exc: Exception | None) -> None:
        if self._outward is not None:
            self._outward.close()


class _Outward(asyncio.Protocol):
    """The same connection's other half."""

    def __init__(self, inward: _Inward) -> None:
        self._inward: Final[Callable[[bytes], None]] = inward.transport.write
        self._close: Final[Callable[[], None]] = inward.transport.close

    def data_received(self, data: bytes) -> None:
        self._inward(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._close()
