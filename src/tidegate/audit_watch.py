"""The audit takes over what changed by rule, and once a day its end is told where the store's owner can't change it."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from tidegate.clock import StoreClock
from tidegate.errors import StoreUnavailable
from tidegate.store.audit import GATEWAY, Audit
from tidegate.store.leases import Leases
from tidegate.store.standings import Standings

#: How often a node looks whether the standing has changed, in what it has in memory.
_LOOK_S: Final = 2.0
#: How many looks apart it asks the store, whatever it has in memory.
_ASK_EVERY: Final = 150
_LEASE_MS: Final = 30_000
_DAY_MS: Final = 86_400_000

log = structlog.get_logger()


class AuditWatch:
    """Keeps the audit up with the history of limits and breakers, and logs an anchor of each chain a day.

    An anchor is the number and the hash of the newest entry: with it kept elsewhere, nobody can write all of a chain
    anew without being seen.
    """

    def __init__(self, audit: Audit, standings: Standings, clock: StoreClock, leases: Leases) -> None:
        self._audit = audit
        self._standings = standings
        self._clock = clock
        self._leases = leases
        self._epochs: dict[str, int] = {}
        self._anchored: dict[str, int] = {}

    async def run(self) -> None:
        """Look until cancelled."""
        looks = 0
        while True:
            for portfolio in self._standings.portfolios:
                epoch = self._standings.known(portfolio).epoch
                if looks % _ASK_EVERY == 0 or self._epochs.get(portfolio) != epoch:
                    await self._look(portfolio, epoch)
            looks += 1
            await asyncio.sleep(_LOOK_S)

    async def _look(self, portfolio: str, epoch: int) -> None:
        try:
            if await self._leases.hold(portfolio, "audit", _LEASE_MS):
                await self._audit.follow(portfolio)
                await self.anchor(portfolio)
                if portfolio == min(self._standings.portfolios):
                    await self.anchor(GATEWAY)
            self._epochs[portfolio] = epoch
        except StoreUnavailable as error:
            log.warning("audit_not_followed", portfolio=portfolio, fault=str(error))

    async def anchor(self, place: str) -> None:
        """Tell the log where a chain ends, once a day. Raises StoreUnavailable."""
        day = self._clock.now_ms() // _DAY_MS
        if self._anchored.get(place) == day:
            return
        head = await self._audit.head(place)
        if head.seq:
            log.info("audit_anchor", portfolio=place, seq=head.seq, hash=head.hash)
        self._anchored[place] = day
