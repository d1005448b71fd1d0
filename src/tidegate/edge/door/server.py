"""The HTTP server: where it listens, and what it takes off a request before anybody sees it."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from aiohttp import web
from aiohttp.http_parser import RawRequestMessage

from tidegate.edge.door.carrying import CarryingServer
from tidegate.edge.door.connections import LimitedServer
from tidegate.edge.door.origins import PREFIX_KEY, as_url, without_prefix
from tidegate.edge.door.plain import Carrier
from tidegate.settings.tables import Server

#: Where an application keeps those who answer plain requests without it.
CARRIERS: Final = web.AppKey("carriers", tuple[Carrier[Any], ...])
RequestFactory = Callable[..., web.BaseRequest]

#: Longer than the idle time of clients' pools: a connection is not closed under a request.
KEEPALIVE_S: Final = 75.0
_BACKLOG: Final = 512
#: libuv takes one connection of a socket a turn of the loop: on a busy node, whose turns are long, a storm of them
#: would wait for hundreds of turns. So the port is watched by so many descriptors.
_TAKEN_AT_ONCE: Final = 8


class _Runner(web.AppRunner):
    def __init__(self, application: web.Application, settings: Server, **options: Any) -> None:
        super().__init__(application, **options)
        self._settings = settings

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        carriers = self.app.get(CARRIERS)
        make = LimitedServer if carriers is None else partial(CarryingServer, carriers)
        return make(
            self._settings,
            made.request_handler,
            request_factory=_reads(made.request_factory, self._settings.path_prefix),
            handler_cancellation=made.handler_cancellation,
            loop=asyncio.get_running_loop(),
            **made._kwargs,
        )


class Listener(web.BaseSite):
    """A port of a node, with TLS or without; a handshake takes no longer than a head may, and so does its end."""

    def __init__(
        self, runner: web.BaseRunner, settings: Server, tls: ssl.SSLContext | None, sock: socket.socket | None = None
    ) -> None:
        """`sock`: one that listens already, at the same address."""
        super().__init__(runner, ssl_context=tls, backlog=_BACKLOG)
        self._settings = settings
        self._sock = sock
        self._beside: list[asyncio.AbstractServer] = []

    @property
    def name(self) -> str:
        """Its address."""
        return f"{'https' if self._ssl_context else 'http'}://{self._settings.listen}"

    async def start(self) -> None:
        """Listen. Raises OSError where the address can't be had."""
        await super().start()
        handshake_s = self._settings.header_timeout_ms / 1000
        where: dict[str, Any] = (
            {"host": self._settings.host, "port": self._settings.port} if self._sock is None else {"sock": self._sock}
        )
        options: dict[str, Any] = {
            "ssl": self._ssl_context,
            "ssl_handshake_timeout": handshake_s if self._ssl_context else None,
            # Whoever is given up need not be waited for to say goodbye.
            "ssl_shutdown_timeout": handshake_s if self._ssl_context else None,
            "backlog": self._backlog,
        }
        factory, listen = self._runner.server, asyncio.get_running_loop().create_server
        assert factory is not None
        self._server = await listen(factory, **where, **options)
        for sock in self._server.sockets:
            for _ in range(_TAKEN_AT_ONCE - 1):
                again = socket.socket(fileno=os.dup(sock.fileno()))
                self._beside.append(await listen(factory, sock=again, **options))

    async def stop(self) -> None:
        """Listen no more."""
        for server in self._beside:
            server.close()
        await super().stop()


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
