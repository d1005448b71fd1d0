"""When a place is expected to come free, for those who are told to wait for one."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tidegate.policy.capacity import Release, place_at, release_curve
from tidegate.policy.facts import Facts, Terms
from tidegate.policy.tallies import SHARE
from tidegate.store.ledger import Ledger

_CURVE_AGE_MS: Final = 1_000


class PlaceTimes:
    """Reads the release curves, each at most once a second: thousands may wait for the same places."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        #: By portfolio, and the app where they are of its share.
        self._curves: dict[tuple[str, str], tuple[int, list[Release]]] = {}

    async def told(self, portfolio: str, terms: Terms, facts: Facts) -> Facts:
        """The facts, with the time of the next place where that is what is missing. Raises StoreUnavailable."""
        if not facts.needs_place(terms):
            return facts
        # Where no place is to be had at all, none comes free, and the curve would be old when one is.
        bound = min((p for p in (terms.limit_places, terms.category_places) if p >= 0), default=-1)
        if 0 < bound <= facts.used:
            at_ms = await self._at(portfolio, "", facts.now_ms, facts.used, bound)
            facts = replace(facts, place_at_ms=at_ms)
        for tally, stood in zip(terms.tallies, facts.tallied, strict=False):
            if tally.of_places and 0 < tally.limit <= stood:
                at_ms = await self._at(portfolio, tally.name.removeprefix(SHARE), facts.now_ms, stood, tally.limit)
                facts = replace(facts, share_at_ms=at_ms)
        return facts

    async def _at(self, portfolio: str, app: str, now_ms: int, used: int, bound: int) -> int | None:
        read_at_ms, curve = self._curves.get((portfolio, app), (0, []))
        if abs(now_ms - read_at_ms) > _CURVE_AGE_MS:
            books = await self._ledger.books(portfolio, app)
            curve = release_curve(books.releases, books.now_ms)
            self._curves[portfolio, app] = (books.now_ms, curve)
        return place_at(curve, used, bound)
