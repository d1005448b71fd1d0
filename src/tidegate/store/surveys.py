"""What a portfolio holds at this moment, in numbers: one call for all that is watched of it from outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tidegate.store.asks import OUTCOME_MS
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient, script
from tidegate.store.send_queue import Lane


class LaneCount(NamedTuple):
    """One lane: how many messages it holds, and since when the first in line waits (ms; 0: none does)."""

    lane: Lane
    messages: int
    waits_since_ms: int


@dataclass(frozen=True, slots=True)
class Survey:
    """Places used, and messages of `unknown` outcome that are not unresolved yet, at the store's `now_ms`."""

    now_ms: int
    used: int
    unknown: int
    lanes: tuple[LaneCount, ...]


class Surveys:
    """Surveys of all portfolios of this store."""

    def __init__(self, client: StoreClient, portfolios: Sequence[str]) -> None:
        self._client = client
        self._keys = {portfolio: PortfolioKeys(portfolio) for portfolio in portfolios}

    async def look(self, portfolio: str, lanes: Sequence[Lane]) -> Survey:
        """Survey one portfolio. Raises StoreUnavailable."""
        args: list[str | bytes | int] = [OUTCOME_MS, *map(str, lanes)]
        now_ms, used, unknown, *told = await script("survey").repeatable(self._client, self._keys[portfolio].all, args)
        counts = zip(lanes, told[::2], told[1::2], strict=True)
        return Survey(now_ms, used, unknown, tuple(LaneCount(*count) for count in counts))
