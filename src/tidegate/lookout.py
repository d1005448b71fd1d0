"""Looks at all queues from afar, so that those with nothing in them cost the store nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import structlog

from tidegate.clock import StoreClock
from tidegate.errors import StoreUnavailable
from tidegate.store.send_queue import Glance, SendQueue
from tidegate.store.standings import Standings
from tidegate.tasks import lasting, spawn

#: So often: it bounds how late a change on another node, or a moved clock, is noticed.
HEARTBEAT_MS: Final = 250
_RETRY_MS: Final = 500

log = structlog.get_logger()


class Lookout:
    """Says whose queue is to be looked at from near; of all others nothing more is asked."""

    def __init__(
        self,
        queue: SendQueue,
        standings: Standings,
        clock: StoreClock,
        wake: Callable[[str], None],
        leave: Callable[[str], None],
    ) -> None:
        """`wake` is called with each portfolio that has something to do, and `leave` with each that has nothing."""
        self._queue = queue
        self._standings = standings
        self._clock = clock
        self._wake = wake
        self._leave = leave
        self._stopping = asyncio.Event()
        #: Portfolios where something has run out of time.
        self.overdue: set[str] = set()

    def start(self) -> list[asyncio.Task[None]]:
        """Begin to look, until `stop`."""
        return [spawn(lasting(partial(self._watch, group), "lookout"), "lookout") for group in self._queue.groups]

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()

    async def _watch(self, group: Sequence[str]) -> None:
        while not self._stopping.is_set():
            wait_ms = HEARTBEAT_MS
            try:
                now_ms, glances = await self._queue.glance(group)
                self._clock.observe(now_ms)
                for portfolio, glance in zip(group, glances, strict=True):
                    self._heed(portfolio, glance)
            except StoreUnavailable as error:
                log.warning("queues_not_seen", portfolios=len(group), fault=str(error))
                wait_ms = _RETRY_MS
            await set_within(self._stopping, wait_ms)

    def _heed(self, portfolio: str, glance: Glance) -> None:
        standing = self._standings.read(portfolio)
        if glance.is_overdue:
            self.overdue.add(portfolio)
        if glance.is_queued or glance.is_overdue or standing is None or standing.epoch != glance.epoch:
            self._wake(portfolio)
        else:
            self._leave(portfolio)


async def set_within(event: asyncio.Event, wait_ms: float | None) -> None:
    """Return when it is set, or after so long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(None if wait_ms is None else wait_ms / 1_000):
            await event.wait()
