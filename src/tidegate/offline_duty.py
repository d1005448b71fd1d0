"""Keeps this node provided for a time without the store, and tells the books afterwards what went in it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple, cast

import structlog

from tidegate.clock import StoreClock
from tidegate.cloudapi.vocabulary import UNLIMITED
from tidegate.errors import StoreUnavailable
from tidegate.gateway import Offline
from tidegate.journal import Intent, Journal
from tidegate.metrics import Metrics
from tidegate.policy.capacity import limit_places
from tidegate.policy.offline import leased_places
from tidegate.policy.standing import Standing
from tidegate.store.books import Books
from tidegate.store.ledger import Ledger, Outcome, Settled
from tidegate.store.prepaid import Prepaid
from tidegate.store.standings import Standings
from tidegate.store.users import Users

#: Whoever misses a place that is leased waits for a second or so: a node that has no sends of its own hears of it here.
_LOOK_EVERY_S: Final = 0.5
#: A lease is renewed long before it ends; what there was not enough of is asked for sooner.
_RENEW_MS: Final = 600_000
_ASK_AGAIN_MS: Final = 10_000
_AT_ONCE: Final = 256
#: A node that was not heard of for so long before the last one was is none of those that share; the journal notes that
#: a node was heard of once a minute.
_SILENT_MS: Final = 150_000

log = structlog.get_logger()


class _Had(NamedTuple):
    wanted: int
    places: int
    recalled_at_ms: int
    renew_at_ms: int


class OfflineDuty:
    """Leases places, gives them back when they are called for; writes down what was sent, and what users have said."""

    def __init__(
        self,
        *,
        prepaid: Prepaid,
        books: Books,
        ledger: Ledger,
        users: Users,
        standings: Standings,
        offline: Offline,
        journals: Sequence[Journal],
        clock: StoreClock,
        metrics: Metrics,
    ) -> None:
        """`journals`: this node's own first, then those of nodes that have ended on this machine."""
        self._prepaid = prepaid
        self._books = books
        self._ledger = ledger
        self._users = users
        self._standings = standings
        self._offline = offline
        self._own, *self._dead = journals
        self._clock = clock
        self._metrics = metrics
        self._called = asyncio.Event()
        self._leases: dict[str, _Had] = {}
        self._forgets = 0
        self._told: set[tuple[str, str]] = set()
        for portfolio in standings.portfolios:
            # What the last process of this node sent.
            offline.owe(portfolio)

    def call_back(self) -> None:
        """Look at once: somebody may want the places."""
        self._called.set()

    def forget(self) -> None:
        """The store may not know of what it leased: fill nothing of it, and lease anew."""
        self._offline.empty()
        self._leases.clear()
        self._forgets += 1
        self._called.set()

    async def run(self) -> None:
        """Keep the leases for as long as the node runs."""
        while True:
            self._called.clear()
            for portfolio in self._standings.portfolios:
                try:
                    await self.look(portfolio)
                except StoreUnavailable as error:
                    # What is leased stays leased, and what one portfolio lacks is nothing to the next.
                    log.debug("leases_not_renewed", portfolio=portfolio, fault=str(error))
            try:
                await self._users.catch_up()
            except StoreUnavailable as error:
                log.debug("refusals_not_written", fault=str(error))
            try:
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._called.wait()
            except TimeoutError:
                continue

    async def end(self) -> None:
        """Tell what is left to be told, and give all back: this node sends no more. Gives up at the first fault."""
        try:
            for portfolio in self._standings.portfolios:
                self._offline.take(portfolio)
                await self._tell(portfolio)
                await self._prepaid.release(portfolio, self._own.node)
        except StoreUnavailable as error:
            log.warning("places_not_given_back", fault=str(error))

    async def look(self, portfolio: str) -> None:
        """Tell what is to be told, and have the places that are due. Raises StoreUnavailable."""
        standing = await self._standings.reload(portfolio, await self._prepaid.epoch(portfolio))
        self._offline.heard(portfolio)
        await self._tell_of_the_dead(portfolio)
        wanted, most = self._wanted(standing)
        if self._is_as_it_should_be(portfolio, wanted, standing):
            return
        forgets, purse = self._forgets, self._offline.take(portfolio)
        try:
            await self._tell(portfolio)
        except StoreUnavailable:
            if forgets == self._forgets:
                self._offline.give_back(portfolio, purse)
            raise
        # From here on the store knows what this node has, and whether it did when its answer is lost nobody knows.
        lease = await self._prepaid.lease(portfolio, wanted, most, _bound(standing))
        if forgets != self._forgets:
            return
        self._offline.provide(portfolio, lease.places, lease.until_ms, self._nodes(portfolio))
        renew_at_ms = lease.now_ms + (_RENEW_MS if lease.places == wanted else _ASK_AGAIN_MS)
        self._leases[portfolio] = _Had(wanted, lease.places, standing.recalled_at_ms, renew_at_ms)
        self._metrics.prepaid_places(portfolio, lease.places)

    def _is_as_it_should_be(self, portfolio: str, wanted: int, standing: Standing) -> bool:
        had = self._leases.get(portfolio)
        if had is None or self._offline.owes(portfolio) or self._offline.places(portfolio) != had.places:
            return False
        if (had.wanted, had.recalled_at_ms) != (wanted, standing.recalled_at_ms):
            return False
        return self._clock.now_ms() < had.renew_at_ms

    def _wanted(self, standing: Standing) -> tuple[int, int]:
        return leased_places(standing.limit, standing.rules, self._nodes(standing.portfolio))

    def _nodes(self, portfolio: str) -> int:
        heard = self._own.of(portfolio).nodes
        since_ms = max(heard.values(), default=0) - _SILENT_MS
        return len({self._own.node, *(node for node, at_ms in heard.items() if at_ms >= since_ms)})

    async def _tell(self, portfolio: str) -> None:
        """First what was sent, then a new lease: in between it counts twice, never not at all."""
        if not self._offline.telling(portfolio):
            return
        try:
            for intent in await self._tell_of(portfolio, self._own):
                self._own.written(portfolio, intent.message_id)
        except BaseException:
            self._offline.owe(portfolio)
            raise

    async def _tell_of_the_dead(self, portfolio: str) -> None:
        """What nodes that have ended here sent, and never told; then they need their places no longer."""
        for journal in self._dead:
            if (journal.node, portfolio) not in self._told:
                await self._tell_of(portfolio, journal)
                await self._prepaid.release(portfolio, journal.node)
                self._told.add((journal.node, portfolio))

    async def _tell_of(self, portfolio: str, journal: Journal) -> list[Intent]:
        past = journal.of(portfolio)
        sent = past.offline
        if not sent:
            return sent
        await self._books.rebuild(portfolio, sent)
        # Its end may have been told to books that did not know of it yet.
        now = [past.intents.get(intent.message_id, intent) for intent in sent]
        ended = [_outcome(intent) for intent in now if intent.state in ("accepted", "failed", "unknown")]
        for some in (ended[i : i + _AT_ONCE] for i in range(0, len(ended), _AT_ONCE)):
            await asyncio.gather(*(self._ledger.settle(outcome) for outcome in some))
        log.warning("sent_while_the_store_was_away", portfolio=portfolio, sends=len(sent))
        return sent


def _bound(standing: Standing) -> int:
    return UNLIMITED if standing.limit == UNLIMITED else limit_places(standing.limit, standing.rules)


def _outcome(intent: Intent) -> Outcome:
    state, released = cast(Settled, intent.state), intent.state == "failed"
    cause = "sent while the store was away"
    return Outcome(intent.portfolio, intent.message_id, intent.attempt, state, cause, intent.wamid, released)
