"""One connection to the Cloud API: carries one request at a time, and reads what comes back with llhttp."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from msgspec import Struct

from tidegate.upstream.answer import is_measured, read_answer
from tidegate.upstream.encodings import Undecodable
from tidegate.upstream.outcomes import CUT_SHORT, MAX_ANSWER, TOO_LONG, Outcome, Unknown

#: Status line and headers, and what chunks have around them.
_MOST_AROUND: Final = 65_536


class Sending(Struct, eq=False):
    """A request that waits for a connection or for its answer, and the future of its outcome.

    `connection` is the proof: as long as it is None no byte has left, and from the step in which it is set one may
    have. `since`: when it came, by the loop's clock.
    """

    request: bytes
    may_start: Callable[[], bool]
    since: float
    outcome: asyncio.Future[Outcome]
    connection: Connection | None = None

    def __repr__(self) -> str:
        # What is in the request names a user.
        return "Sending()"


class Owner(Protocol):
    """Told of a connection what becomes of it and of what it carries."""

    def answered(self, connection: Connection, sending: Sending, outcome: Outcome) -> None:
        """A send has its outcome, and its connection is free again."""

    def ended(self, connection: Connection, sending: Sending, outcome: Outcome) -> None:
        """A send has its outcome, and its connection is to carry nothing any more."""

    def lost(self, connection: Connection) -> None:
        """A free connection is to carry nothing any more."""


class _Nowhere(asyncio.Transport):
    """Where a connection leads before it is made, and when it has ended."""

    def is_closing(self) -> bool:
        return True

    def abort(self) -> None:
        return


_NOWHERE: Final = _Nowhere()


class Connection(asyncio.Protocol):
    """Free, or with the one request that it carries.

    Whatever arrives while it is free, or after the end of an answer, nobody has asked for: such a connection carries
    nothing any more, for nobody could tell whose the next answer is.
    """

    __slots__ = (
        "_early",
        "_is_over",
        "_owner",
        "_parser",
        "_parts",
        "_size",
        "_status",
        "on_body",
        "sending",
        "transport",
    )

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self.transport: asyncio.Transport = _NOWHERE
        self.sending: Sending | None = None
        #: What came of this answer before its last piece, as far as its head may reach.
        self._early: list[bytes] = []
        #: Bytes of an answer that did not come in one piece, so far.
        self._size = 0
        #: Of its body; llhttp adds each part in a step of its own, without one of Python's.
        self._parts: list[bytes] = []
        self.on_body: Final = self._parts.append
        #: Of the answer once it is whole.
        self._status = 0
        #: Whether nothing may be carried after it.
        self._is_over = False
        # It tells no headers: they are checked all the same, and most are of no use to anybody.
        self._parser = HttpResponseParser(self)

    def carry(self, sending: Sending) -> bool:
        """Write a request, head and body in this step; False: the connection has ended, and nothing was written."""
        transport = self.transport
        if transport.is_closing():
            return False
        self.sending = sending
        sending.connection = self
        transport.write(sending.request)
        return True

    def drop(self) -> None:
        """End it at once, and tell nobody; what was not written yet is not written any more."""
        transport, self.transport, self.sending = self.transport, _NOWHERE, None
        transport.abort()

    # asyncio's side of it.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's are not asyncio's by their class.
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        sending = self.sending
        if sending is None:
            self._owner.lost(self)
            return
        fault = None
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._is_over = True
            fault = Unknown(type(error).__name__)
        # Most come whole in one piece.
        if not self._status or self._early or len(data) > _MOST_AROUND:
            data = self._read_on(sending, data, fault)
            if not data:
                return
        parts = self._parts
        try:
            response = read_answer(self._status, data, b"".join(parts))
        except Undecodable as error:
            self._owner.ended(self, sending, Unknown(str(error)))
            return
        # Where an answer came before all was written, its rest must not stand in front of the next request.
        if self._is_over or self.transport.get_write_buffer_size():
            self._owner.ended(self, sending, response)
            return
        parts.clear()
        self._status = 0
        self.sending = None
        self._owner.answered(self, sending, response)

    def eof_received(self) -> None:
        self._end(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc)

    # llhttp's side of it.

    def on_message_begin(self) -> None:
        if self._status:
            # What is added from here on is of another one, which nobody has asked for.
            self._is_over, self._parts = True, self._parts.copy()

    def on_message_complete(self) -> None:
        if self._status:
            return
        parser = self._parser
        status = parser.get_status_code()
        if status < 200 and status >= 100:
            self._parts.clear()
        else:
            self._status = status
            if not parser.should_keep_alive():
                self._is_over = True

    # What came of it.

    def _read_on(self, sending: Sending, data: bytes, fault: Unknown | None) -> bytes:
        """Of an answer that comes in pieces, or is long, or none at all: what came of it, once it is whole."""
        self._size += len(data)
        if self._size > _MOST_AROUND and self._is_too_long():
            self._owner.ended(self, sending, TOO_LONG)
        elif self._status:
            raw = b"".join((*self._early, data))
            self._early, self._size = [], 0
            return raw
        elif fault is not None:
            self._owner.ended(self, sending, fault)
        elif self._size - len(data) <= _MOST_AROUND:
            # What begins later is of no head.
            self._early.append(data)
        return b""

    def _is_too_long(self) -> bool:
        body = sum(map(len, self._parts))
        return body > MAX_ANSWER or self._size - body > _MOST_AROUND

    def _end(self, error: Exception | None) -> None:
        sending = self.sending
        if self.transport is _NOWHERE:
            return
        if sending is None:
            self._owner.lost(self)
        elif error is not None:
            self._owner.ended(self, sending, Unknown(type(error).__name__))
        else:
            self._owner.ended(self, sending, self._unmeasured())

    def _unmeasured(self) -> Outcome:
        """What came, now that nothing more can: without a length of its own a body ends with its connection."""
        raw = b"".join(self._early)
        if not self._parts or is_measured(raw):
            return CUT_SHORT
        try:
            return read_answer(self._parser.get_status_code(), raw, b"".join(self._parts))
        except Undecodable as error:
            return Unknown(str(error))
