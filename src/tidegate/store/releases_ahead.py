"""What comes free of a limit within the hour: the first part of the release curve, read seldom."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from tidegate.store.faults import store_faults
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient

#: However many ask, a portfolio's curve is read no more often: 3,600 fields of a hash.
EVERY_MS: Final = 30_000
_HOUR_S: Final = 3_600


@dataclass(frozen=True, slots=True)
class Ahead:
    """What comes free within an hour of `read_at_ms`: how many places, and when the first (None: none does)."""

    read_at_ms: int
    places: int
    first_at_ms: int | None


class ReleasesAhead:
    """Reads the next hour of the curves of this store's portfolios."""

    def __init__(self, client: StoreClient, portfolios: Iterable[str]) -> None:
        self._client = client
        self._keys = {portfolio: PortfolioKeys(portfolio).releases for portfolio in portfolios}
        self._reading = {portfolio: asyncio.Lock() for portfolio in self._keys}
        self._known: dict[str, Ahead] = {}

    async def look(self, portfolio: str, now_ms: int) -> Ahead:
        """What comes free, as read at most half a minute ago. Raises StoreUnavailable."""
        async with self._reading[portfolio]:
            known = self._known.get(portfolio)
            if known is None or not 0 <= now_ms - known.read_at_ms < EVERY_MS:
                known = self._known[portfolio] = await self._read(portfolio, now_ms)
            return known

    async def _read(self, portfolio: str, now_ms: int) -> Ahead:
        seconds = range(now_ms // 1000 + 1, now_ms // 1000 + 1 + _HOUR_S)
        with store_faults:
            counts: list[Any] = await self._client.hmget(self._keys[portfolio], [str(second) for second in seconds])
        found = [(second, int(count)) for second, count in zip(seconds, counts, strict=True) if count]
        first = found[0][0] * 1000 if found else None
        return Ahead(now_ms, sum(count for _, count in found), first)
