"""Connections of callers: how many there may be, how long a head may take, and what is answered that is no HTTP."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, Final, cast

from aiohttp import web
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from tidegate.settings.tables import Server

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


class Connection(RequestHandler):
    """aiohttp's connection, one of a limited number, whose heads have to arrive in time, and which answers what it
    can't parse without repeating any of it.
    """

    def __init__(self, server: LimitedServer, **options: Any) -> None:
        super().__init__(server, **options)
        self._limits = server.limits
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
        self._await_head()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the connection."""
        self._head_came()
        waiter = self._waiter
        if self._task_handler is not None and waiter is not None and waiter.done():
            # aiohttp's own loop was woken in this turn: it would go on without what makes requests, and fail.
            self._task_handler.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came; a head that has begun has to end in time."""
        self._read(data)
        self._watch_head()

    def _read(self, data: bytes) -> None:
        self._heard = True
        super().data_received(data)
        if self._messages and self._current_request is not None and isinstance(self._messages[-1][0], _ErrInfo):
            # It broke within a body: whoever reads that would wait for the rest of it.
            body = self._current_request.content
            if not body.is_eof() and body.exception() is None:
                body.set_exception(web.RequestPayloadError("the body is not well-formed HTTP"))

    def _watch_head(self) -> None:
        # Bytes may come with the end of a handshake, and then before anybody waits for them.
        self._asked = self._asked or bool(self._messages)
        if not self._asked or (self._waiter is not None and not self._waiter.done()):
            self._await_head()
        else:
            self._head_came()

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

    def _await_head(self) -> None:
        if self._head_deadline is None:
            self._head_deadline = self._loop.call_later(self._limits.header_timeout_ms / 1000, self._end_slow_head)

    def _head_has_come(self) -> None:
        self._heard = self._asked = True
        self._head_came()

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
    """Makes such connections, and counts them."""

    def __init__(self, limits: Server, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.limits = limits

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
