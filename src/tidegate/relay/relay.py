"""The relay of one node: webhooks in by `receive`, out to the apps by `run`."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import structlog

from tidegate.clock import StoreClock
from tidegate.errors import StoreUnavailable
from tidegate.ids import MessageIds
from tidegate.metrics import Metrics
from tidegate.policy.identity import Identity
from tidegate.relay.delivery import Delivery
from tidegate.relay.endings import Endings
from tidegate.relay.erasure import Erasure
from tidegate.relay.intake import FileAddress, Intake
from tidegate.relay.postbox import Postbox, stamped
from tidegate.relay.subscribers import Subscribers
from tidegate.settings import Settings
from tidegate.signals import Whose
from tidegate.store.messages import Messages
from tidegate.store.relay_looks import RelayLooks
from tidegate.store.relay_traces import RelayTraces
from tidegate.store.relays import DEAD_AFTER_MS, Relays, Room
from tidegate.store.users import Users
from tidegate.tasks import lasting, spawn

#: What is due is computed. This bounds how late a node notices what another one took and did not deliver, a message
#: that ended unsent, or a moved clock: one call for all apps of all portfolios.
_LOOK_S: Final = 0.5

#: Who could not be told for a day what has stopped knows by then.
ALERT_DEAD_AFTER_MS: Final = 86_400_000

log = structlog.get_logger()


class Relay:
    """Hands webhooks to the apps that they concern. Of a node whose apps have no `webhook_url` it does nothing."""

    def __init__(
        self,
        settings: Settings,
        *,
        relays: Relays,
        traces: RelayTraces,
        looks: RelayLooks,
        messages: Messages,
        users: Users,
        whose: Whose,
        identity: Identity,
        ids: MessageIds,
        clock: StoreClock,
        metrics: Metrics,
        file_address: FileAddress | None,
    ) -> None:
        """`file_address`: of files that users send, in place of Meta's; None: Meta's stay."""
        self.subscribers: Final = Subscribers(settings)
        self._intake = Intake(
            subscribers=self.subscribers,
            relays=relays,
            messages=messages,
            users=users,
            whose=whose,
            identity=identity,
            clock=clock,
            metrics=metrics,
            room=Room(settings.relay.most_waiting, settings.relay.most_bytes),
            file_address=file_address,
        )
        self._intake.on_change = self.wake
        display_numbers = {number.id: number.display_phone_number or "" for _, _, number in settings.numbers}
        self._endings = Endings(self.subscribers, relays, traces, messages, self._intake, display_numbers)
        for one in (*self.subscribers.all, *filter(None, (self.subscribers.alerts,))):
            metrics.expect_app(one.app)
        self._looks = looks
        self._erasure = Erasure(traces, ids)
        timeout_ms, allow_private = settings.relay.timeout_ms, settings.relay.allow_private
        alerts = self.subscribers.alerts
        told = (*self.subscribers.all, *(() if alerts is None else (alerts,)))
        self._postboxes = {
            one.app: Postbox(
                partial(self.subscribers.named, one.app),
                timeout_ms / 1000,
                allow_private=allow_private,
                stamp=partial(stamped, clock.now_ms) if one is alerts else None,
            )
            for one in told
        }
        self._deliveries = {
            (portfolio, one.app): Delivery(
                portfolio,
                one.app,
                relays,
                self._postboxes[one.app],
                clock,
                metrics,
                timeout_ms,
                random.Random(),
                ALERT_DEAD_AFTER_MS if one is alerts else DEAD_AFTER_MS,
            )
            for one in told
            for portfolio in one.portfolios
        }

        self._apps: defaultdict[str, list[str]] = defaultdict(list)
        for portfolio, app in self._deliveries:
            self._apps[portfolio].append(app)
        self._ended: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    @property
    def has_subscribers(self) -> bool:
        """Whether there is anybody to hand webhooks to."""
        return bool(self.subscribers.all)

    async def receive(self, envelope: Any) -> None:
        """Keep what a verified body tells, read by `webhooks.read_body`, for the apps that it concerns.

        Raises StoreUnavailable.
        """
        await self._intake.receive(envelope)

    async def erase(self, portfolio: str, names: Sequence[bytes]) -> int:
        """Erase a user from what waits for the apps; of how many webhooks. Raises StoreUnavailable."""
        return await self._erasure.erase(portfolio, names)

    def wake(self, portfolio: str, app: str) -> None:
        """Look at what waits for an app now."""
        delivery = self._deliveries.get((portfolio, app))
        if delivery is not None:
            delivery.wake()

    async def run(self) -> None:
        """Deliver, and tell of what ended unsent, until cancelled."""
        if not self._deliveries:
            return
        duties = {f"relay to {app} of {portfolio}": one.run for (portfolio, app), one in self._deliveries.items()}
        duties["look at the webhooks"] = self._watch
        for portfolio in self._apps:
            duties[f"endings of {portfolio}"] = partial(self._report, portfolio)
        tasks = [spawn(lasting(duty, name), name) for name, duty in duties.items()]
        try:
            await asyncio.wait(tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for postbox in self._postboxes.values():
                await postbox.close()

    async def _watch(self) -> None:
        while True:
            # Together, so that they share a trip.
            await asyncio.gather(*(self._look(portfolio) for portfolio in self._apps))
            await asyncio.sleep(_LOOK_S)

    async def _look(self, portfolio: str) -> None:
        try:
            look = await self._looks.look(portfolio, self._apps[portfolio])
        except StoreUnavailable as fault:
            log.warning("relay_not_read", portfolio=portfolio, fault=str(fault))
            return
        if look.has_ended:
            self._ended[portfolio].set()
        for app, at_ms in look.due_at_ms.items():
            if at_ms <= look.now_ms:
                self.wake(portfolio, app)

    async def _report(self, portfolio: str) -> None:
        more = False
        while True:
            if not more:
                await self._ended[portfolio].wait()
                self._ended[portfolio].clear()
            try:
                more = await self._endings.report(portfolio)
            except StoreUnavailable as fault:
                log.warning("endings_not_reported", portfolio=portfolio, fault=str(fault))
                more = False
