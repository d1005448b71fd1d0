"""Virtual time for a whole run in one process: the loop's clock, the store's and the platform's are one.

Time stands still while anything is being done, here or in the store, and leaps when nothing is. So a run takes as long as
its work does, a busy machine changes nothing, and no timeout is ever a slow machine's.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from math import ceil
from time import monotonic
from typing import Any, Final

from redis import Redis

from tidegate.store.keys import PortfolioKeys

#: Where virtual time begins: a Monday, 09:00 UTC.
EPOCH_MS: Final = 1_793_610_000_000
#: The shortest leap: what happens within it happens together. No more than the ledger forgives a late turn (10 ms), so
#: that the pace of a number does not suffer.
GRAIN_MS: Final = 10
_STUCK_S: Final = 60.0
#: Tasks that only look again and again, in case that something was changed elsewhere, begin so.
_BEATS: Final = "dispatcher "


class Stuck(Exception):
    """The store has not answered for a minute of real time."""


class _Leaps(selectors.DefaultSelector):  # type: ignore[misc]  # which class it is depends on the system
    """Waits for the store only; where nothing is to come from it, `leap` is called instead of waiting."""

    is_waiting: Callable[[], bool]
    leap: Callable[[float | None], None]

    def select(self, timeout: float | None = None) -> Any:
        events = super().select(0)
        if events or (timeout is not None and timeout <= 0):
            return events
        until_s = monotonic() + _STUCK_S
        while self.is_waiting():
            events = super().select(0.05)
            if events:
                return events
            if monotonic() > until_s:
                raise Stuck
        self.leap(timeout)
        return events


class Tempo(asyncio.SelectorEventLoop):
    """A loop whose time leaps: to the next timer while there is work in hand, else to what comes next.

    `next_ms`: when something comes next that no timer of the loop tells of (virtual ms), None: never; asked only while
    nothing is in hand. `has_work`: whether anything is.
    """

    def __init__(self) -> None:
        self._ms = 0
        self._selector_of_leaps = _Leaps()
        super().__init__(self._selector_of_leaps)
        self._selector_of_leaps.leap = self._leap
        self._selector_of_leaps.is_waiting = lambda: True
        self._set_store: Callable[[int], None] = lambda now_ms: None
        self.has_work: Callable[[], bool] = lambda: True
        self.next_ms: Callable[[], int | None] = lambda: None
        self.leaps = 0

    def time(self) -> float:
        return self._ms / 1000

    def now_ms(self) -> int:
        """Virtual time in ms since 1970."""
        return EPOCH_MS + self._ms

    def begin(self, store: Redis, portfolio: str, is_waiting: Callable[[], bool], after_ms: int) -> None:
        """From now on time leaps, first by `after_ms`. `is_waiting`: whether an answer of the store is awaited."""
        key = PortfolioKeys(portfolio).clock
        self._ms += after_ms

        def set_store(now_ms: int) -> None:
            # A clock with an @ stands still until it is set again.
            store.set(key, f"@{now_ms}")

        self._set_store = set_store
        set_store(self.now_ms())
        self._selector_of_leaps.is_waiting = is_waiting

    def _leap(self, timeout_s: float | None) -> None:
        if timeout_s is None:
            raise RuntimeError("everything waits, and nothing will happen")
        by_ms = max(GRAIN_MS, ceil(timeout_s * 1000 - 1e-6))
        if not self.has_work():
            by_ms = max(by_ms, self._to_next_ms())
        self._ms += by_ms
        self.leaps += 1
        self._set_store(self.now_ms())

    def _to_next_ms(self) -> int:
        """How far it is to what comes next, beats left out; 0: nothing does."""
        timers: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]  # the loop's own heap
        at_s = [timer.when() for timer in timers if not timer.cancelled() and not _is_beat(timer)]
        at_ms = [ceil(s * 1000 - 1e-6) - self._ms for s in at_s]
        known_ms = self.next_ms()
        if known_ms is not None and known_ms > self.now_ms():
            at_ms.append(known_ms - self.now_ms())
        return min(at_ms, default=0)


def _is_beat(timer: asyncio.TimerHandle) -> bool:
    timeout = getattr(timer._callback, "__self__", None)  # type: ignore[attr-defined]  # whom the timer is for
    task = getattr(timeout, "_task", None)
    return task is not None and task.get_name().startswith(_BEATS)
