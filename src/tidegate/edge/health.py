"""`/healthz`, `/readyz`, `/metrics`: for those who watch the process; open to all, and telling no secret."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from typing import Final

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from tidegate.cloudapi.vocabulary import Category
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.replies import json_reply
from tidegate.edge.services import Services
from tidegate.errors import StoreUnavailable
from tidegate.settings import Portfolio
from tidegate.store.send_queue import Lane

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
        if self._services.draining():
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
        """Counters in Prometheus' text format; gauges of the store keep their last value while it is away."""
        with contextlib.suppress(StoreUnavailable):
            for portfolio in self._services.settings.portfolios:
                await self._look(portfolio)
            await self._look_at_apps()
        return web.Response(body=self._services.metrics.exposition(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _look_at_apps(self) -> None:
        services = self._services
        for subscriber in services.relay.subscribers.all:
            backlogs = [await services.relays.backlog(one, subscriber.app) for one in subscriber.portfolios]
            now_ms = services.clock.now_ms()
            oldest_ms = min((one.oldest_at_ms for one in backlogs if one.oldest_at_ms is not None), default=now_ms)
            services.metrics.relay_backlog(
                subscriber.app,
                sum(one.waiting for one in backlogs),
                max(0, now_ms - oldest_ms) / 1_000,
                sum(one.dead for one in backlogs),
                sum(one.kept_bytes for one in backlogs),
            )

    async def _look(self, portfolio: Portfolio) -> None:
        services = self._services
        standing = await services.standings.current(portfolio.id)
        books = await services.ledger.books(portfolio.id)
        services.metrics.places(portfolio.id, books.used, standing.limit)
        numbers = [number.id for waba in portfolio.wabas for number in waba.numbers]
        lanes = [Lane(number, category) for number in numbers for category in Category]
        queued: Counter[Category] = Counter()
        for state in await services.queue.lanes(portfolio.id, lanes):
            queued[state.lane.category] += state.due + state.waiting_for_place
        for category in Category:
            services.metrics.queue_depth(portfolio.id, category.value, queued[category])
