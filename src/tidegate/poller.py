"""What Meta tells only when asked, asked again and again: within Meta's call budget, by one node at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from tidegate.clock import StoreClock
from tidegate.errors import StoreUnavailable
from tidegate.graph_reads import GraphReads, NotRead
from tidegate.policy.standing import Change
from tidegate.signals import Signals
from tidegate.store.leases import Leases

#: Waits after a reading that failed, in ms; the last one goes on.
_RETRY_MS: Final = (2_000, 5_000, 15_000, 60_000)

log = structlog.get_logger()

Reading = Callable[[int], Awaitable[tuple[list[Change], int]]]


@dataclass(slots=True)
class Account:
    """One WABA to be read: its portfolio, its numbers, and how to read it."""

    portfolio: str
    waba: str
    numbers: tuple[str, ...]
    reads: GraphReads = field(repr=False)
    #: Until when Meta asked for no more calls (span of this node, ms).
    paused_until_ms: float = 0.0


class Poller:
    """Reads the standing of every account from Graph at the start, and then every `interval_ms` on one node.

    A poller that Meta throttles waits; it never stops a send.
    """

    def __init__(
        self, signals: Signals, clock: StoreClock, leases: Leases, accounts: Sequence[Account], interval_ms: int
    ) -> None:
        self._signals = signals
        self._clock = clock
        self._leases = leases
        self._accounts = accounts
        self._interval_ms = interval_ms
        #: Set when every account was tried once.
        self.tried = asyncio.Event()

    async def run(self) -> None:
        """Read until cancelled."""
        # A node that starts reads for itself: it must not serve with what an earlier one saw.
        failed = [account for account in self._accounts if not await self._read(account)]
        self.tried.set()
        tries = 0
        while failed:
            await asyncio.sleep(_RETRY_MS[min(tries, len(_RETRY_MS) - 1)] / 1000)
            failed = [account for account in failed if not await self._read(account)]
            tries += 1
        while True:
            next_at_ms = self._clock.now_ms() + self._interval_ms
            while self._clock.now_ms() < next_at_ms:
                await self._clock.sleep_until(next_at_ms)
            for account in self._accounts:
                if await self._is_mine(account):
                    await self._read(account)

    async def _is_mine(self, account: Account) -> bool:
        try:
            return await self._leases.hold(account.portfolio, f"poll:{account.waba}", 2 * self._interval_ms)
        except StoreUnavailable:
            return False

    async def _read(self, account: Account) -> bool:
        """Read what can be read of an account; whether all of it could."""
        if self._clock.monotonic_ms() < account.paused_until_ms:
            return False
        at_ms = self._clock.now_ms()
        readings: list[Reading] = [account.reads.templates]
        readings += [_reading(account, number) for number in account.numbers]
        changes: list[Change] = []
        whole = True
        for reading in readings:
            try:
                read, wait_ms = await reading(at_ms)
                changes += read
            except NotRead as error:
                whole, wait_ms = False, error.wait_ms
                log.warning("graph_not_read", portfolio=account.portfolio, waba_id=account.waba, fault=str(error))
            if wait_ms:
                account.paused_until_ms = self._clock.monotonic_ms() + wait_ms
                log.warning("graph_reads_paused", portfolio=account.portfolio, waba_id=account.waba, wait_ms=wait_ms)
                whole = False
                break
        return await self._apply(account, changes) and whole

    async def _apply(self, account: Account, changes: list[Change]) -> bool:
        try:
            if changes:
                await self._signals.restand(account.portfolio, changes)
        except StoreUnavailable as error:
            log.warning("standing_not_written", portfolio=account.portfolio, fault=str(error))
            return False
        log.info("standing_read", portfolio=account.portfolio, waba_id=account.waba, records=len(changes))
        return True


def _reading(account: Account, number: str) -> Reading:
    async def read(at_ms: int) -> tuple[list[Change], int]:
        return await account.reads.number(number, at_ms)

    return read
