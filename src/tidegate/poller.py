"""What Meta tells only when asked, asked again and again: within Meta's call budget, by one node at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog

from tidegate.clock import StoreClock
from tidegate.errors import StoreUnavailable
from tidegate.graph_reads import GraphReads, Told
from tidegate.policy.breaker import State, state_at
from tidegate.policy.consequences.signal import Signal
from tidegate.policy.reach import Action, Subject
from tidegate.policy.standing import Change, Standing
from tidegate.store.leases import Leases
from tidegate.tasks import lasting, spawn

#: Waits after a reading that failed, in ms; the last one goes on. None is longer than the interval.
_RETRY_MS: Final = (2_000, 5_000, 15_000, 60_000, 300_000)
#: An account is looked at out of turn at most this often.
LOOK_EVERY_MS: Final = 30_000
#: A clock that is moved is noticed within this.
_GLANCE_MS: Final = 500

log = structlog.get_logger()


@dataclass(slots=True)
class Account:
    """One WABA to be read: its portfolio, its numbers, and how to read it."""

    portfolio: str
    waba: str
    numbers: tuple[str, ...]
    reads: GraphReads = field(repr=False)
    #: Until when this node was asked for no more calls, and when it last looked out of turn (the store's time).
    _rests_until_ms: int = 0
    _looked_at_ms: int = 0
    _wanted: asyncio.Event = field(default_factory=asyncio.Event, repr=False)


class Poller:
    """Reads every account from Graph at the start, and then every `interval_ms` on one node.

    When Meta asks for fewer calls every node's poller pauses: by the signal, which opens a breaker of the action
    `pause_polling`, and this node's at once. No send waits for a poller, nor for that breaker.
    """

    def __init__(
        self,
        *,
        restand: Callable[[str, Sequence[Change]], Awaitable[None]],
        consider: Callable[[Sequence[Signal]], Awaitable[None]],
        standing: Callable[[str], Awaitable[Standing]],
        clock: StoreClock,
        leases: Leases,
        accounts: Sequence[Account],
        interval_ms: int,
    ) -> None:
        """`restand` writes facts, `consider` draws consequences; `standing` tells a portfolio's, at most a moment old.

        All three may raise StoreUnavailable.
        """
        self._restand = restand
        self._consider = consider
        self._standing = standing
        self._clock = clock
        self._leases = leases
        self._accounts = {account.waba: account for account in accounts}
        self._interval_ms = interval_ms
        self._untried = set(self._accounts)
        #: Of the accounts that this node reads now, by portfolio and WABA: when it last read all of one, or began to
        #: try (ms, the store's time).
        self.read_at_ms: dict[str, dict[str, int]] = {account.portfolio: {} for account in accounts}
        #: Set when every account was tried once.
        self.tried = asyncio.Event()

    async def run(self) -> None:
        """Read until cancelled. No account waits for another, nor ends with it."""
        if not self._accounts:
            self.tried.set()
            return
        following = []
        for waba, account in self._accounts.items():
            name = f"poller {waba}"
            following.append(spawn(lasting(partial(self._follow, account), name), name))
        try:
            await asyncio.wait(following)
        finally:
            for task in following:
                task.cancel()
            await asyncio.gather(*following, return_exceptions=True)

    def look(self, waba: str) -> None:
        """Read this account now, whichever node's turn it is; at most once in LOOK_EVERY_MS."""
        account = self._accounts.get(waba)
        if account is not None:
            account._wanted.set()

    async def _follow(self, account: Account) -> None:
        # A node that starts reads for itself: it must not serve with what an earlier one saw.
        reads, tries = True, 0
        while True:
            whole = not reads or await self._read(account)
            self._tick_off(account)
            tries = 0 if whole else tries + 1
            looks = await self._wait(account, self._wait_ms(tries))
            reads = looks or 0 < tries < len(_RETRY_MS) or await self._is_mine(account)
            if not reads:
                # Another node reads it, and knows when.
                self.read_at_ms[account.portfolio].pop(account.waba, None)

    def _wait_ms(self, tries: int) -> int:
        """How long until the next reading; `tries`: how many have failed one after the other."""
        if not tries:
            return self._interval_ms
        return min(self._interval_ms, _RETRY_MS[min(tries, len(_RETRY_MS)) - 1])

    def _tick_off(self, account: Account) -> None:
        self._untried.discard(account.waba)
        if not self._untried:
            self.tried.set()

    async def _wait(self, account: Account, wait_ms: int) -> bool:
        """Wait for the next reading, or until a look is asked for; whether it was."""
        due_at_ms, ends_at_ms = self._clock.now_ms() + wait_ms, self._clock.monotonic_ms() + wait_ms
        while not account._wanted.is_set():
            # Whichever comes first: the store's clock may be moved, either way.
            left_ms = min(due_at_ms - self._clock.now_ms(), ends_at_ms - self._clock.monotonic_ms())
            if left_ms <= 0:
                return False
            try:
                async with asyncio.timeout(min(left_ms, _GLANCE_MS) / 1000):
                    await account._wanted.wait()
            except TimeoutError:
                continue
        now_ms = self._clock.now_ms()
        await self._clock.sleep_until(min(account._looked_at_ms, now_ms) + LOOK_EVERY_MS)
        account._wanted.clear()
        account._looked_at_ms = self._clock.now_ms()
        return True

    async def _is_mine(self, account: Account) -> bool:
        try:
            return await self._leases.hold(account.portfolio, f"poll:{account.waba}", 2 * self._interval_ms)
        except StoreUnavailable:
            return False

    async def _read(self, account: Account) -> bool:
        """Read what can be read of an account, and act on it; whether all of it was."""
        try:
            now_ms = self._clock.now_ms()
            self.read_at_ms[account.portfolio].setdefault(account.waba, now_ms)
            standing = await self._standing(account.portfolio)
            if now_ms < account._rests_until_ms or _is_told_to_rest(standing, account, now_ms):
                return False
            told = await account.reads.read(account.numbers)
            self._note(account, told)
            if told.changes:
                await self._restand(account.portfolio, told.changes)
            if told.signals:
                await self._consider(told.signals)
        except StoreUnavailable as error:
            log.warning("standing_not_written", portfolio=account.portfolio, fault=str(error))
            return False
        if told.whole:
            self.read_at_ms[account.portfolio][account.waba] = now_ms
        log.info("standing_read", portfolio=account.portfolio, waba_id=account.waba, records=len(told.changes))
        return told.whole

    def _note(self, account: Account, told: Told) -> None:
        for fault in told.faults:
            log.warning("graph_not_read", portfolio=account.portfolio, waba_id=account.waba, fault=fault)
        if told.wait_ms:
            account._rests_until_ms = self._clock.now_ms() + told.wait_ms
            log.warning("graph_reads_paused", portfolio=account.portfolio, waba_id=account.waba, wait_ms=told.wait_ms)


def _is_told_to_rest(standing: Standing, account: Account, now_ms: int) -> bool:
    """Whether a breaker that is in force keeps management calls of this account back, on whichever node it opened."""
    subject = Subject(account.portfolio, account.waba)
    return any(
        breaker.action is Action.PAUSE_POLLING
        and breaker.value == subject.value(breaker.scope)
        and state_at(breaker, now_ms) is State.OPEN
        and standing.rules.consequences.mode(breaker) == "enforce"
        for breaker in standing.breakers
    )
