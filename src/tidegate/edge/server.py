"""The HTTP server: its limits, and one constant answer for what is not HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web
from aiohttp.http_parser import RawRequestMessage
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from tidegate.edge.origins import PREFIX_KEY, as_url, without_prefix
from tidegate.settings.tables import Server

RequestFactory = Callable[..., web.BaseRequest]

_BODY: Final = (
    b'{"error":{"message":"(#100) The request is not well-formed HTTP","type":"OAuthException","code":100,'
    b'"error_data":{"messaging_product":"whatsapp","details":"The request is not well-formed HTTP"}}}'
)
#: Longer than the idle time of clients' pools: a connection is not closed under a request.
KEEPALIVE_S: Final = 75.0


class _Connection(RequestHandler):
    """aiohttp's connection, which answers what it can't parse without repeating any of it."""

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
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
        self.log_debug("request could not be read", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer is on its way: another one would garble it")
        status = status if status < HTTPStatus.INTERNAL_SERVER_ERROR else HTTPStatus.SERVICE_UNAVAILABLE
        headers = {"Content-Type": "application/json", "Server": "tidegate"}
        response = web.Response(status=status, body=_BODY, headers=headers)
        response.force_close()
        return response


class _Server(web.Server):
    """Makes such connections."""

    def __call__(self) -> RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Runner(web.AppRunner):
    def __init__(self, application: web.Application, settings: Server, **options: Any) -> None:
        super().__init__(application, **options)
        self._settings = settings

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(
            made.request_handler,
            request_factory=_reads(made.request_factory, self._settings.path_prefix),
            handler_cancellation=made.handler_cancellation,
            loop=asyncio.get_running_loop(),
            **made._kwargs,
        )


def _reads(make: RequestFactory, prefix: str | None) -> RequestFactory:
    """The way requests are made, without the path prefix: nobody behind this knows of it but who writes addresses."""
    if prefix is None:
        return make

    def made(message: RawRequestMessage, *rest: Any) -> web.BaseRequest:
        inner = without_prefix(message.path, prefix)
        if inner is None:
            return make(message, *rest)
        request = make(message._replace(path=inner, url=as_url(inner)), *rest)
        request[PREFIX_KEY] = prefix
        return request

    return made


def make_runner(application: web.Application, settings: Server | None = None, **options: Any) -> web.AppRunner:
    """A runner whose handlers outlive their callers' connections, and whose bodies are not touched before they are
    read. `options` are aiohttp's, over these.
    """
    defaults: dict[str, Any] = {
        "access_log": None,
        "auto_decompress": False,
        "handler_cancellation": False,
        "handle_signals": False,
        "keepalive_timeout": KEEPALIVE_S,
        "lingering_time": 2.0,
    }
    return _Runner(application, settings or Server(), **{**defaults, **options})
