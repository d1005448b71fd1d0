"""The audit takes over what changed by rule, and once a day its end is told where the store's owner can't change it."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from tidegate.clock import StoreClock
from tidegate.errors import StoreUnavailable
from tidegate.store.audit import GATEWAY, Audit, Head
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
        self._heads: dict[str, Head] = {}
        #: Chains of which an entry that this node had seen is gone, or says something else.
        self.broken: set[str] = set()

    @property
    def places(self) -> tuple[str, ...]:
        """Of every chain that it looks after."""
        return self._audit.places

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
            else:
                # Whoever looks after it now knows what stands there.
                self._heads.pop(portfolio, None)
            self._epochs[portfolio] = epoch
        except StoreUnavailable as error:
            log.warning("audit_not_followed", portfolio=portfolio, fault=str(error))

    async def anchor(self, place: str) -> None:
        """See that what was there is there still, and tell the log where a chain ends, once a day.

        Raises StoreUnavailable.
        """
        head = await self._audit.head(place)
        if not await self._stands(place) and place not in self.broken:
            self.broken.add(place)
            log.error("audit_broken", portfolio=place, seq=self._heads[place].seq)
        self._heads[place] = head
        day = self._clock.now_ms() // _DAY_MS
        if self._anchored.get(place) == day:
            return
        if head.seq:
            log.info("audit_anchor", portfolio=place, seq=head.seq, hash=head.hash)
        self._anchored[place] = day

    async def _stands(self, place: str) -> bool:
        """Whether the entry that was the last one at the look before is what it was."""
        before = self._heads.get(place)
        if before is None or not before.seq or before.at_ms + self._audit.kept_ms <= self._clock.now_ms():
            return True
        found = await self._audit.page(place, after=before.seq - 1, most=1)
        return bool(found) and (found[0].seq, found[0].hash) == (before.seq, before.hash)
