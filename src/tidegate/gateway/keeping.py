"""Messages given to the send queue, new ones and those that come back from an attempt."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final

from tidegate.clock import StoreClock
from tidegate.gateway.message import Message
from tidegate.gateway.settling import until_stored
from tidegate.policy.campaign.part import Part
from tidegate.policy.identity import Identity
from tidegate.policy.lifecycle import State
from tidegate.policy.verdict import Reason
from tidegate.store.sealing import Seal
from tidegate.store.send_queue import Lane, SendQueue, Waiting
from tidegate.tasks import spawn

#: A message held until nobody knows when is asked again after this, if nothing rouses it before.
_RECHECK_MS: Final = 600_000
_MOST_SPREAD: Final = 8
#: Whatever is due later than this is found in time by who looks four times a second.
_SOON_MS: Final = 500
#: Held for one of these a message is asked again after `_RECHECK_MS` too: places come free early by failed sends.
_MAY_END_EARLY: Final = frozenset({Reason.LIMIT_SHARE})
_SILENT: Final = Reason.STORE_UNAVAILABLE


class Keeping:
    """Queues messages."""

    def __init__(self, queue: SendQueue, identity: Identity, clock: StoreClock, seal: Seal) -> None:
        self._queue = queue
        self._seal = seal
        self._identity = identity
        self._clock = clock
        self._giving_back: set[asyncio.Task[None]] = set()
        #: Called with the portfolio when something was queued that may soon go.
        self.on_change: Callable[[str], None] = lambda portfolio: None
        #: Called with the portfolio and the row of a campaign when its message left the queue unsent.
        self.on_fate: Callable[[str, Part, State], None] = lambda portfolio, part, state: None

    async def keep(
        self,
        message: Message,
        reason: Reason,
        cause: str,
        until_ms: int | None,
        *,
        needs_place: bool = False,
        admitted: bool = False,
        spread_ms: int = 0,
        epoch: int | None = None,
    ) -> None:
        """Queue a message until `until_ms`; one that was `admitted` gives its place back. Raises StoreUnavailable.

        `spread_ms`: where messages go one by one, so far apart, those that have tried before come back at odd times.
        `epoch`: of the standing by which it may not go; where that is no longer in force, it is asked again at once.
        """
        assert message.category is not None, "free-form messages are never queued"
        route = message.route
        waiting = Waiting(
            message_id=message.message_id,
            attempt=message.attempt if message.queued or admitted else None,
            lane=Lane(route.number, message.category),
            recipient=message.user or self._identity.of(message.request.kind, message.request.recipient),
            due_at_ms=self._due_at_ms(self._ask_again_at_ms(reason, until_ms), spread_ms, message.attempt),
            needs_place=needs_place,
            expires_at_ms=message.deadline_ms,
            body=message.packed(),
            about=message.about(self._seal, promised=True),
            reason=reason.value,
            until_ms=until_ms,
            cause=cause,
            epoch=epoch,
        )
        await self._queue.enqueue(route.portfolio, waiting)
        if needs_place or waiting.due_at_ms <= self._clock.now_ms() + _SOON_MS:
            self.on_change(route.portfolio)

    def _ask_again_at_ms(self, reason: Reason, until_ms: int | None) -> int:
        recheck_ms = self._clock.now_ms() + _RECHECK_MS
        if until_ms is None:
            return recheck_ms
        return min(until_ms, recheck_ms) if reason in _MAY_END_EARLY else until_ms

    def _due_at_ms(self, until_ms: int, spread_ms: int, attempt: int) -> int:
        # Each of many that waits for one turn at a time would else ask at every turn.
        turns = random.randrange(2 ** min(attempt, _MOST_SPREAD)) if spread_ms else 0
        return until_ms + turns * spread_ms

    def give_back(self, message: Message, reason: Reason, cause: str) -> None:
        """Queue a message again that was promised and is proven unsent, as soon as the store can be reached."""

        async def kept() -> None:
            await self.keep(message, reason, cause, self._clock.now_ms(), admitted=True)

        self._surely(kept)

    def retract(self, message: Message, settled: asyncio.Task[None] | None = None) -> None:
        """Take back a message whose caller is told that it was not queued, although the store may yet queue it.

        `settled`: writes down that its attempt, which was admitted, has ended. That has to come first: from then on it
        can't be queued by that attempt any more, so that what is taken back stays so.
        """
        cause = "the store did not answer: its caller was told to try again"

        async def ended() -> None:
            if settled is not None:
                await asyncio.wait([settled])
            route = message.route
            await self._queue.end(
                route.portfolio,
                message.message_id,
                "failed",
                cause,
                _SILENT.value,
                forestall=settled is None,
                is_told=True,
            )

        self._surely(ended)

    def _surely(self, write: Callable[[], Awaitable[None]]) -> None:
        async def give() -> None:
            await until_stored(write, self._clock)

        task = spawn(give(), "give back")
        self._giving_back.add(task)
        task.add_done_callback(self._giving_back.discard)

    async def end(self, message: Message, state: State, cause: str, reason: Reason) -> None:
        """Take a message out of the queue for good. Raises StoreUnavailable."""
        was = await self._queue.end(message.route.portfolio, message.message_id, state.value, cause, reason.value)
        if message.part is not None and was == State.QUEUED.value:
            self.on_fate(message.route.portfolio, message.part, state)

    async def ended(self, timeout_s: float) -> None:
        """Return when what is being given back is queued, or after `timeout_s`."""
        if self._giving_back:
            await asyncio.wait(self._giving_back, timeout=timeout_s)
