"""How many unique recipients each day had: noted as the days go by, since the books know the last 24 hours only."""

from __future__ import annotations

from typing import Any, Final

from tidegate.store.faults import store_faults
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient

DAY_MS: Final = 86_400_000
KEPT_DAYS: Final = 31
"""Meta's longest span for a higher limit is 30 days."""


class DailyUse:
    """The daily counts of all portfolios of this store. Every method raises StoreUnavailable."""

    def __init__(self, client: StoreClient) -> None:
        self._client = client

    async def note(self, portfolio: str, now_ms: int, used: int) -> None:
        """Note the places that are held now as what the day (UTC) has had so far: the last word of a day stays."""
        key, day = PortfolioKeys(portfolio).used_by_day, now_ms // DAY_MS
        with store_faults:
            await self._client.hset(key, str(day), str(used))
            days: Any = await self._client.hkeys(key)
            if old := [named for named in days if int(named) <= day - KEPT_DAYS]:
                await self._client.hdel(key, *old)
            await self._client.pexpire(key, KEPT_DAYS * DAY_MS)

    async def read(self, portfolio: str, now_ms: int, days: int) -> list[int | None]:
        """What each of so many days before today (UTC) had, the oldest first; None: nobody has noted it."""
        today = now_ms // DAY_MS
        with store_faults:
            found: Any = await self._client.hmget(
                PortfolioKeys(portfolio).used_by_day, [str(today - ago) for ago in range(days, 0, -1)]
            )
        return [None if used is None else int(used) for used in found]
