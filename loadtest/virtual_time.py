"""One clock for the store and the simulated platform: it runs as the machine's does, and can be put forward."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from redis import Redis

from tidegate.simulator.clock import system_ms
from tidegate.store.keys import PortfolioKeys


class VirtualTime:
    """Tells the time in ms since 1970, and moves it for everybody at once.

    Calling it gives the platform's time. The store's is moved by the same span in the same breath: the call to the
    store blocks the loop, so that nothing of one loop ever sees the two apart. A store that was ahead for a moment
    would free places which the platform still counts.
    """

    def __init__(self, store: Redis, portfolios: Iterable[str]) -> None:
        self._store = store
        self._keys = [PortfolioKeys(portfolio).clock for portfolio in portfolios]
        self._ahead_ms = 0
        self._alarms: list[int] = []
        self._moved = asyncio.Event()

    def __call__(self) -> int:
        return system_ms() + self._ahead_ms

    @property
    def next_alarm_ms(self) -> int | None:
        """When the first of those who sleep wants to be woken; None: nobody sleeps."""
        return min(self._alarms, default=None)

    def put_forward(self, by_ms: int) -> None:
        """Move the time of the store and of the platform. Raises ValueError for a step back."""
        if by_ms < 0:
            raise ValueError("time goes forward only")
        pipeline = self._store.pipeline(transaction=True)
        for key in self._keys:
            pipeline.incrby(key, by_ms)
        pipeline.execute()
        self._ahead_ms += by_ms
        self._moved.set()
        self._moved = asyncio.Event()

    async def sleep_until(self, at_ms: int) -> None:
        """Return once it is `at_ms`, because time passed or was put forward."""
        self._alarms.append(at_ms)
        try:
            while (wait_ms := at_ms - self()) > 0:
                try:
                    async with asyncio.timeout(wait_ms / 1000):
                        await self._moved.wait()
                except TimeoutError:
                    continue
        finally:
            self._alarms.remove(at_ms)
