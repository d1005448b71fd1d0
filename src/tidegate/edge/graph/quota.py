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

_AGE_MS: Final = 1_000
_WINDOW_S: Final = 86_400


@dataclass(slots=True)
class _Snapshot:
    """One portfolio's books, as last read; `known` says whether they could be.

    `read_at_ms` is this node's own time, `now_ms` and `release_ms` the store's.
    """

    read_at_ms: float = float("-inf")
    now_ms: int = 0
    limit: int = UNLIMITED
    used: int = 0
    taken: int = 0
    release_ms: int | None = None
    known: bool = False
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    #: `RateLimit-Policy`, of that limit.
    policy: str = ""
    #: What each category had left then, under that standing.
    under: Standing | None = None
    left: dict[Category | None, int] = field(default_factory=dict)

    def is_old(self, limit: int, at_ms: float, now_ms: int) -> bool:
        """Whether the books are to be read again."""
        age_ms = at_ms - self.read_at_ms
        if age_ms > _AGE_MS or self.limit != limit:
            return True
        # The store's time was moved: places have come free since.
        return self.known and abs(now_ms - self.now_ms - age_ms) > _AGE_MS

    def judge(self, standing: Standing) -> None:
        """Work out once for a standing how far each category may fill the limit."""
        self.under = standing
        taken = self.used - self.taken
        self.left = {each: category_places(standing.limit, each, standing.rules) - taken for each in Category}
        # The most urgent one's.
        self.left[None] = self.left[Category.AUTHENTICATION]


class Quota:
    """Gives the headers from the portfolio's books, read at most once a second; what this node took since is counted.

    What other nodes took since, and what came free, is seen with the next reading.
    """

    def __init__(self, ledger: Ledger, standings: Standings, gateway: Gateway, clock: StoreClock) -> None:
        self._ledger = ledger
        self._standings = standings
        self._standing = standings.read
        self._taken = gateway.places_taken
        self._clock = clock
        self._snapshots: dict[str, _Snapshot] = {}

    def at_once(
        self, portfolio: str, category: Category | None, *, full: bool = False, however_old: bool = False
    ) -> dict[str, str] | None:
        """The same as `headers` where the store does not have to be asked for it; else None."""
        standing = self._standing(portfolio)
        if standing is None:
            return None
        limit = standing.limit
        if limit == UNLIMITED:
            return {}
        snapshot = self._snapshots.get(portfolio)
        if snapshot is None:
            return None
        clock = self._clock
        at_ms = clock.monotonic_ms()
        now_ms = clock.at_ms(at_ms)
        if snapshot.is_old(limit, at_ms, now_ms) and not however_old:
            return None
        if not snapshot.known:
            return {}
        if snapshot.under is not standing:
            snapshot.judge(standing)
        left = 0 if full else snapshot.left[category] - self._taken[portfolio]
        until = ""
        if snapshot.release_ms is not None:
            until = f";t={min(seconds_until(snapshot.release_ms, now_ms), _WINDOW_S)}"
        told = f'"messaging-limit";r={left if left > 0 else 0}{until}'
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
        limit = standing.limit
        if limit == UNLIMITED:
            return {}
        snapshot = self._snapshots.get(portfolio)
        if snapshot is None:
            snapshot = self._snapshots[portfolio] = _Snapshot()
        if read and self._is_old(snapshot, limit):
            async with snapshot.reading:
                if self._is_old(snapshot, limit):
                    await self._read(portfolio, snapshot, limit)
        return self.at_once(portfolio, category, full=full, however_old=True) or {}

    def _is_old(self, snapshot: _Snapshot, limit: int) -> bool:
        at_ms = self._clock.monotonic_ms()
        return snapshot.is_old(limit, at_ms, self._clock.at_ms(at_ms))

    async def _read(self, portfolio: str, snapshot: _Snapshot, limit: int) -> None:
        snapshot.known, snapshot.limit, snapshot.under = False, limit, None
        snapshot.policy = f'"messaging-limit";q={limit};w={_WINDOW_S}'
        taken = self._taken[portfolio]
        try:
            books = await self._ledger.books_freeing(portfolio, 1)
        except StoreUnavailable:
            return
        finally:
            snapshot.read_at_ms = self._clock.monotonic_ms()
        ahead = [second * 1000 for second, places in books.releases.items() if places > 0]
        snapshot.now_ms, snapshot.used, snapshot.taken = books.now_ms, books.used, taken
        snapshot.release_ms = min((at_ms for at_ms in ahead if at_ms > books.now_ms), default=None)
        snapshot.known = True
