"""How fast each number sends: the counts that KPIs keep anyway, looked at twice.

No send does anything for it. While nobody asks, nothing is read; however many ask, a portfolio's counts are read at
most once a second.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tidegate.clock import StoreClock
from tidegate.policy.kpi import Cell, Kind
from tidegate.policy.kpi.cells import DAY_MS
from tidegate.store.kpis import Kpis

#: However many ask, a number's counts are read no more often.
_EVERY_MS: Final = 900.0
#: Shorter times than this say little of how fast it goes on.
_STEADY_MS: Final = 5_000.0
#: What was counted longer ago says nothing of now.
_LONGEST_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Rate:
    """Messages a second that Meta accepted, over the last `over_s` seconds."""

    per_second: float
    over_s: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What was counted of a number at a time of this node's own (ms), by day: of today, and of yesterday just after
    midnight.
    """

    at_ms: float
    sent: dict[int, int]


@dataclass(slots=True)
class _Portfolio:
    readings: dict[str, deque[Reading]] = field(default_factory=dict)
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)


class SendRates:
    """Tells rates. What one asks is of use to all who ask within the next minute."""

    def __init__(self, kpis: Kpis, clock: StoreClock) -> None:
        self._kpis = kpis
        self._clock = clock
        self._portfolios: dict[str, _Portfolio] = {}

    async def of(self, portfolio: str, numbers: Sequence[str]) -> dict[str, Rate | None]:
        """The rates of these numbers of a portfolio; None where nobody has asked within the minute before.

        Raises StoreUnavailable.
        """
        known = self._portfolios.setdefault(portfolio, _Portfolio())
        async with known.reading:
            old = [number for number in numbers if self._is_old(known.readings.get(number))]
            if old:
                await self._read(portfolio, known, old)
        return {number: rate_of(known.readings[number]) for number in numbers}

    def _is_old(self, readings: deque[Reading] | None) -> bool:
        return not readings or self._clock.monotonic_ms() - readings[-1].at_ms >= _EVERY_MS

    async def _read(self, portfolio: str, known: _Portfolio, numbers: Sequence[str]) -> None:
        now_ms = self._clock.now_ms()
        days = sorted({(now_ms - _LONGEST_MS) // DAY_MS, now_ms // DAY_MS})
        sent: dict[str, dict[int, int]] = {number: dict.fromkeys(days, 0) for number in numbers}
        cells = [(day, Cell(Kind.NUMBER, number, number)) for number in numbers for day in days]
        async for day, cell, fields in self._kpis.read(portfolio, cells):
            sent[cell.number][day] = fields.get("sent", 0)
        at_ms = self._clock.monotonic_ms()
        for number in numbers:
            readings = known.readings.setdefault(number, deque())
            readings.append(Reading(at_ms, sent[number]))
            while at_ms - readings[0].at_ms > _LONGEST_MS:
                readings.popleft()


def rate_of(readings: Sequence[Reading]) -> Rate | None:
    """The rate up to the last reading, since the latest that is far enough from it; None for a single one."""
    last = readings[-1]
    earlier = [one for one in readings if one.at_ms < last.at_ms]
    if not earlier:
        return None
    steady = [one for one in earlier if last.at_ms - one.at_ms >= _STEADY_MS]
    first = steady[-1] if steady else earlier[0]
    # A day that the earlier reading did not look at had not begun, or is long over.
    new = {day for day in last.sent if day in first.sent or day > max(first.sent)}
    sent = sum(last.sent[day] - first.sent.get(day, 0) for day in new)
    over_s = (last.at_ms - first.at_ms) / 1000
    # What the store has lost was sent all the same, but not now.
    return Rate(max(0, sent) / over_s, over_s)
