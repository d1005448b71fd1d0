"""How often signals came: counts within a span, or in a row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tidegate.store.batch import Shards
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient, script


class Count(NamedTuple):
    """One thing to be counted: `window_ms` None counts all since it was begun anew, which `resets` does.

    `of`: whom it happened to, which tells two things of one instant apart. `at_ms`: when it happened.
    """

    portfolio: str
    name: str
    window_ms: int | None
    of: str
    at_ms: int
    resets: bool = False


class Counts:
    """The counts of all portfolios of this store."""

    def __init__(self, client: StoreClient, portfolios: Iterable[str]) -> None:
        self._client = client
        self._keys = {portfolio: PortfolioKeys(portfolio) for portfolio in portfolios}
        # A call names one portfolio's keys only, so that it fits a cluster and a single server alike.
        self._counts = Shards(self._count, one_slot=True)

    async def count(self, count: Count) -> int:
        """Count what happened, once however often it is told, and give what it stands at. Raises StoreUnavailable."""
        return await self._counts[count.portfolio].put(count)

    async def _count(self, counts: Sequence[Count]) -> list[int]:
        args: list[str | bytes | int] = []
        for count in counts:
            what = f"{count.at_ms}:{count.of}"
            args += (count.name, count.window_ms or 0, what, count.at_ms, int(count.resets))
        answer: list[int] = await script("count").repeatable(self._client, self._keys[counts[0].portfolio].all, args)
        return answer
