"""When a place is expected to come free, for those who are told to wait for one."""

from __future__ import annotations

from sys import maxsize
from typing import Final, NamedTuple

from msgspec.structs import replace

from tidegate.policy.capacity import Release, place_at, release_curve
from tidegate.policy.facts import Facts, Terms
from tidegate.policy.tallies import SHARE
from tidegate.store.ledger import Ledger

_CURVE_AGE_MS: Final = 1_000
_MORE: Final = 100


class _Curve(NamedTuple):
    """A curve as far as it was read: until so many `places` are free."""

    read_at_ms: int
    places: int
    releases: list[Release]


_NEVER_READ: Final = _Curve(0, 0, [])


class PlaceTimes:
    """Reads the release curves as far as they are asked for, about once a second: thousands may wait for one place."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        #: By portfolio, and the app where they are of its share.
        self._curves: dict[tuple[str, str], _Curve] = {}

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
        missing = used - bound + 1
        curve = self._curves.get((portfolio, app), _NEVER_READ)
        if abs(now_ms - curve.read_at_ms) > _CURVE_AGE_MS or curve.places < missing:
            # Some more than are missing: with each that is taken meanwhile one more is.
            asked = missing + missing // 8 + _MORE
            books = await self._ledger.books_freeing(portfolio, asked, app)
            releases = release_curve(books.releases, books.now_ms)
            is_whole = sum(release.places for release in releases) < asked
            curve = self._curves[portfolio, app] = _Curve(books.now_ms, maxsize if is_whole else asked, releases)
        return place_at(curve.releases, used, bound)
