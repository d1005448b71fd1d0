"""Servers in the place of the Cloud API that do, byte for byte, what they are told with a send."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from typing import Final

from tidegate.upstream import NotSent, Response, Unknown, Upstream

NUMBER: Final = "106540352242922"
TOKEN: Final = "the-token"
OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter
#: What is done with a send once its head was read, and its body where it says so.
Part = Callable[[Reader, Writer], Awaitable[None]]


class Over(Exception):
    """The peer ends the connection."""


class Peer:
    """Does its `part` with each send; keeps what was sent to it, and counts who came."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.received = bytearray()
        self.connections = 0
        self.open = 0
        self._server: asyncio.Server | None = None
        self._writers: set[Writer] = set()

    @property
    def sends(self) -> int:
        """Requests whose first byte came."""
        return self.received.count(b"POST /")

    async def start(self, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> str:
        self._server = await asyncio.start_server(self._serve, host, 0, ssl=tls)
        return f"http{'s' if tls else ''}://{host}:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: Reader, writer: Writer) -> None:
        self._writers.add(writer)
        self.connections += 1
        self.open += 1
        try:
            while True:
                self.received += await reader.readuntil(b"\r\n\r\n")
                await self.part(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, Over):
            pass
        finally:
            self.open -= 1
            self._writers.discard(writer)
            writer.close()

    async def body(self, reader: Reader) -> None:
        """Read the body of the last head."""
        length = int(self.received.rpartition(b"Content-Length: ")[2].split(b"\r\n")[0])
        self.received += await reader.readexactly(length)

    # Parts to play.

    def says(self, *pieces: bytes) -> Part:
        """Reads a send, says this, piece by piece, and waits for the next."""

        async def part(reader: Reader, writer: Writer) -> None:
            await self.body(reader)
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)

        return part

    def says_and_ends(self, *pieces: bytes) -> Part:
        """Reads a send, says this, and closes the connection."""

        async def part(reader: Reader, writer: Writer) -> None:
            await self.says(*pieces)(reader, writer)
            raise Over

        return part

    def says_and_hangs(self, *pieces: bytes) -> Part:
        """Reads a send, says this, and nothing any more for as long as the other side stays."""

        async def part(reader: Reader, writer: Writer) -> None:
            await self.says(*pieces)(reader, writer)
            await reader.read()
            raise Over

        return part

    async def resets(self, reader: Reader, writer: Writer) -> None:
        """Reads a send and resets the connection."""
        await self.body(reader)
        await self.resets_at_once(reader, writer)

    async def resets_at_once(self, _reader: Reader, writer: Writer) -> None:
        """Resets the connection when the head has come."""
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        raise Over

    async def says_before_it_has_read(self, reader: Reader, writer: Writer) -> None:
        """Answers the head, and reads no body until the other side has gone."""
        writer.write(OK)
        await writer.drain()
        while await reader.read(1 << 20):
            pass
        raise Over

    async def drips(self, reader: Reader, writer: Writer) -> None:
        """An answer of a byte now and then, which does not end."""
        await self.body(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not writer.transport.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.01)
        raise Over


async def client(url: str, timeout_s: float = 20) -> Upstream:
    upstream = Upstream(url, timeout_s, {NUMBER: TOKEN})
    await upstream.start()
    return upstream


async def post(
    upstream: Upstream, may_start: Callable[[], bool] = lambda: True, body: bytes = b'{"a":1}'
) -> Response | NotSent | Unknown:
    return await upstream.post(NUMBER, f"/v25.0/{NUMBER}/messages", body, {}, may_start)
