"""Figures by day, number, template, campaign and app: read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Final, NamedTuple

from tidegate.policy.kpi import Cell, Kind
from tidegate.policy.kpi.cells import cell_of
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient, script
from tidegate.store.told_outcomes import carry_over

#: Hashes or sets that one call reads: the store does nothing else meanwhile.
_PAGE: Final = 64


class DayFigures(NamedTuple):
    """The fields of one cell on one day (days since 1970, UTC)."""

    day: int
    cell: Cell
    fields: dict[str, int]


class Kpis:
    """Reads the figures of all portfolios of this store. Every method raises StoreUnavailable."""

    def __init__(self, client: StoreClient, portfolios: Iterable[str]) -> None:
        self._client = client
        self._keys = {portfolio: PortfolioKeys(portfolio) for portfolio in portfolios}

    async def cells(self, portfolio: str, kind: Kind, days: Sequence[int]) -> dict[int, list[Cell]]:
        """The cells of a kind in which something was counted, by day."""
        await carry_over(self._client, self._keys[portfolio])
        found: dict[int, list[Cell]] = {}
        for start in range(0, len(days), _PAGE):
            page = days[start : start + _PAGE]
            args = [f"{day}:{kind.value}" for day in page]
            answer: Any = await script("kpi_names").repeatable(self._client, self._keys[portfolio].all, args)
            for day, names in zip(page, answer, strict=True):
                if names:
                    found[day] = sorted((cell_of(kind, name.decode()) for name in names), key=lambda cell: cell.key)
        return found

    async def read(self, portfolio: str, wanted: Sequence[tuple[int, Cell]]) -> AsyncIterator[DayFigures]:
        """The figures of cells on days, as they come; of those in which nothing was counted none."""
        await carry_over(self._client, self._keys[portfolio])
        for start in range(0, len(wanted), _PAGE):
            page = wanted[start : start + _PAGE]
            args = [f"kpi:{day}:{cell.key}" for day, cell in page]
            answer: Any = await script("read_outcomes").repeatable(self._client, self._keys[portfolio].all, args)
            for (day, cell), flat in zip(page, answer, strict=True):
                if flat:
                    fields = {name.decode(): int(n) for name, n in zip(flat[::2], flat[1::2], strict=True)}
                    yield DayFigures(day, cell, fields)
