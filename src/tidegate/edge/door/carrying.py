"""Connections whose plain requests are answered as they come: what aiohttp makes of each costs more than its answer.

aiohttp's own loop (`RequestHandler.start`) answers all others; while a plain one is in hand, it is parked. Those of a
connection are answered one after another by one task, which is made with the first: one for each would cost as much as
its answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from aiohttp import StreamReader
from aiohttp.http_parser import RawRequestMessage
from aiohttp.web_protocol import RequestHandler

from tidegate.edge.door.connections import LimitedServer
from tidegate.edge.door.parking import HEAD_ENDS, ParkingConnection
from tidegate.edge.door.plain import NONE, AnotherWay, Carrier, Head, Plain
from tidegate.tasks import spawn

#: aiohttp's own bound of what is held of a body before it is read.
_READ_AHEAD: Final = 2**16


class CarryingConnection(ParkingConnection):
    """Such a connection.

    A head that is the same, to the byte, as one that the parser has read is not read again: it means the same wherever
    a request begins, and ends in the same place.
    """

    def __init__(self, server: CarryingServer, **options: Any) -> None:
        super().__init__(server, **options)
        self._carriers = server.carriers
        #: Who took its last request: most take all of a connection.
        self._carrier = server.carriers[0]
        self._remote: str | None = None
        #: The plain request that is being answered, by the task or without it.
        self._plain = NONE
        self._carrying: asyncio.Task[None] | None = None
        self._draining: asyncio.Task[None] | None = None
        #: What the task waits by while it has nothing to do.
        self._turn: asyncio.Future[None] | None = None
        #: What has come behind one that was not parsed, and is in hand.
        self._behind = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or cut it off where there are far too many."""
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self._remote = str(peer[0] if isinstance(peer, list | tuple) else peer) if peer is not None else None

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        self._carrying = None
        if self._plain is NONE:
            self._give_up()

    @property
    def _request_in_progress(self) -> bool:
        # aiohttp's own name, asked when it shuts down.
        return self._is_at_work or self._plain is not NONE

    @_request_in_progress.setter
    def _request_in_progress(self, is_at_work: bool) -> None:
        self._is_at_work = is_at_work

    def data_received(self, data: bytes) -> None:
        """Have what came answered, read by the parser, or kept until it is its turn."""
        idle = self._idle
        if idle is None or self._early:
            whole = self._whole(data)
            if whole is None:
                return
            data, idle = whole, self._idle
        if idle is None or idle.done() or self._force_close or self._close:
            self._read_for_it(data)
            self._watch_head()
        elif self._due or not self._knows(data, idle):
            # Nobody is woken before it is known who answers.
            self._idle = None
            self._read(data)
            self._waiter = idle
            if self._messages:
                self._head_has_come()
                self._hand_out(idle)
            else:
                self._watch_head()

    def _whole(self, data: bytes) -> bytes | None:
        """It with what came before it and was not read; None where it is kept as well."""
        if self._plain.raw:
            self._behind += data
            # No more is kept than what comes at once.
            self._pause_transport_reading()
            return None
        if self._unparsed:
            data = self._unparsed + data
            self._unpark()
        if self._early:
            data, self._early = self._early + data, b""
        return None if self._idle is None and self._keeps(data) else data

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109 - aiohttp's signature
        """End the connection; what is not answered by then is cut."""
        await super().shutdown(timeout)
        for task in (self._carrying, self._draining):
            if task is not None:
                task.cancel()

    def _knows(self, data: bytes, idle: asyncio.Future[None]) -> bool:
        """Whether it begins with a head that is known; then it is taken."""
        head, end, body = data.partition(HEAD_ENDS)
        if not end or (known := self._carrier.known(head) or self._known_to_another(head)) is None:
            return False
        left = known.length - len(body)
        if left < 0:
            return False
        if self._head_deadline is not None:
            self._head_has_come()
        self._idle, self._parked = None, idle
        if left:
            self._await_unparsed(data)
        else:
            self._carry(Plain(known, body, self._remote, data))
        return True

    def _known_to_another(self, head: bytes) -> Head | None:
        for carrier in self._carriers:
            known: Head | None = carrier.known(head) if carrier is not self._carrier else None
            if known is not None:
                self._carrier = carrier
                return known
        return None

    def _hand_out(self, idle: asyncio.Future[None]) -> None:
        """Have the first request that was parsed answered: a plain one here, and every other by aiohttp's own loop."""
        message, payload = self._messages[0]
        carrier = None
        if isinstance(message, RawRequestMessage) and not self.is_surplus:
            carrier = next((one for one in self._carriers if one.takes(message)), None)
        if carrier is None:
            self._head = b""
            idle.set_result(None)
            return
        self._carrier = carrier
        self._park(idle)
        if payload.is_eof():
            self._body_has_come()
        else:
            self._await_parsed()

    def _body_has_come(self) -> None:
        # Reading from a payload has the connection read on.
        self._end_patience()
        message, payload = self._messages[0]
        assert isinstance(message, RawRequestMessage)
        head = self._head if self._due == 0 and len(self._messages) == 1 else b""
        # It holds a key.
        self._head = b""
        body = payload.read_nowait(-1)
        self._carry(Plain(self._carrier.read(message), body, self._remote, b"", message, head))

    def _carry(self, plain: Plain[Any]) -> None:
        self._plain, carrier = plain, self._carrier
        if carrier.begins and carrier.begin(plain, self._told):
            return
        turn = self._turn
        if turn is None:
            self._carrying = spawn(self._carry_on(), "plain requests")
        else:
            turn.set_result(None)

    async def _carry_on(self) -> None:
        """Answer the one in hand, and each that comes after it, as aiohttp's `start` answers all others."""
        while True:
            turn, plain = self._loop.create_future(), self._plain
            self._turn = turn
            try:
                try:
                    outcome = await self._carrier.answer(plain.head, plain.body, plain.remote)
                except (AnotherWay, ConnectionError):
                    raise
                except Exception as fault:
                    outcome = fault
                self._carrier.tell(plain, outcome, self._told)
            except AnotherWay:
                self._leave()
            except BaseException as fault:
                self._end()
                # Nobody is there any more to be answered.
                if not isinstance(fault, ConnectionError):
                    raise
            # Who waits for the next holds on to nothing of the last.
            plain, outcome = NONE, None
            await turn

    def _told(self, answer: bytes, closes: bool) -> None:
        """Write the answer to the one in hand, and go on."""
        transport = self.transport
        if transport is not None:
            transport.write(answer)
            if self._paused:
                self._draining = spawn(self._drained(closes), "an answer's way")
                return
        self._go_on(closes)

    async def _drained(self, closes: bool) -> None:
        try:
            await self._drain_helper()
        except ConnectionError:
            self.log_debug("Ignored premature client disconnection")
        finally:
            self._draining = None
            self._go_on(closes)

    def _end(self) -> None:
        """To nothing: the one in hand was the last."""
        self._plain = NONE
        self.force_close()
        if self._handler_waiter is not None and not self._handler_waiter.done():
            self._handler_waiter.set_result(None)
        self._give_up()

    def _go_on(self, closes: bool) -> None:
        """To the next request, after one that was answered."""
        if closes or self._close or self._force_close:
            self._end()
            return
        if self._plain.message is not None:
            self._messages.popleft()
            if self._parser is not None:
                self._parser.message_consumed()
            if self._buffer_paused and len(self._messages) <= self._msg_queue_resume_size:
                self._resume_reading_if_drained()
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if self._keepalive_handle is None:
            self._keepalive_handle = self._loop.call_at(self._next_keepalive_close_time, self._process_keepalive)
        idle = self._parked
        self._plain, self._parked = NONE, None
        self._idle = idle
        if self._messages and idle is not None:
            self._hand_out(idle)
        if self._behind:
            self._take_behind()

    def _leave(self) -> None:
        """The one in hand, which was not answered, to aiohttp's own loop."""
        if self._close or self._force_close:
            self._end()
            return
        plain, self._plain = self._plain, NONE
        if plain.message is not None:
            unread = StreamReader(self, _READ_AHEAD, loop=self._loop)
            unread.feed_data(plain.body)
            unread.feed_eof()
            self._messages[0] = (plain.message, unread)
        idle = self._unpark()
        if plain.raw:
            self._read_for_it(plain.raw)
        elif idle is not None and not idle.done():
            idle.set_result(None)
        if self._behind:
            self._take_behind()

    def _take_behind(self) -> None:
        behind, self._behind = self._behind, b""
        if not self._reading_paused and not self._buffer_paused:
            self._resume_transport_reading()
        self.data_received(behind)

    def _give_up(self) -> None:
        """Have both end that wait for a next request: aiohttp's own loop, and the task."""
        self._unpark()
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None


class CarryingServer(LimitedServer):
    """Makes such connections. `carriers`: answer their plain requests, each those that it takes."""

    def __init__(self, carriers: Sequence[Carrier[Any]], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.carriers = carriers

    def __call__(self) -> RequestHandler:
        """A connection that is about to be made."""
        return CarryingConnection(self, loop=self._loop, **self._kwargs)
