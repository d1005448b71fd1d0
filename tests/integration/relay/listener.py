"""An app that webhooks are handed to: it keeps what it gets, and answers as it is told to."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

SECRET = "the-secret-of-the-app"
Handler = Callable[[bytes], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True)
class Got:
    """One POST: its headers and its bytes."""

    headers: dict[str, str]
    raw: bytes

    @property
    def value(self) -> dict[str, Any]:
        """The value of its one change."""
        [entry] = orjson.loads(self.raw)["entry"]
        [change] = entry["changes"]
        return dict(change["value"])

    @property
    def field(self) -> str:
        return str(orjson.loads(self.raw)["entry"][0]["changes"][0]["field"])

    @property
    def status(self) -> dict[str, Any]:
        [status] = self.value["statuses"]
        return dict(status)

    @property
    def message(self) -> dict[str, Any]:
        [message] = self.value["messages"]
        return dict(message)

    @property
    def is_signed(self) -> bool:
        return self.is_signed_with(SECRET)

    def is_signed_with(self, secret: str) -> bool:
        digest = hmac.new(secret.encode(), self.raw, hashlib.sha256).hexdigest()
        return self.headers.get("X-Hub-Signature-256") == f"sha256={digest}"


@dataclass
class Listener:
    """A server on loopback. `answer` is a status, or what answers; what it did not take is in `refused`."""

    answer: int | Handler = 200
    headers: dict[str, str] = field(default_factory=dict)
    got: list[Got] = field(default_factory=list)
    refused: list[Got] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0
    _runner: web.AppRunner | None = None

    async def start(self) -> None:
        application = web.Application(client_max_size=8 * 1024 * 1024)
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()

    async def stop(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        assert self._runner is not None
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}/whatsapp"

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        got = Got(dict(request.headers), await request.read())
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            if callable(self.answer):
                response = await self.answer(got.raw)
            else:
                response = web.Response(status=self.answer, headers=self.headers)
        except asyncio.CancelledError:
            self.refused.append(got)
            raise
        finally:
            self.under_way -= 1
        (self.got if response.status in range(200, 300) else self.refused).append(got)
        return response
