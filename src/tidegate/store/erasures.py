"""Who was erased lately: what was read of a user before, and is written after it, is found by this."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tidegate.store.faults import store_faults
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient

#: Longer than anything takes that reads recipients now and writes them later.
KEPT_MS: Final = 2 * 3_600_000


class Erasures:
    """The erasures of the last two hours, of all portfolios of this store. Every method raises StoreUnavailable."""

    def __init__(self, client: StoreClient) -> None:
        self._client = client

    async def note(self, portfolio: str, names: Sequence[bytes], now_ms: int) -> None:
        """Note that a user with these names (16 bytes each) is erased now. May be repeated."""
        key = PortfolioKeys(portfolio).erased
        noted: Mapping[Any, Any] = dict.fromkeys(names, now_ms)
        with store_faults:
            await self._client.zadd(key, noted, gt=True)
            await self._client.zremrangebyscore(key, "-inf", now_ms - KEPT_MS)
            await self._client.pexpire(key, KEPT_MS)

    async def since(self, portfolio: str, since_ms: int) -> list[bytes]:
        """The names of those who were erased since then, by the store's time."""
        with store_faults:
            found: Any = await self._client.zrangebyscore(PortfolioKeys(portfolio).erased, since_ms, "+inf")
        return [bytes(name) for name in found]
