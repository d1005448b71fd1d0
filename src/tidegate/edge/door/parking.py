"""Connections of which a request may be parked: aiohttp's own loop is not told of it, until it is sure who answers it.

That loop waits by a future while no request is in hand; while one is parked, that future is put aside. What it waits
for meanwhile may not have been parsed: so it is known here where in the stream the parser stands.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from typing import Any, Final

from aiohttp.http_parser import RawRequestMessage

from tidegate.edge.door.awaiting import AwaitingConnection
from tidegate.edge.door.connections import LimitedServer

#: Many clients write a head and its body apart: a parked request's body is waited for so long, before it goes the way
#: of those that may be slow.
_BODY_COMES_S: Final = 0.1
HEAD_ENDS: Final = b"\r\n\r\n"
#: Where in the stream the parser stands is not known any more: several requests came at once, or an unusual one.
_SOMEWHERE: Final = -1


class ParkingConnection(AwaitingConnection):
    """Such a connection."""

    def __init__(self, server: LimitedServer, **options: Any) -> None:
        super().__init__(server, **options)
        #: What aiohttp's own loop waits by, while a request is parked.
        self._parked: asyncio.Future[None] | None = None
        #: Until when the body of a parked one is awaited.
        self._patience: asyncio.TimerHandle | None = None
        #: Of one that was not parsed, and whose body is awaited: what has come.
        self._unparsed = b""
        #: How many bytes of a body are to come until a request begins again, as far as the parser is concerned.
        self._due = 0
        #: The head that it has read last.
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or cut it off where there are far too many."""
        super().connection_made(transport)
        if self.is_surplus:
            # That it is one too many is told by aiohttp's own loop.
            self._due = _SOMEWHERE

    @abstractmethod
    def _body_has_come(self) -> None:
        """Called when all of a parked one is here that was parsed."""

    def _is_between(self) -> bool:
        return not self._due and self._parked is None and super()._is_between()

    def _read_for_it(self, data: bytes) -> None:
        """Have the parser read what aiohttp's own loop answers, unless a plain request is before it."""
        self._read(data)
        if self._parked is None:
            # It holds a key.
            self._head = b""

    def _read(self, data: bytes) -> None:
        before = len(self._messages)
        super()._read(data)
        if self._due > 0:
            self._due = max(self._due - len(data), _SOMEWHERE)
        elif self._due == 0 and data:
            self._due = max(self._left_of(data, len(self._messages) - before), _SOMEWHERE)
        if self._patience is not None and self._messages[0][1].is_eof():
            self._body_has_come()

    def _left_of(self, data: bytes, begun: int) -> int:
        """How many bytes are to come of the request that begins here; negative where that can't be told."""
        self._head = head = data[: max(data.find(HEAD_ENDS), 0)]
        message = self._messages[-1][0] if begun == 1 else None
        # Whatever a parser may take for the end of a line, here it is the same.
        if not isinstance(message, RawRequestMessage) or head.count(b"\n") != head.count(b"\r\n"):
            return _SOMEWHERE
        length = message.headers.get("Content-Length", "0")
        if message.chunked or message.upgrade or not length.isdecimal():
            return _SOMEWHERE
        return int(length) - (len(data) - len(head) - len(HEAD_ENDS))

    def _park(self, idle: asyncio.Future[None]) -> None:
        self._idle, self._parked = None, idle

    def _unpark(self) -> asyncio.Future[None] | None:
        """What aiohttp's own loop waits by, given back to it."""
        if self._patience is not None:
            self._end_patience()
        self._unparsed = self._head = b""
        idle, self._parked = self._parked, None
        if idle is not None:
            self._idle = idle
            if self._early:
                self._loop.call_soon(self._take_early)
            if self._force_close or self._close:
                idle.cancel()
        return idle

    def _await_unparsed(self, data: bytes) -> None:
        """Wait for the rest of one whose head was not parsed."""
        self._unparsed = data
        self._patience = self._loop.call_later(_BODY_COMES_S, self._parse_after_all)

    def _parse_after_all(self) -> None:
        data, idle = self._unparsed, self._unpark()
        if data and idle is not None and not idle.done():
            self._read_for_it(data)

    def _end_patience(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _await_parsed(self) -> None:
        """Wait for the body of one that was parsed."""
        self._patience = self._loop.call_later(_BODY_COMES_S, self._unpark_and_wake)

    def _unpark_and_wake(self) -> None:
        idle = self._unpark()
        if idle is not None and not idle.done():
            idle.set_result(None)
