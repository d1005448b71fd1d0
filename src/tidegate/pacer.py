"""The waiting room of each number: sends whose turn (throughput) has not come, the most urgent first."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from tidegate.clock import StoreClock
from tidegate.policy.guardrails.throughput import SLACK_US

#: Every so many turns the least urgent waits no longer, so that codes never starve a campaign for good.
FLOOR_EVERY: Final = 20


@dataclass(order=True, slots=True)
class _Waiter:
    priority: int
    came_ms: float
    arrival: int
    turn: asyncio.Event = field(compare=False)
    gone: bool = field(default=False, compare=False)


class Room:
    """The waiting room of one number. A turn is a chance to ask `admit` again, not a promise."""

    __slots__ = ("_arrivals", "_clock", "_emission_ms", "_next_at_ms", "_timer", "_turns", "waiters")

    def __init__(self, clock: StoreClock) -> None:
        self._clock = clock
        #: Who is in it, or was a moment ago; empty: whoever comes is the first in line.
        self.waiters: list[_Waiter] = []
        #: Tells those apart who came at the same time.
        self._arrivals = itertools.count()
        self._next_at_ms = 0.0
        self._emission_ms = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._turns = 0

    def turn_at_ms(self, priority: int) -> int | None:
        """When a send of this priority that arrives now may expect its turn; None: nobody is before it."""
        ahead = sum(1 for waiter in self.waiters if waiter.priority <= priority and not waiter.gone)
        return int(self._next_at_ms + ahead * self._emission_ms) if ahead else None

    async def wait(
        self, priority: int, came_ms: float, opens_at_ms: int | None, emission_ms: float, limit_ms: float
    ) -> bool:
        """Wait for a turn; False when `limit_ms` (a span) went by without one.

        `came_ms`: when it came (this node's time), which is its place in line however often it waits. `opens_at_ms`:
        when the number's next turn comes, by the store's word; None: as known here.
        """
        self._emission_ms = emission_ms
        if opens_at_ms is not None:
            self._next_at_ms = max(self._next_at_ms, opens_at_ms) if self.waiters else opens_at_ms
        waiter = _Waiter(priority, came_ms, next(self._arrivals), asyncio.Event())
        heapq.heappush(self.waiters, waiter)
        self._schedule()
        try:
            async with asyncio.timeout(max(0.0, limit_ms) / 1000):
                await waiter.turn.wait()
        except TimeoutError:
            return False
        finally:
            waiter.gone = True
        return True

    def _schedule(self) -> None:
        if self._timer is not None:
            return
        delay_s = max(0.0, (self._next_at_ms - self._clock.now_ms()) / 1000)
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._open)

    def _open(self) -> None:
        self._timer = None
        now_ms = self._clock.now_ms()
        if self._next_at_ms > now_ms + 1 and self.waiters:
            self._schedule()
            return
        # Counted from when the turn was due: a timer that fires late must not slow the line down. But what was missed
        # by more than the ledger forgives is gone.
        due_ms = max(self._next_at_ms, now_ms - SLACK_US / 1000)
        turns = 1 + int((now_ms - due_ms) / self._emission_ms) if self._emission_ms else 1
        for _ in range(turns):
            waiter = self._pop()
            if waiter is None:
                return
            waiter.gone = True
            waiter.turn.set()
        self._next_at_ms = due_ms + turns * self._emission_ms
        if self.waiters:
            self._schedule()

    def _pop(self) -> _Waiter | None:
        self._turns += 1
        if self._turns % FLOOR_EVERY == 0:
            present = [waiter for waiter in self.waiters if not waiter.gone]
            return max(present, key=lambda w: (w.priority, -w.came_ms, -w.arrival), default=None)
        while self.waiters:
            waiter = heapq.heappop(self.waiters)
            if not waiter.gone:
                return waiter
        return None


class Pacer:
    """The waiting rooms of all numbers."""

    __slots__ = ("room",)

    def __init__(self, clock: StoreClock) -> None:
        #: Gives the waiting room of a number.
        self.room: Final[Callable[[str], Room]] = _Rooms(clock).__getitem__


class _Rooms(dict[str, Room]):
    """By number; there is one of each that is asked for."""

    def __init__(self, clock: StoreClock) -> None:
        super().__init__()
        self._clock = clock

    def __missing__(self, number: str) -> Room:
        room = self[number] = Room(self._clock)
        return room
