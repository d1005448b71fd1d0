"""The steerable clock of test runs: it lives in the store, so that every node and every script shares it."""

from __future__ import annotations

from collections.abc import Iterable

from tidegate.store.faults import store_faults
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient


class SteerableClock:
    """Moves the store's time forward. Never in production: a place whose time has come is free for good."""

    def __init__(self, client: StoreClient, portfolios: Iterable[str]) -> None:
        self._client = client
        self._keys = [PortfolioKeys(portfolio).clock for portfolio in portfolios]

    async def advance(self, ms: int) -> None:
        """Move every portfolio's time forward by `ms`. Raises ValueError for a step back, StoreUnavailable."""
        if ms < 0:
            raise ValueError("time goes forward only")
        with store_faults:
            for key in self._keys:
                await self._client.incrby(key, ms)

    async def now_ms(self) -> int:
        """The store's time with what it was moved by."""
        with store_faults:
            seconds, micros = await self._client.time()
            moved = await self._client.get(self._keys[0])
        return int(seconds) * 1000 + int(micros) // 1000 + int(moved or 0)
