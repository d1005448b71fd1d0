"""What has run out of time in the queues, and on its way: the store ends it, and it is told of here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog

from tidegate.clock import StoreClock
from tidegate.metrics import Metrics
from tidegate.policy.lifecycle import State
from tidegate.store.send_queue import SendQueue

_EVERY_MS: Final = 1_000
#: Between two calls for what is too much for one: the store has others to serve.
_ON_MS: Final = 25
#: What a message may become by running out of time that says what became of a campaign's row.
_ENDED: Final = frozenset({State.EXPIRED.value, State.UNKNOWN.value})

log = structlog.get_logger()


class Reaper:
    """Has the store end what is overdue in a portfolio, some of it at a time."""

    def __init__(
        self,
        queue: SendQueue,
        overdue: set[str],
        clock: StoreClock,
        metrics: Metrics,
        wake: Callable[[str], None],
        on_end: Callable[[str, str, str, bytes], None],
    ) -> None:
        """`overdue`: portfolios where something is; one stays in it until nothing is left.

        `wake` is called with the portfolio where something is in the queue again. `on_end` is told of a message that is
        over: portfolio, id, what it became, what was noted of it (JSON, b"" nothing).
        """
        self._queue = queue
        self._overdue = overdue
        self._clock = clock
        self._metrics = metrics
        self._wake = wake
        self._on_end = on_end
        self._at_ms: dict[str, float] = {}

    async def reap_in_time(self, portfolio: str) -> float | None:
        """Reap what is overdue, where it is time to; ms until it is time for more of it, None: there is no more.

        Raises StoreUnavailable.
        """
        overdue = self._overdue
        if portfolio in overdue and self._clock.monotonic_ms() >= self._at_ms.get(portfolio, float("-inf")):
            overdue.discard(portfolio)
            wait_ms = _EVERY_MS
            if await self._reap(portfolio):
                overdue.add(portfolio)
                wait_ms = _ON_MS
            self._at_ms[portfolio] = self._clock.monotonic_ms() + wait_ms
        if portfolio not in overdue:
            return None
        return max(1.0, self._at_ms[portfolio] - self._clock.monotonic_ms())

    async def _reap(self, portfolio: str) -> bool:
        """Have the store end what ran out of time, and tell of it; whether more may be left."""
        reaping = await self._queue.reap(portfolio)
        self._clock.observe(reaping.now_ms)
        for became, message_id, about in reaping.messages:
            if became in _ENDED:
                self._on_end(portfolio, message_id, became, about)
            if became == "unresolved":
                self._metrics.unresolved()
                log.warning("message_unresolved", message_id=message_id)
                continue
            if became == "tried_again":
                self._metrics.tried_again()
                self._wake(portfolio)
            else:
                self._metrics.ended(became)
            log.info("message_ended", message_id=message_id, became=became)
        return reaping.is_more
