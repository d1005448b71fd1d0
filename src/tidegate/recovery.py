"""The books, looked at whenever another server answers or others are found; what they miss is written down again."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final, TypeVar, cast

import structlog

from tidegate.clock import StoreClock
from tidegate.errors import StoreUnavailable
from tidegate.journal import Intent, Journal, JournalUnwritable, Past
from tidegate.metrics import Metrics
from tidegate.policy.users import User, Word
from tidegate.store.books import JOIN_EVERY_MS, Books, Joined
from tidegate.store.client import StoreConnection
from tidegate.store.ledger import Inbound, Ledger, Outcome, Settled
from tidegate.store.standings import Standings
from tidegate.store.users import Users
from tidegate.store.witness import Identity, Witness, identify

_AGAIN_S: Final = 0.25
_LEAVE_S: Final = 1.0
#: A settled outcome may have been lost for so long: what was settled earlier has been written long since.
_SETTLED_AGAIN_MS: Final = 600_000
_AT_ONCE: Final = 256
_Item = TypeVar("_Item")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Stores:
    """What the books are written down again with, all by way of one client that nobody watches."""

    connection: StoreConnection
    books: Books
    ledger: Ledger
    users: Users


@dataclass(slots=True)
class Recovery:
    """Keeps a node from trusting books that may miss what was sent.

    `journals`: this node's own first, then those of nodes that have ended on this machine. `open_stores` gives what it
    writes with. `on_whole` is called with the portfolio whose books are whole again.
    """

    journals: Sequence[Journal]
    witness: Witness
    open_stores: Callable[[], AbstractAsyncContextManager[Stores]]
    standings: Standings
    ledger: Ledger
    clock: StoreClock
    metrics: Metrics
    on_whole: Callable[[str], None] = lambda portfolio: None
    _held: dict[str, int] = field(default_factory=dict)

    @property
    def _own(self) -> Journal:
        return self.journals[0]

    async def begin(self) -> None:
        """Look at the books for the first time. Raises StoreUnavailable, JournalUnwritable."""
        await self._look()

    async def run(self) -> None:
        """Look again whenever there is doubt, and join every now and then, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(JOIN_EVERY_MS / 1000):
                    await self.witness.doubts.wait()
            except TimeoutError:
                pass
            try:
                await self._look()
            except StoreUnavailable as error:
                log.warning("books_not_read", fault=str(error))
                await asyncio.sleep(_AGAIN_S)

    async def end(self) -> None:
        """Leave the books, which nobody need wait with for this node then, and give the journals up."""
        try:
            async with asyncio.timeout(_LEAVE_S):
                await self._leave()
        except (TimeoutError, StoreUnavailable, JournalUnwritable) as error:
            log.warning("books_not_left", fault=str(error))
        for journal in self.journals:
            await journal.close()

    async def _leave(self) -> None:
        if self._held and self.witness.doubts.is_set():
            await self._look()
        async with self.open_stores() as stores:
            server = await identify(stores.connection.client)
            if not self.witness.trusts(server.run_id):
                return
            for portfolio in self.standings.portfolios:
                past = self._own.of(portfolio)
                if not past.offline:
                    await stores.books.leave(portfolio, past.era, self._own.node)

    async def _look(self) -> None:
        in_doubt = self.witness.doubts.is_set()
        async with self.open_stores() as stores:
            server = await identify(stores.connection.client)
            if not in_doubt and not self.witness.trusts(server.run_id):
                # What this node writes meanwhile goes to the one before: nothing is vouched for until that has ended.
                self.witness.doubt()
                return
            portfolios = self.standings.portfolios
            await asyncio.gather(*(self._look_at(p, server, stores, in_doubt=in_doubt) for p in portfolios))
            if await identify(stores.connection.client) != server:
                raise StoreUnavailable("another server took over while its books were looked at")
        if in_doubt:
            self.witness.trust(server.run_id)
            await self._settle_again()

    async def _look_at(self, portfolio: str, server: Identity, stores: Stores, *, in_doubt: bool) -> None:
        own = self._own.of(portfolio)
        remembered = own.era if own.remembers else ""
        joined = await stores.books.join(portfolio, self._own.node, server, remembered, own.nodes)
        if in_doubt:
            self.clock.observe(joined.now_ms)
            self._own.begin(joined.now_ms)
        elif joined.era != own.era:
            self.witness.doubt()
            return
        vouching = [one for one in self.journals if self._knows_more(one, portfolio, joined, in_doubt=in_doubt)]
        for journal in vouching:
            await self._write_again(portfolio, journal.of(portfolio), stores)
        self._own.begun(portfolio, joined.era, joined.nodes)
        self.standings.expect(portfolio, joined.era)
        held_until_ms = joined.held_until_ms
        if vouching:
            await self._restore_standing(portfolio, stores)
            vouched = await stores.books.vouch(portfolio, joined.era, [journal.node for journal in vouching])
            held_until_ms = joined.held_until_ms if vouched.owing else 0
        self._tell(portfolio, joined, held_until_ms, whole_again=bool(vouching) and not held_until_ms)

    def _knows_more(self, journal: Journal, portfolio: str, joined: Joined, *, in_doubt: bool) -> bool:
        if journal.node in joined.owing:
            return True
        past = journal.of(portfolio)
        # Of the dead nobody says that they owe, and what they knew never changes: it is told once a doubt.
        return in_doubt and journal is not self._own and past.remembers and past.era != joined.era

    async def _write_again(self, portfolio: str, past: Past, stores: Stores) -> None:
        missing = await stores.books.rebuild(portfolio, past.intents.values())
        inbounds = [Inbound(portfolio, recipient, number, at) for (number, recipient), at in past.windows.items()]
        await _each(inbounds, stores.ledger.open_window)

        async def remind(said: tuple[bytes, Mapping[str, Word]]) -> None:
            recipient, words = said
            await stores.users.update(portfolio, recipient, functools.partial(_reminded, words))

        await _each(list(past.words.items()), remind)
        log.warning("books_written_again", portfolio=portfolio, sends=len(past.intents), missing=missing)

    async def _restore_standing(self, portfolio: str, stores: Stores) -> None:
        standing, breakers = self.standings.last_read(portfolio)
        await stores.books.restore(portfolio, standing, breakers)

    async def _settle_again(self) -> None:
        """Outcomes that were written just before the store lost them: a settled message stays as it is."""
        since_ms = self.clock.now_ms() - _SETTLED_AGAIN_MS
        outcomes = [
            _outcome(intent)
            for journal in self.journals
            for portfolio in self.standings.portfolios
            for intent in journal.of(portfolio).intents.values()
            if intent.at_ms >= since_ms and intent.state in ("accepted", "failed", "unknown")
        ]
        await _each(outcomes, self.ledger.settle)

    def _tell(self, portfolio: str, joined: Joined, held_until_ms: int, *, whole_again: bool) -> None:
        before = self._held.get(portfolio, 0)
        self._held[portfolio] = held_until_ms
        self.metrics.books_held(portfolio, held_until_ms > 0)
        if held_until_ms and not before:
            log.error("books_held", portfolio=portfolio, until_ms=held_until_ms, waiting_for=sorted(joined.owing))
        if whole_again or (before and not held_until_ms):
            log.warning("books_whole", portfolio=portfolio)
            self.on_whole(portfolio)


async def _each(items: Sequence[_Item], write: Callable[[_Item], Awaitable[object]]) -> None:
    """Write each: what is asked for together shares its trips."""
    for start in range(0, len(items), _AT_ONCE):
        await asyncio.gather(*map(write, items[start : start + _AT_ONCE]))


def _reminded(words: Mapping[str, Word], user: User) -> User:
    return user.with_words(words)


def _outcome(intent: Intent) -> Outcome:
    state, cause = cast(Settled, intent.state), "told again after the store had lost it"
    released = state == "failed"
    return Outcome(intent.portfolio, intent.message_id, intent.attempt, state, cause, intent.wamid, released)
