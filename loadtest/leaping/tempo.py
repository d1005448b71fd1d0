"""Virtual time for a whole run in one process: the loop's clock, the store's and the platform's are one.

Time stands still while anything is being done, here or in the store, and leaps when nothing is. So a run takes as long
as its work does, a busy machine changes nothing, and no timeout is ever a slow machine's.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from concurrent.futures import Executor
from math import ceil
from time import monotonic, time
from typing import Any, Final, TypeVar, TypeVarTuple
from weakref import WeakSet

from redis import Redis

from tidegate.store.keys import PortfolioKeys
from tidegate.store.wire import Line

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

#: Where virtual time begins: a Monday, 09:00 UTC.
EPOCH_MS: Final = 1_793_610_000_000
#: The shortest leap: what happens within it happens together. No more than the ledger forgives a late turn (10 ms), so
#: that the pace of a number does not suffer.
GRAIN_MS: Final = 10
_STUCK_S: Final = 60.0


class Stuck(Exception):
    """The store has not answered for a minute of real time."""


class _Leaps(selectors.DefaultSelector):
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

    Set by whoever knows, and asked at each leap: `has_work`, whether anything is in hand; and, while nothing is,
    `next_ms`, when something comes that is no plain sleep of a task (virtual ms), None: never.
    """

    def __init__(self) -> None:
        self._ms = 0
        self._leaps = _Leaps()
        super().__init__(self._leaps)
        self._leaps.leap = self._leap
        self._leaps.is_waiting = self._awaits_store
        self._greeting = 0
        self._aside = 0
        self._ways: WeakSet[asyncio.Transport] = WeakSet()
        self._set_store: Callable[[], None] = lambda: None
        self.has_work: Callable[[], bool] = lambda: True
        self.next_ms: Callable[[], int | None] = lambda: None
        #: Names of tasks that sleep only to look again.
        self.lookers: frozenset[str] = frozenset()

    def time(self) -> float:
        return self._ms / 1000

    def now_ms(self) -> int:
        """Virtual time in ms since 1970."""
        return EPOCH_MS + self._ms

    async def create_unix_connection(self, *args: Any, **options: Any) -> Any:
        """Connect, as ever; only the store listens on a socket of this kind, and no time passes while it is awaited."""
        self._greeting += 1
        try:
            transport, protocol = await super().create_unix_connection(*args, **options)
        finally:
            self._greeting -= 1
        self._ways.add(transport)
        return transport, protocol

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """Run beside the loop, as ever; no time passes while it is awaited."""
        self._aside += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._is_done)
        return future

    def _is_done(self, _future: object) -> None:
        self._aside -= 1

    def _awaits_store(self) -> bool:
        return self._greeting > 0 or self._aside > 0 or any(_is_read(way) for way in self._ways)

    def lead(self, store: Redis, portfolio: str) -> None:
        """Have the store follow."""
        key = PortfolioKeys(portfolio).clock

        def follow() -> None:
            # The machine's clock is the store's: what it is off by is added.
            store.set(key, self.now_ms() - int(time() * 1000))

        self._set_store = follow
        follow()

    def freeze(self, store: Redis, portfolio: str) -> None:
        """Have the store's time stand still between two leaps, from the next second on."""
        key = PortfolioKeys(portfolio).clock

        def stand() -> None:
            # An @ says that it stands.
            store.set(key, f"@{self.now_ms()}")

        self._set_store = stand
        self._ms += 1_000
        self._set_store()

    def _leap(self, timeout_s: float | None) -> None:
        if timeout_s is None:
            raise RuntimeError("everything waits, and nothing will happen")
        by_ms = max(GRAIN_MS, ceil(timeout_s * 1000 - 1e-6))
        if not self.has_work():
            by_ms = max(by_ms, self._to_next_ms())
        self._ms += by_ms
        self._set_store()

    def _to_next_ms(self) -> int:
        """How far it is to what comes next; 0: nothing does.

        A duty's next look is left out: nobody has changed anything meanwhile, for nothing was in hand.
        """
        timers: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]  # the loop's own heap
        at_ms = [
            ceil(timer.when() * 1000 - 1e-6) - self._ms
            for timer in timers
            if not timer.cancelled() and not self._is_look(timer)
        ]
        known_ms = self.next_ms()
        if known_ms is not None and known_ms > self.now_ms():
            at_ms.append(known_ms - self.now_ms())
        return min(at_ms, default=0)

    def _is_look(self, timer: asyncio.TimerHandle) -> bool:
        whose: object = getattr(timer._callback, "__self__", None)  # type: ignore[attr-defined]  # what it will call
        if isinstance(whose, asyncio.Timeout | Line):
            # Time stands still while a line is awaited: its look finds nobody waiting.
            return True
        sleeper: Any = timer._args[0] if timer._args else None  # what a sleep waits for
        for callback, _ in getattr(sleeper, "_callbacks", None) or ():
            task = getattr(callback, "__self__", None)
            if isinstance(task, asyncio.Task) and task.get_name() in self.lookers:
                return True
        return False


def _is_read(way: asyncio.Transport) -> bool:
    """Whether somebody waits for what comes on it."""
    # Asked each time: a connection is greeted by redis-py, and carried on by the store's own protocol.
    protocol = way.get_protocol()
    if isinstance(protocol, Line):
        return protocol.is_awaited
    reader: Any = getattr(protocol, "_stream_reader", None)  # it has no public way to ask
    return reader is not None and reader._waiter is not None
