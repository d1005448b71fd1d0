"""`/healthz`, `/readyz`, `/metrics`: for those who watch the process; open to all, and telling no secret."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from tidegate.edge.denials import Denial, Kind
from tidegate.edge.replies import json_reply
from tidegate.edge.services import Services
from tidegate.errors import StoreUnavailable

PROBE_S: Final = 0.5


class Health:
    """Answers for the process, and for what it needs to do its work."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def alive(self, _request: web.Request) -> web.Response:
        """The process runs its loop."""
        return json_reply({"status": "ok", "version": self._services.version}).response()

    async def ready(self, _request: web.Request) -> web.Response:
        """New work is welcome: the store takes writes, and the node is not shutting down. Raises Denial."""
        if self._services.ending.drains:
            raise Denial(Kind.DRAINING, "the node finishes what it has, and takes no more")
        try:
            async with asyncio.timeout(PROBE_S):
                writable = (await self._services.probe()).writable
        except (TimeoutError, StoreUnavailable):
            writable = False
        if not writable:
            raise Denial(Kind.STORE_UNAVAILABLE, "the store does not take writes now")
        return json_reply({"status": "ready", "version": self._services.version}).response()

    async def metrics(self, _request: web.Request) -> web.Response:
        """Counters and gauges in Prometheus' text format."""
        await self._services.gauges.look()
        return web.Response(body=self._services.metrics.exposition(), headers={"Content-Type": CONTENT_TYPE_LATEST})
