"""Arrivals as strangers make them: at their own rate, never slowed by answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

#: Asked for and not answered, at once; what comes then is not asked for, and counted.
MOST_OPEN: Final = 2_000


class OpenLoop:
    """Calls `ask` with the number (from 0) and the time (of the loop, in s) of each arrival: `per_second`, or none.

    An arrival that the machine is late with counts from when it was due. `missed`: how many found as many open as may
    be.
    """

    def __init__(self, per_second: float, ask: Callable[[int, float], Awaitable[None]], most: int = MOST_OPEN) -> None:
        self._per_second = per_second
        self._ask = ask
        self._most = most
        self._open: set[asyncio.Task[None]] = set()
        self.missed = 0

    async def run(self, most: int | None = None) -> None:
        """Let so many arrive, or arrivals go on until cancelled; then wait for what is open."""
        loop, arrived = asyncio.get_running_loop(), 0
        began_s = loop.time()
        try:
            while self._per_second and (most is None or arrived < most):
                due_s = began_s + arrived / self._per_second
                if due_s > loop.time():
                    await asyncio.sleep(due_s - loop.time())
                self._begin(arrived, due_s)
                arrived += 1
        finally:
            if self._open:
                await asyncio.wait(self._open)

    def _begin(self, arrival: int, due_s: float) -> None:
        if len(self._open) >= self._most:
            self.missed += 1
            return
        task = asyncio.get_running_loop().create_task(self._asked(arrival, due_s), name="arrival")
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _asked(self, arrival: int, due_s: float) -> None:
        await self._ask(arrival, due_s)
