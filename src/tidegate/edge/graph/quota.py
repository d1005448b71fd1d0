"""The messaging limit as response headers: draft-ietf-httpapi-ratelimit-headers, policy `messaging-limit`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

from tidegate.clock import StoreClock
from tidegate.cloudapi.vocabulary import UNLIMITED, Category
from tidegate.edge.times import seconds_until
from tidegate.errors import StoreUnavailable
from tidegate.gateway import Gateway
from tidegate.policy.capacity import category_places
from tidegate.policy.standing import Standing
from tidegate.store.ledger import Ledger
from tidegate.store.standings import Standings

_AGE_S: Final = 1.0
_WINDOW_S: Final = 86_400


@dataclass(slots=True)
class _Snapshot:
    """One portfolio's books, as last read; `known` says whether they could be."""

    #: By this node's own time.
    good_until_s: float = 0.0
    #: How often the store's time had jumped then: with each time places may have come free.
    jumps: int = 0
    limit: int = UNLIMITED
    used: int = 0
    taken: int = 0
    #: When the next place comes free, by the store's time.
    release_ms: int | None = None
    known: bool = False
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    #: `RateLimit-Policy`, of that limit.
    policy: str = ""
    #: What each category had left then, under that standing; None: not worked out.
    under: Standing | None = None
    left: dict[Category | None, int] = field(default_factory=dict)
    #: How it is told in how many seconds the next place comes free, and until when, by this node's own time, so.
    then: str = ""
    told_until_s: float = 0.0

    def is_old(self, clock: StoreClock) -> bool:
        """Whether the books are to be read again."""
        return clock.monotonic_s() > self.good_until_s or self.jumps != clock.jumps

    def judge(self, standing: Standing, clock: StoreClock) -> None:
        """Work out what is told under a standing from now on, until another second has passed."""
        if self.under is not standing:
            self.under = standing
            taken = self.used - self.taken
            self.left = {each: category_places(standing.limit, each, standing.rules) - taken for each in Category}
            # The most urgent one's.
            self.left[None] = self.left[Category.AUTHENTICATION]
        self.then, self.told_until_s = "", self.good_until_s
        if self.release_ms is not None:
            at_s, ahead_ms = clock.monotonic_s(), self.release_ms - clock.now_ms()
            wait_s = seconds_until(ahead_ms, 0)
            self.then = f";t={min(wait_s, _WINDOW_S)}"
            if wait_s > 0:
                # Not too late by what is cut off of a time in whole milliseconds.
                self.told_until_s = min(self.good_until_s, at_s + (ahead_ms - 1) / 1000 - (wait_s - 1))


class Quota:
    """Gives the headers from the portfolio's books, read at most once a second; what this node took since is counted.

    What other nodes took since, and what came free, is seen with the next reading.
    """

    def __init__(self, ledger: Ledger, standings: Standings, gateway: Gateway, clock: StoreClock) -> None:
        self._ledger = ledger
        self._standings = standings
        self._taken = gateway.places_taken
        self._clock = clock
        self._snapshots = {portfolio: _Snapshot() for portfolio in standings.portfolios}

    def at_once(
        self,
        portfolio: str,
        category: Category | None,
        standing: Standing,
        *,
        full: bool = False,
        however_old: bool = False,
    ) -> dict[str, str] | None:
        """The same as `headers` under this standing where nothing has to be asked or worked out for it; else None.

        `however_old`: what was worked out may be.
        """
        snapshot = self._snapshots[portfolio]
        if snapshot.under is not standing:
            return {} if standing.limit == UNLIMITED else None
        clock = self._clock
        if (clock.monotonic_s() > snapshot.told_until_s or snapshot.jumps != clock.jumps) and not however_old:
            return None
        left = 0 if full else snapshot.left[category] - self._taken[portfolio]
        told = f'"messaging-limit";r={left if left > 0 else 0}{snapshot.then}'
        return {"RateLimit-Policy": snapshot.policy, "RateLimit": told}

    async def headers(
        self, portfolio: str, category: Category | None, *, full: bool = False, read: bool = True
    ) -> dict[str, str]:
        """`RateLimit-Policy` and `RateLimit`; none when there is no limit, or it can't be read now.

        A message that takes no place is told what the most urgent category has left. `full`: the ledger has just
        said that the category has nothing left, whatever was read here.
        """
        try:
            standing = await self._standings.current(portfolio)
        except StoreUnavailable:
            return {}
        if standing.limit == UNLIMITED:
            return {}
        snapshot = self._snapshots[portfolio]
        if read and self._is_old(snapshot, standing.limit):
            async with snapshot.reading:
                if self._is_old(snapshot, standing.limit):
                    await self._read(portfolio, snapshot, standing.limit)
        if snapshot.known and snapshot.limit == standing.limit:
            snapshot.judge(standing, self._clock)
        return self.at_once(portfolio, category, standing, full=full, however_old=True) or {}

    def _is_old(self, snapshot: _Snapshot, limit: int) -> bool:
        return snapshot.limit != limit or snapshot.is_old(self._clock)

    async def _read(self, portfolio: str, snapshot: _Snapshot, limit: int) -> None:
        snapshot.known, snapshot.limit, snapshot.under = False, limit, None
        snapshot.policy = f'"messaging-limit";q={limit};w={_WINDOW_S}'
        taken = self._taken[portfolio]
        try:
            books = await self._ledger.books_freeing(portfolio, 1)
        except StoreUnavailable:
            return
        finally:
            snapshot.good_until_s, snapshot.jumps = self._clock.monotonic_s() + _AGE_S, self._clock.jumps
        ahead = [second * 1000 for second, places in books.releases.items() if places > 0]
        snapshot.used, snapshot.taken = books.used, taken
        snapshot.release_ms = min((at_ms for at_ms in ahead if at_ms > books.now_ms), default=None)
        snapshot.known = True
