"""A TCP proxy that breaks what it carries, on command: late, held back, refused, reset, sliced, its replies lost."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Coroutine
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final

from tests.ports import free_port

_CHUNK: Final = 65_536
#: With this linger (on, 0 s) a close sends RST instead of FIN.
_AT_ONCE: Final = struct.pack("ii", 1, 0)


class Door(Enum):
    """What a client that connects meets."""

    OPEN = auto()
    #: Taken, and reset at once.
    RESETS = auto()
    #: Nobody listens: connection refused.
    SHUT = auto()


@dataclass(slots=True)
class Way:
    """One direction, of all connections: `delay_s` that each byte is late, `slice_bytes` that go at once (0: as many
    as came).

    A black hole holds bytes back, as a link does that is down: what is sent into it arrives when it ends, though its
    sender may have gone by then. `crossed`: bytes that came out so far.
    """

    delay_s: float = 0.0
    slice_bytes: int = 0
    crossed: int = 0
    _passable: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._passable.set()

    def close(self) -> None:
        """Begin to be a black hole."""
        self._passable.clear()

    def open(self) -> None:
        """End it."""
        self._passable.set()

    async def passable(self) -> None:
        """Wait out the black hole."""
        await self._passable.wait()


class FaultProxy:
    """Carries connections to `target` (host, port), which may be changed: later connections go to the new one.

    `up` leads there and `down` back. Made by `start`, ended by `stop`.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.up, self.down = Way(), Way()
        #: Nobody else is given this port while the door is shut.
        self.address: tuple[str, int] = ("127.0.0.1", free_port())
        self.replies_lost = 0
        self._door = Door.OPEN
        self._lose_every = 0
        self._requests = 0
        #: Those that are on their way in.
        self._coming: set[asyncio.StreamWriter] = set()
        self._carrying: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on a port of the loopback. Raises OSError."""
        await self._listen()

    async def stop(self) -> None:
        """Listen no more, and reset what is open."""
        await self.set_door(Door.SHUT)
        self.reset_all()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def set_door(self, door: Door) -> None:
        """Change what new connections meet; those that are open stay. Raises OSError."""
        self._door = door
        if door is Door.SHUT and self._server is not None:
            self._server.close()
            self._server = None
        elif door is not Door.SHUT and self._server is None:
            await self._listen()

    def lose_replies(self, every: int) -> None:
        """Reset the connection of every nth request in place of its reply, after the request was carried; 0: of none.

        For protocols that wait for a reply before the next request, whose requests fit into one chunk.
        """
        self._lose_every = every

    def reset_all(self) -> None:
        """Reset every open connection, both halves, and those that are on their way in."""
        for writer in self._coming:
            _reset(writer)
        for connection in tuple(self._carrying):
            connection.reset()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._meet, *self.address)

    def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._door is not Door.OPEN:
            _reset(writer)
            return
        self._coming.add(writer)
        self._keep(self._carry(reader, writer))

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(*self.target)
        except OSError:
            _reset(writer)
            return
        finally:
            self._coming.discard(writer)
        connection = _Connection(self, (reader, writer), (far_reader, far_writer))
        if writer.is_closing():
            connection.reset()
            return
        self._carrying.add(connection)
        try:
            await connection.carried()
        finally:
            self._carrying.discard(connection)

    def loses_this_one(self) -> bool:
        """Count a request, and say whether its reply is to be lost."""
        self._requests += 1
        return bool(self._lose_every) and self._requests % self._lose_every == 0


_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
#: When a chunk is due on the other side (s, of the loop), and the chunk; an empty one is the end.
_UnderWay = asyncio.Queue[tuple[float, bytes]]


class _Connection:
    """One client's connection, and the one to the target that belongs to it."""

    def __init__(self, proxy: FaultProxy, near: _Streams, far: _Streams) -> None:
        self._proxy = proxy
        self._near, self._far = near, far
        self._loses_reply = False

    def reset(self) -> None:
        _reset(self._near[1])
        _reset(self._far[1])

    async def carried(self) -> None:
        """Return when both directions have ended."""
        proxy = self._proxy
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._way(self._near[0], self._far[1], proxy.up))
                ways.create_task(self._way(self._far[0], self._near[1], proxy.down))
        finally:
            self._near[1].close()
            self._far[1].close()

    async def _way(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, way: Way) -> None:
        """Read here and write there, apart from each other: what is late must not make what follows later still."""
        under_way: _UnderWay = asyncio.Queue()
        async with asyncio.TaskGroup() as halves:
            halves.create_task(self._read(source, way, under_way))
            halves.create_task(self._write(sink, way, under_way))

    async def _read(
        self, source: asyncio.StreamReader, way: Way, under_way: asyncio.Queue[tuple[float, bytes]]
    ) -> None:
        loop, data = asyncio.get_running_loop(), b"-"
        while data:
            try:
                data = await source.read(_CHUNK)
            except OSError:
                data = b""
            if data and way is self._proxy.up and self._proxy.loses_this_one():
                self._loses_reply = True
            under_way.put_nowait((loop.time() + way.delay_s, data))

    async def _write(self, sink: asyncio.StreamWriter, way: Way, under_way: _UnderWay) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due_s, data = await under_way.get()
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            await way.passable()
            if not data:
                if sink.can_write_eof() and not sink.is_closing():
                    with contextlib.suppress(OSError):
                        sink.write_eof()
                return
            if way is self._proxy.down and self._loses_reply:
                self._proxy.replies_lost += 1
                self.reset()
                continue
            await _put(sink, data, way)


async def _put(sink: asyncio.StreamWriter, data: bytes, way: Way) -> None:
    size = way.slice_bytes or len(data)
    for start in range(0, len(data), size):
        if sink.is_closing():
            return
        with contextlib.suppress(OSError):
            sink.write(data[start : start + size])
            await sink.drain()
            way.crossed += min(size, len(data) - start)
        if way.slice_bytes:
            await asyncio.sleep(0)


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    # uvloop has none to show of a transport that is closed, or one without a descriptor.
    if sock is not None and sock.fileno() >= 0:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    writer.transport.abort()
