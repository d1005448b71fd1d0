"""Outcomes written down, off the way of the answer, until the store has them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from functools import cache
from typing import Any, Final
from weakref import WeakKeyDictionary

from tidegate.clock import StoreClock
from tidegate.errors import StoreUnavailable
from tidegate.gateway.answered import Answered
from tidegate.gateway.claims import Claim
from tidegate.gateway.message import Message
from tidegate.policy.campaign.part import Part
from tidegate.policy.lifecycle import State
from tidegate.policy.rules import Delivery
from tidegate.policy.users import given_back
from tidegate.store.ledger import Ledger, Outcome, Settled
from tidegate.store.sealing import Seal
from tidegate.store.users import Users
from tidegate.tasks import spawn
from tidegate.tracing import Tracing

_AT_A_TIME: Final = 8
_WAITS_MS: Final = (50, 100, 200, 400, 800, *(1_000 for _ in range(30)), *(5_000 for _ in range(120)))
_turnstiles: WeakKeyDictionary[StoreClock, asyncio.Semaphore] = WeakKeyDictionary()


class _Open(Outcome, gc=False):
    """One that is sealed as it is written, and not before: nobody waits for that."""

    unsealed: tuple[Seal, str, Claim | None] | None = None
    """By what, and what: what Meta calls it; and what its sender is told, by the claim that keeps it, where the outcome
    names that."""

    def close(self) -> bool:
        unsealed = self.unsealed
        if unsealed is None:
            return False
        self.unsealed = None
        seal, named, claim = unsealed
        if named:
            try:
                self.wamid = seal.close_wamid(self.message_id, named)
            except StoreUnavailable:
                # Without a key it is not noted: the message's webhooks bring it again.
                self.wamid = ""
        if claim is not None:
            try:
                self.answer = claim.with_answer()
            except (StoreUnavailable, TypeError):
                # No key to seal it with, or a header that is no text: that is no reason to forget the outcome.
                self.once = ""
                claim.keep_later()
        return True


class Settling:
    """Writes outcomes. What is lost with this process is found again by its intent, and is then unknown."""

    def __init__(self, ledger: Ledger, clock: StoreClock, users: Users, seal: Seal, tracing: Tracing) -> None:
        self._ledger = ledger
        ledger.on_settled = self._settled
        #: Which way each outcome of a portfolio is written in passing: asked for once.
        self._settling = cache(ledger.settling)
        self._tracing = tracing
        self._is_traced = tracing.is_on
        self._users = users
        self._seal = seal
        self._clock = clock
        self._writing: set[asyncio.Task[Any]] = set()
        #: Outcomes that are written in passing, and are not written yet; the event is for whoever waits.
        self._unwritten = 0
        self._all_written = asyncio.Event()
        #: Called with the portfolio when a place may have come free.
        self.on_change: Callable[[str], None] = lambda portfolio: None
        #: Called with the portfolio and the row of a campaign when it is known what became of its message.
        self.on_fate: Callable[[str, Part, State], None] = lambda portfolio, part, state: None

    def told(self, message: Message, state: Settled, cause: str, wamid: str, answered: Answered) -> None:
        """Write in passing how its POST ended, of which its sender is told this.

        "accepted": Meta took it; "unknown": it may have been taken, and its place is kept until its status tells.
        Few take a task: most are written by the first call that they share.
        """
        message_id, claim = message.message_id, message.claim
        once = claim.keeps(message_id, answered) if claim is not None else ""
        outcome = _Open(
            message.route.portfolio, message_id, message.attempt, state, cause, "", False, once, b"",
            message.intent, (self._seal, wamid, claim if once else None),
        )  # fmt: skip
        if self._is_traced:
            self._spawn(self._settle(outcome))
        else:
            self._unwritten += 1
            self._settling(outcome.portfolio)(outcome)
        if message.part is not None:
            self._tell(message, State(state))

    def unsent(self, message: Message, cause: str) -> asyncio.Task[None]:
        """Proven: nobody was messaged. Its place is given back; the task ends when that is written."""
        writing = self._spawn(self._settle(_outcome(message, "failed", cause, release=True)))
        if message.delivery is Delivery.AT_MOST_ONCE:
            # Of one that was tried before it is only known that this try failed: its record says what it is.
            self._tell(message, State.FAILED)
        self.not_marketed(message)
        return writing

    def not_marketed(self, message: Message) -> None:
        """Proven: the user did not get it, so that it is none of the messages that are capped."""
        at_ms = message.marketing_at_ms
        if at_ms:
            portfolio, user = message.route.portfolio, message.user

            async def forget() -> None:
                await until_stored(
                    lambda: self._users.update(portfolio, user, lambda known: given_back(known, at_ms)),
                    self._clock,
                )

            self._spawn(forget())

    async def ended(self, timeout_s: float) -> None:
        """Return when every outcome is written, or after `timeout_s`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self._unwritten:
                    self._all_written.clear()
                    await self._all_written.wait()
                if self._writing:
                    await asyncio.wait(self._writing)

    def _tell(self, message: Message, state: State) -> None:
        if message.part is not None:
            self.on_fate(message.route.portfolio, message.part, state)

    def _settled(self, outcomes: list[Outcome], fault: Exception | None) -> None:
        """Those of one call that were written in passing, none of which gives a place back."""
        if fault is not None:
            for outcome in outcomes:
                self._spawn(self._settle(outcome))
        self._unwritten -= len(outcomes)
        if not self._unwritten:
            self._all_written.set()

    def _spawn(self, writing: Coroutine[Any, Any, Any]) -> asyncio.Task[None]:
        task = spawn(writing, "settle")
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        return task

    async def _settle(self, outcome: Outcome) -> None:
        with self._tracing.span("settle"):
            await until_stored(lambda: self._ledger.settle(outcome), self._clock)
        if outcome.release:
            self.on_change(outcome.portfolio)


def _outcome(message: Message, state: Settled, cause: str, *, release: bool = False) -> Outcome:
    return Outcome(message.route.portfolio, message.message_id, message.attempt, state, cause, "", release)


async def until_stored(write: Callable[[], Awaitable[Any]], clock: StoreClock) -> Any:
    """Repeat an idempotent write until the store takes it; raises StoreUnavailable when it does not for ten minutes.

    Of one node only a few ask again at a time: after an hour's absence the store has better to do than to hear all that
    was written in it at once.
    """
    try:
        return await write()
    except StoreUnavailable:
        pass
    turnstile = _turnstiles.setdefault(clock, asyncio.Semaphore(_AT_A_TIME))
    for wait_ms in _WAITS_MS:
        await clock.sleep_until(clock.now_ms() + wait_ms)
        try:
            async with turnstile:
                return await write()
        except StoreUnavailable:
            continue
    return await write()
