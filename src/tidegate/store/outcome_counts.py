"""What became of sends, counted by scope: read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tidegate.policy.outcome_scope import OutcomeScope, parse
from tidegate.policy.warning_counts import Day
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient, script
from tidegate.store.told_outcomes import carry_over

#: Hashes that one call reads: the store does nothing else meanwhile.
_PAGE: Final = 64

Cell = tuple[OutcomeScope, int]
"""One scope on one day (days since 1970, UTC)."""


@dataclass(frozen=True, slots=True)
class News:
    """The scopes in which something was counted, the newest first, and when (ms): by the first who read it. The store's
    time and epoch.
    """

    now_ms: int
    epoch: int
    scopes: dict[OutcomeScope, int]


class OutcomeCounts:
    """Reads the counts of all portfolios of this store. Every method raises StoreUnavailable."""

    def __init__(self, client: StoreClient, portfolios: Iterable[str]) -> None:
        self._client = client
        self._keys = {portfolio: PortfolioKeys(portfolio) for portfolio in portfolios}

    async def news(self, portfolio: str, since_ms: int, most: int = 10_000) -> News:
        """The scopes that something was counted in since then; the newest when there are more than `most`."""
        await carry_over(self._client, self._keys[portfolio])
        args = [max(0, since_ms), most]
        answer = await script("outcome_news").repeatable(self._client, self._keys[portfolio].all, args)
        named = zip(answer[2::2], answer[3::2], strict=True)
        scopes = {scope: at_ms for name, at_ms in named if (scope := parse(name.decode())) is not None}
        return News(answer[0], answer[1], scopes)

    async def days(self, portfolio: str, cells: Sequence[Cell], *, as_of_news: bool = False) -> dict[Cell, Day]:
        """The counts of scopes on days; those of which there are none are left out.

        `as_of_news`: what was told after the last `news` need not be in them, which is cheaper of one scope at a time.
        """
        if not as_of_news:
            await carry_over(self._client, self._keys[portfolio])
        found: dict[Cell, Day] = {}
        for i in range(0, len(cells), _PAGE):
            page = cells[i : i + _PAGE]
            args = [_cell(scope, day) for scope, day in page]
            answer: Any = await script("read_outcomes").repeatable(self._client, self._keys[portfolio].all, args)
            for cell, flat in zip(page, answer, strict=True):
                if flat:
                    found[cell] = _day(flat)
        return found

    async def trip(self, portfolio: str, scope: OutcomeScope, days: Iterable[int]) -> None:
        """Note of days that they are no ground for a baseline."""
        await carry_over(self._client, self._keys[portfolio])
        args = [_cell(scope, day) for day in days]
        await script("trip_outcomes").repeatable(self._client, self._keys[portfolio].all, args)


def _cell(scope: OutcomeScope, day: int) -> str:
    return f"{day}:{scope.name}"


def _day(flat: Any) -> Day:
    return {name.decode(): int(count) for name, count in zip(flat[::2], flat[1::2], strict=True)}
