"""The way of webhooks out to one app: claimed line by line, posted, answered for. One app waits for no other."""

from __future__ import annotations

import asyncio
import random
from typing import Final

import structlog

from tidegate.clock import StoreClock
from tidegate.cloudapi.updates import with_status_id
from tidegate.errors import StoreUnavailable
from tidegate.metrics import Metrics
from tidegate.relay.patience import app_hold_ms, line_wait_ms, most_line_wait_ms
from tidegate.relay.postbox import Postbox
from tidegate.store.relays import DEAD_AFTER_MS, Answer, Leased, Relays
from tidegate.store.sealing import BrokenSeal
from tidegate.tasks import cancelled, spawn

#: Webhooks of one app under way at a time on a node.
IN_HAND: Final = 16
_RETRY_MS: Final = 500
#: A claim outlives its POST by this much.
_MARGIN_MS: Final = 20_000
#: A status that comes before the answer to its send waits for that answer: which id it goes under depends on it.
_OPEN_FOR_MS: Final = 15_000
_OPEN_AGAIN_MS: Final = 250
_END_S: Final = 1.0

log = structlog.get_logger()


class Delivery:
    """Delivers the webhooks of one app that one portfolio's keys hold. Any number of nodes may run one.

    It looks when it is woken, and when it is time for what it knows to wait.
    """

    def __init__(
        self,
        portfolio: str,
        app: str,
        relays: Relays,
        postbox: Postbox,
        clock: StoreClock,
        metrics: Metrics,
        timeout_ms: int,
        chance: random.Random,
        dead_after_ms: int = DEAD_AFTER_MS,
    ) -> None:
        """`dead_after_ms`: for how long a webhook is tried."""
        self._portfolio = portfolio
        self._app = app
        self._relays = relays
        self._postbox = postbox
        self._clock = clock
        self._metrics = metrics
        self._lease_ms = timeout_ms + _MARGIN_MS
        self._chance = chance
        self._dead_after_ms = dead_after_ms
        self._alarm = asyncio.Event()
        self._carrying: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Look now: something is due."""
        self._alarm.set()

    async def run(self) -> None:
        """Deliver until cancelled; what is under way then is cut, and delivered again by whoever claims it next."""
        try:
            wait_ms: float | None = None
            while True:
                await self._sleep(wait_ms)
                self._alarm.clear()
                try:
                    wait_ms = await self._look()
                except StoreUnavailable as fault:
                    log.warning("relay_not_read", app=self._app, portfolio=self._portfolio, fault=str(fault))
                    wait_ms = _RETRY_MS
        finally:
            await cancelled(self._carrying, _END_S)

    async def _look(self) -> float | None:
        """Claim what is due and begin to deliver it; ms until there may be more, None: it will be woken."""
        room = IN_HAND - len(self._carrying)
        if room <= 0:
            return None
        began_ms = self._clock.monotonic_ms()
        lease = await self._relays.claim(self._portfolio, self._app, room, self._lease_ms, self._dead_after_ms)
        self._clock.observe(lease.now_ms)
        if lease.buried:
            self._metrics.relayed(self._app, "dead", lease.buried)
            log.error("webhooks_dead", app=self._app, portfolio=self._portfolio, count=lease.buried)
        for parcel in lease.parcels:
            task = spawn(self._carry(parcel, lease.now_ms, began_ms), "relayed webhook")
            self._carrying.add(task)
            task.add_done_callback(self._carried)
        return None if lease.wake_at_ms is None else max(1.0, lease.wake_at_ms - lease.now_ms)

    def _carried(self, task: asyncio.Task[None]) -> None:
        self._carrying.discard(task)
        self._alarm.set()

    async def _carry(self, parcel: Leased, now_ms: int, began_ms: float) -> None:
        answer = await self._delivered(parcel, now_ms, began_ms)
        if answer.outcome != "later":
            self._metrics.relayed(self._app, answer.outcome)
        try:
            await self._relays.answer(answer)
        except StoreUnavailable:
            # Its lease lapses, and it is delivered again: at least once.
            log.warning("relay_not_written", app=self._app, portfolio=self._portfolio, outcome=answer.outcome)

    async def _delivered(self, parcel: Leased, now_ms: int, began_ms: float) -> Answer:
        if not parcel.given.is_known and parcel.message_id and now_ms - parcel.taken_at_ms < _OPEN_FOR_MS:
            return Answer(self._portfolio, parcel, "later", wait_ms=_OPEN_AGAIN_MS)
        try:
            body = await self._relays.open(parcel)
        except BrokenSeal:
            log.error("webhook_unreadable", app=self._app, portfolio=self._portfolio)
            return Answer(self._portfolio, parcel, "dead", "what was stored of it can't be read")
        if parcel.given.is_ours:
            body = with_status_id(body, parcel.message_id)
        if self._clock.monotonic_ms() - began_ms > _MARGIN_MS / 2:
            # Claimed by a node that has stood still since: another may be about to deliver it, and what follows.
            return Answer(self._portfolio, parcel, "later")
        headers = {"Tidegate-Event": parcel.name.hex()}
        began_ms = self._clock.monotonic_ms()
        posted = await self._postbox.post(body, headers)
        self._metrics.relay_took(self._clock.monotonic_ms() - began_ms)
        if posted.error is None:
            return Answer(self._portfolio, parcel, "delivered")
        failures = parcel.failures + 1
        wait_ms = line_wait_ms(parcel.tries, self._chance.random())
        refused = posted.is_refusal
        hold_ms = app_hold_ms(failures, posted.retry_after_ms, self._chance.random(), is_refusal=refused)
        wait_ms = min(wait_ms, most_line_wait_ms(failures, hold_ms, is_refusal=refused))
        log.warning("webhook_not_delivered", app=self._app, fault=posted.error, failures=failures)
        return Answer(self._portfolio, parcel, "failed", posted.error, wait_ms, hold_ms)

    async def _sleep(self, wait_ms: float | None) -> None:
        try:
            async with asyncio.timeout(None if wait_ms is None else wait_ms / 1000):
                await self._alarm.wait()
        except TimeoutError:
            return
