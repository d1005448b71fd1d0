"""Each day's unique recipients are noted before the books forget them: every hour, by whichever node looks."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from tidegate.clock import StoreClock
from tidegate.errors import StoreUnavailable
from tidegate.store.daily_use import DailyUse
from tidegate.store.ledger import Ledger
from tidegate.store.standings import Standings

_LOOK_S: Final = 10.0
_HOUR_MS: Final = 3_600_000

log = structlog.get_logger()


class DayWatch:
    """Notes the places that are held, once an hour of the store's time. Of two nodes that do it the later one counts.

    The count of a day is that of the 24 hours before its last note: sends of the day's last hour may count as of the
    next day, and those of the hour before its midnight as of this one.
    """

    def __init__(self, standings: Standings, ledger: Ledger, daily_use: DailyUse, clock: StoreClock) -> None:
        self._standings = standings
        self._ledger = ledger
        self._daily_use = daily_use
        self._clock = clock
        self._noted: dict[str, int] = {}

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            for portfolio in self._standings.portfolios:
                hour = self._clock.now_ms() // _HOUR_MS
                if self._noted.get(portfolio) != hour:
                    try:
                        await self.note(portfolio)
                        self._noted[portfolio] = hour
                    except StoreUnavailable as error:
                        log.warning("day_not_noted", portfolio=portfolio, fault=str(error))
            await asyncio.sleep(_LOOK_S)

    async def note(self, portfolio: str) -> None:
        """Note it now. Raises StoreUnavailable."""
        books = await self._ledger.books(portfolio, curve=False)
        await self._daily_use.note(portfolio, books.now_ms, books.used)
