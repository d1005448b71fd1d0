"""Carries the world's webhooks to a node in this process: what leaves within five seconds goes together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from tidegate.simulator.notices import envelope
from tidegate.simulator.world import World

#: Meta sends up to 1,000 updates in a body, "not guaranteed".
_MOST_UPDATES: Final = 1_000
_GATHER_MS: Final = 5_000


class Postman:
    """Waits for the world's next event and hands over what leaves by then, one body at a time."""

    def __init__(self, world: World, clock: Callable[[], int], receive: Callable[[bytes], Awaitable[None]]) -> None:
        self._world = world
        self._clock = clock
        self._receive = receive
        self._stirred = asyncio.Event()
        #: When it goes next (ms), None: when it is stirred.
        self.planned_ms: int | None = None
        self.is_busy = False
        self.bodies = 0

    def stir(self) -> None:
        """Say that something happened in the world."""
        next_ms = self._world.next_event_at_ms()
        if next_ms is not None and (self.planned_ms is None or next_ms + _GATHER_MS < self.planned_ms):
            self._stirred.set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self._stirred.clear()
            next_ms = self._world.next_event_at_ms()
            self.planned_ms = None if next_ms is None else next_ms + _GATHER_MS
            await self._nap()
            self.is_busy = True
            webhooks = self._world.due(self._clock())
            for first in range(0, len(webhooks), _MOST_UPDATES):
                self.bodies += 1
                await self._receive(envelope(webhooks[first : first + _MOST_UPDATES]))
            self.is_busy = False

    async def _nap(self) -> None:
        if self.planned_ms is None:
            await self._stirred.wait()
            return
        try:
            async with asyncio.timeout(max(0, self.planned_ms - self._clock()) / 1000):
                await self._stirred.wait()
        except TimeoutError:
            return
