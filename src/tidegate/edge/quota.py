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
from tidegate.policy.capacity import available
from tidegate.store.ledger import Ledger
from tidegate.store.standings import Standings

_AGE_MS: Final = 1_000
_WINDOW_S: Final = 86_400


@dataclass(slots=True)
class _Snapshot:
    """One portfolio's headers by category; empty while they are not known, or there is no limit."""

    read_at_ms: float = float("-inf")
    headers: dict[Category, dict[str, str]] = field(default_factory=dict)
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)


class Quota:
    """Gives the headers from the portfolio's books, read at most once a second."""

    def __init__(self, ledger: Ledger, standings: Standings, gateway: Gateway, clock: StoreClock) -> None:
        self._ledger = ledger
        self._standings = standings
        self._gateway = gateway
        self._clock = clock
        self._snapshots: dict[str, _Snapshot] = {}

    async def headers(self, portfolio: str, category: Category | None) -> dict[str, str]:
        """`RateLimit-Policy` and `RateLimit`; none when there is no limit, or it can't be read now.

        A message that takes no place is told what the most urgent category has left.
        """
        snapshot = self._snapshots.get(portfolio)
        if snapshot is None:
            snapshot = self._snapshots[portfolio] = _Snapshot()
        if self._old(snapshot):
            async with snapshot.reading:
                if self._old(snapshot):
                    snapshot.headers = await self._read(portfolio)
                    snapshot.read_at_ms = self._clock.monotonic_ms()
        return snapshot.headers.get(category or Category.AUTHENTICATION, {})

    def _old(self, snapshot: _Snapshot) -> bool:
        return self._clock.monotonic_ms() - snapshot.read_at_ms > _AGE_MS

    async def _read(self, portfolio: str) -> dict[Category, dict[str, str]]:
        try:
            books = await self._ledger.books(portfolio)
            standing = await self._standings.current(portfolio)
        except StoreUnavailable:
            return {}
        if standing.limit == UNLIMITED:
            return {}
        ahead = [second * 1000 for second, places in books.releases.items() if places > 0]
        release_ms = min((at_ms for at_ms in ahead if at_ms > books.now_ms), default=None)
        until = "" if release_ms is None else f";t={seconds_until(release_ms, books.now_ms)}"
        return {
            category: {
                "RateLimit-Policy": f'"messaging-limit";q={standing.limit};w={_WINDOW_S}',
                "RateLimit": f'"messaging-limit";r={left or 0}{until}',
            }
            for category, left in available(standing.limit, books.used, self._gateway.rules).items()
        }
