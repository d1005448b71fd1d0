"""Keeps this node provided for a time without the store, and tells the books afterwards what went in it."""

from __future__ import annotations

import asyncio
from typing import Final, NamedTuple

import structlog

from tidegate.clock import StoreClock
from tidegate.cloudapi.vocabulary import UNLIMITED
from tidegate.errors import StoreUnavailable
from tidegate.gateway import Offline
from tidegate.journal import Journal
from tidegate.metrics import Metrics
from tidegate.policy.capacity import limit_places
from tidegate.policy.offline import leased_places
from tidegate.policy.standing import Standing
from tidegate.store.books import Books
from tidegate.store.prepaid import Prepaid
from tidegate.store.standings import Standings
from tidegate.store.users import Users

_LOOK_EVERY_S: Final = 2.0
#: A lease is renewed long before it ends.
_RENEW_MS: Final = 3_600_000

log = structlog.get_logger()


class _Had(NamedTuple):
    places: int
    recalled_at_ms: int
    renew_at_ms: int


class OfflineDuty:
    """Leases places, gives them back when they are called for; writes down what was sent, and what users have said."""

    def __init__(
        self,
        prepaid: Prepaid,
        books: Books,
        users: Users,
        standings: Standings,
        offline: Offline,
        journal: Journal,
        clock: StoreClock,
        metrics: Metrics,
    ) -> None:
        self._prepaid = prepaid
        self._books = books
        self._users = users
        self._standings = standings
        self._offline = offline
        self._journal = journal
        self._clock = clock
        self._metrics = metrics
        self._called = asyncio.Event()
        self._leases: dict[str, _Had] = {}

    def call_back(self) -> None:
        """Look at once: somebody may want the places."""
        self._called.set()

    def forget(self) -> None:
        """The store may not know of what it leased: fill nothing of it, and lease anew."""
        self._offline.empty()
        self._leases.clear()
        self._called.set()

    async def run(self) -> None:
        """Keep the leases for as long as the node runs."""
        while True:
            self._called.clear()
            try:
                await self._users.catch_up()
                for portfolio in self._standings.portfolios:
                    await self._look(portfolio)
            except StoreUnavailable:
                # What is leased stays leased.
                log.debug("leases_not_renewed")
            try:
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._called.wait()
            except TimeoutError:
                continue

    async def _look(self, portfolio: str) -> None:
        standing = await self._standings.current(portfolio)
        wanted, _ = self._wanted(standing)
        had = self._leases.get(portfolio)
        if had is not None and had == _Had(wanted, standing.recalled_at_ms, had.renew_at_ms):
            if self._offline.places(portfolio) == wanted and self._clock.now_ms() < had.renew_at_ms:
                return
        purse = self._offline.take(portfolio)
        try:
            await self._report(portfolio)
            standing = await self._standings.reload(portfolio, epoch=-1)
        except StoreUnavailable:
            self._offline.give_back(portfolio, purse)
            raise
        wanted, most = self._wanted(standing)
        lease = await self._prepaid.lease(portfolio, wanted, most, _bound(standing))
        self._offline.provide(portfolio, lease.places, lease.until_ms, self._nodes(portfolio))
        self._leases[portfolio] = _Had(lease.places, standing.recalled_at_ms, lease.now_ms + _RENEW_MS)
        self._metrics.prepaid_places(portfolio, lease.places)

    def _wanted(self, standing: Standing) -> tuple[int, int]:
        return leased_places(standing.limit, standing.rules, self._nodes(standing.portfolio))

    def _nodes(self, portfolio: str) -> int:
        return len(self._journal.of(portfolio).nodes) + 1

    async def _report(self, portfolio: str) -> None:
        """First what was sent, then a new lease: in between it counts twice, never not at all."""
        sent = self._journal.of(portfolio).offline
        if not sent:
            return
        await self._books.rebuild(portfolio, sent)
        for intent in sent:
            self._journal.written(portfolio, intent.message_id)
        log.warning("sent_while_the_store_was_away", portfolio=portfolio, sends=len(sent))


def _bound(standing: Standing) -> int:
    return UNLIMITED if standing.limit == UNLIMITED else limit_places(standing.limit, standing.rules)
