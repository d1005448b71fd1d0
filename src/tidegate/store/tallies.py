"""What allowances stand at, read: which are taken and given back by the sends themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tidegate.store.faults import store_faults
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient


class Tallies:
    """Reads the tallies of all portfolios of this store. Every method raises StoreUnavailable."""

    def __init__(self, client: StoreClient) -> None:
        self._client = client

    async def read(self, portfolio: str, names: Sequence[str]) -> tuple[int, ...]:
        """What is taken of each of these; 0 of one that is unknown, or whose time has passed."""
        if not names:
            return ()
        keys = PortfolioKeys(portfolio)
        with store_faults:
            # One portfolio's keys share a slot.
            found: Sequence[Any] = await self._client.mget([keys.tally(name) for name in names])
        return tuple(int(taken or 0) for taken in found)

    async def begun(self, portfolio: str) -> dict[str, int]:
        """Every number and template that was ever warmed up, with the time of its first send (ms)."""
        with store_faults:
            found: Mapping[Any, Any] = await self._client.hgetall(PortfolioKeys(portfolio).ramps)
        return {subject.decode(): int(at_ms) for subject, at_ms in found.items()}
