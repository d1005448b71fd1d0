"""Connections of callers: how many there may be, how long a head may take, and what is answered that is no HTTP."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, Final, Protocol, cast

from aiohttp import StreamReader, web
from aiohttp.http_parser import RawRequestMessage
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from tidegate.edge.door.arrivals import AnotherWay
from tidegate.settings.tables import Server
from tidegate.tasks import spawn

_JSON: Final = {"Content-Type": "application/json", "Server": "tidegate"}
_BODY: Final = (
    b'{"error":{"message":"(#100) The request is not well-formed HTTP","type":"OAuthException","code":100,'
    b'"error_data":{"messaging_product":"whatsapp","details":"The request is not well-formed HTTP"}}}'
)
_TOO_SLOW_BODY: Final = _BODY.replace(b"is not well-formed HTTP", b"did not arrive in time")
_TOO_SLOW: Final = (
    b"HTTP/1.1 408 Request Timeout\r\nContent-Type: application/json\r\nServer: tidegate\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(_TOO_SLOW_BODY), _TOO_SLOW_BODY)
)
#: Of those too many, this share is told so; the others are cut off unheard.
_TOLD_SHARE: Final = 8
#: Many clients write a head and its body apart: a plain request's body is waited for so long, before it goes the way of
#: those that may be slow.
_BODY_COMES_S: Final = 0.1
#: aiohttp's own bound of what is held of a body before it is read.
_READ_AHEAD: Final = 2**16


class Carrier(Protocol):
    """Answers plain requests by what aiohttp's parser has read of them, without anything of `aiohttp.web`."""

    def takes(self, message: RawRequestMessage) -> bool:
        """Whether it answers a request with this head."""
        ...

    async def answer(self, message: RawRequestMessage, body: bytes, remote: str | None) -> tuple[bytes, bool]:
        """The answer, and whether it is the last of its connection. Raises AnotherWay, before anything was done."""
        ...


class Connection(RequestHandler):
    """aiohttp's connection, one of a limited number, whose heads have to arrive in time, and which answers what it
    can't parse without repeating any of it.
    """

    def __init__(self, server: LimitedServer, **options: Any) -> None:
        super().__init__(server, **options)
        self._limits = server.limits
        self._carrier = server.carrier
        #: While a plain request is in hand, or its body comes: what aiohttp's own loop waits by.
        self._parked: asyncio.Future[None] | None = None
        self._body_deadline: asyncio.TimerHandle | None = None
        self._carrying: asyncio.Task[None] | None = None
        self._remote: str | None = None
        self._head_deadline: asyncio.TimerHandle | None = None
        self._heard = False
        self._asked = False
        #: One too many: it is told so, once.
        self.is_surplus = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or cut it off where there are far too many."""
        assert isinstance(self._manager, LimitedServer)
        taken, most = self._manager.count, self._limits.max_connections
        if taken >= most + max(1, most // _TOLD_SHARE):
            self._force_close = True
            cast("asyncio.Transport", transport).abort()
            return
        self.is_surplus = taken >= most
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self._remote = str(peer[0] if isinstance(peer, list | tuple) else peer) if peer is not None else None
        self._await_head()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the connection."""
        self._head_came()
        super().connection_lost(exc)
        if self._body_deadline is not None:
            self._leave_to_aiohttp()

    def data_received(self, data: bytes) -> None:
        """Parse what came; a head that has begun has to end in time."""
        self._heard = True
        idle = self._waiter
        if self._carrier is not None and idle is not None and not idle.done():
            # Nobody is woken before it is known who answers.
            self._waiter = None
            super().data_received(data)
            self._waiter = idle
            if not self._messages:
                self._await_head()
                return
            self._asked = True
            self._head_came()
            self._hand_out(idle)
            return
        super().data_received(data)
        if self._body_deadline is not None and self._messages[0][1].is_eof():
            self._carry()
        # Bytes may come with the end of a handshake, and then before anybody waits for them.
        self._asked = self._asked or bool(self._messages)
        if not self._asked or (self._waiter is not None and not self._waiter.done()):
            self._await_head()
        elif self._head_deadline is not None:
            self._head_came()
        if self._messages and self._current_request is not None and isinstance(self._messages[-1][0], _ErrInfo):
            # It broke within a body: whoever reads that would wait for the rest of it.
            body = self._current_request.content
            if not body.is_eof() and body.exception() is None:
                body.set_exception(web.RequestPayloadError("the body is not well-formed HTTP"))

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP, always the same."""
        self.log_debug("request could not be read", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer is on its way: another one would garble it")
        status = status if status < HTTPStatus.INTERNAL_SERVER_ERROR else HTTPStatus.SERVICE_UNAVAILABLE
        response = web.Response(status=status, body=_BODY, headers=_JSON)
        response.force_close()
        return response

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109 - aiohttp's signature
        """End the connection; what is not answered by then is cut."""
        await super().shutdown(timeout)
        if self._carrying is not None:
            self._carrying.cancel()

    def _hand_out(self, idle: asyncio.Future[None]) -> None:
        """Have the first request answered: a plain one here, and every other by aiohttp's own loop."""
        message, payload = self._messages[0]
        if (
            self._carrier is None
            or self.is_surplus
            or isinstance(message, _ErrInfo)
            or not self._carrier.takes(message)
        ):
            idle.set_result(None)
            return
        self._waiter, self._parked = None, idle
        if payload.is_eof():
            self._carry()
        else:
            self._body_deadline = self._loop.call_later(_BODY_COMES_S, self._leave_to_aiohttp)

    def _leave_to_aiohttp(self) -> None:
        """Give the first request to aiohttp's own loop after all."""
        if self._body_deadline is not None:
            self._body_deadline.cancel()
            self._body_deadline = None
        parked, self._parked = self._parked, None
        if parked is None or parked.done():
            return
        self._waiter = parked
        if self._force_close or self._close:
            parked.cancel()
        else:
            parked.set_result(None)

    def _carry(self) -> None:
        if self._body_deadline is not None:
            self._body_deadline.cancel()
            self._body_deadline = None
        self._request_in_progress = True
        self._carrying = spawn(self._carried(), "send")

    async def _carried(self) -> None:
        """Answer the first request, as aiohttp's `start` does, and go on with what came meanwhile."""
        message, payload = self._messages[0]
        assert self._carrier is not None
        assert not isinstance(message, _ErrInfo)
        body = payload.read_nowait(-1)
        closes, was_answered = True, False
        try:
            answer, closes = await self._carrier.answer(message, body, self._remote)
            was_answered = True
            if self.transport is not None:
                self.transport.write(answer)
                if self._paused:
                    await self._drain_helper()
        except AnotherWay:
            unread = StreamReader(self, _READ_AHEAD, loop=self._loop)
            unread.feed_data(body)
            unread.feed_eof()
            self._messages[0], closes = (message, unread), False
        except ConnectionError:
            self.log_debug("Ignored premature client disconnection")
        finally:
            self._end_carrying(closes=closes, was_answered=was_answered)

    def _end_carrying(self, *, closes: bool, was_answered: bool) -> None:
        self._carrying, self._request_in_progress = None, False
        if self._handler_waiter is not None and not self._handler_waiter.done():
            self._handler_waiter.set_result(None)
        if closes or self._close:
            self.force_close()
        if self._force_close or not was_answered:
            self._leave_to_aiohttp()
            return
        self._messages.popleft()
        if self._parser is not None:
            self._parser.message_consumed()
        if self._buffer_paused and len(self._messages) <= self._msg_queue_resume_size:
            self._resume_reading_if_drained()
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if self._keepalive_handle is None:
            self._keepalive_handle = self._loop.call_at(self._next_keepalive_close_time, self._process_keepalive)
        parked, self._parked = self._parked, None
        if parked is not None:
            self._waiter = parked
            if self._messages:
                self._hand_out(parked)

    def _await_head(self) -> None:
        if self._head_deadline is None:
            self._head_deadline = self._loop.call_later(self._limits.header_timeout_ms / 1000, self._end_slow_head)

    def _head_came(self) -> None:
        if self._head_deadline is not None:
            self._head_deadline.cancel()
            self._head_deadline = None

    def _end_slow_head(self) -> None:
        self._head_deadline = None
        if self._heard and self.transport is not None:
            self.transport.write(_TOO_SLOW)
        self.force_close()


class LimitedServer(web.Server):
    """Makes such connections, and counts them. `carrier`: answers plain requests without aiohttp's own loop."""

    def __init__(self, limits: Server, carrier: Carrier | None, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.limits = limits
        self.carrier = carrier

    @property
    def count(self) -> int:
        """How many connections there are."""
        return len(self._connections)

    def __call__(self) -> RequestHandler:
        """A connection that is about to be made."""
        return Connection(self, loop=self._loop, **self._kwargs)


def is_surplus(request: web.Request) -> bool:
    """Whether a request came by a connection that is one too many."""
    protocol = request.protocol
    return isinstance(protocol, Connection) and protocol.is_surplus
