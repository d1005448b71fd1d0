"""When a place is expected to come free, for those who are told to wait for one."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tidegate.policy.capacity import Release, place_at, release_curve
from tidegate.policy.facts import Facts, Terms
from tidegate.store.ledger import Ledger

_CURVE_AGE_MS: Final = 1_000


class PlaceTimes:
    """Reads the release curves, each at most once a second: thousands may wait for the same places."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._curves: dict[str, tuple[int, list[Release]]] = {}

    async def told(self, portfolio: str, terms: Terms, facts: Facts) -> Facts:
        """The facts, with the time of the next place where that is what is missing. Raises StoreUnavailable."""
        bound = min((p for p in (terms.limit_places, terms.category_places) if p >= 0), default=-1)
        # Where no place is to be had at all, none comes free, and the curve would be old when one is.
        if bound <= 0 or facts.used < bound or not facts.needs_place(terms):
            return facts
        read_at_ms, curve = self._curves.get(portfolio, (0, []))
        if abs(facts.now_ms - read_at_ms) > _CURVE_AGE_MS:
            books = await self._ledger.books(portfolio)
            curve = release_curve(books.releases, books.now_ms)
            self._curves[portfolio] = (books.now_ms, curve)
        return replace(facts, place_at_ms=place_at(curve, facts.used, bound))
