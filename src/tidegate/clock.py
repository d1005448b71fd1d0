"""The store's time as a node sees it: the last one that the store told, and what has passed here since."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final


class StoreClock:
    """Tells the store's time between its answers; decisions that must be exact use the answer's own time.

    A node's wall clock is never asked: two nodes with clocks apart would judge the same window differently.
    """

    __slots__ = ("__weakref__", "_jumped", "_offset_ms", "jumps", "monotonic_s")

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        #: Time that only grows (s), for spans that are only measured: asked without a call in between.
        self.monotonic_s: Final = monotonic
        self._offset_ms = 0.0
        self._jumped = asyncio.Event()
        #: How often the store's time has jumped, as far as is known here.
        self.jumps = 0

    def observe(self, now_ms: int) -> None:
        """Learn the store's time from an answer of its."""
        offset_ms = now_ms - self.monotonic_s() * 1000
        if abs(offset_ms - self._offset_ms) > 500:
            self.jumps += 1
            self._jumped.set()
            self._jumped = asyncio.Event()
        self._offset_ms = offset_ms

    def now_ms(self) -> int:
        """The store's time now, in ms; off by no more than an answer's way and what was steered since."""
        return int(self._offset_ms + self.monotonic_s() * 1000)

    def at_ms(self, monotonic_ms: float) -> int:
        """The store's time at a moment of this node's."""
        return int(self._offset_ms + monotonic_ms)

    def monotonic_ms(self) -> float:
        """Time that only grows, for spans on this node."""
        return self.monotonic_s() * 1000

    async def sleep_until(self, at_ms: int) -> None:
        """Return once the store's time is `at_ms`, or has jumped: then look again."""
        wait_s = (at_ms - self.now_ms()) / 1000
        if wait_s <= 0:
            return
        try:
            async with asyncio.timeout(wait_s):
                await self._jumped.wait()
        except TimeoutError:
            return
