"""The relay of one node: webhooks in by `receive`, out to the apps by `run`."""

from __future__ import annotations

import asyncio
import random
from functools import partial
from typing import Final

import structlog

from tidegate.clock import StoreClock
from tidegate.errors import StoreUnavailable
from tidegate.metrics import Metrics
from tidegate.policy.identity import Identity
from tidegate.relay.delivery import Delivery
from tidegate.relay.endings import Endings
from tidegate.relay.intake import Intake
from tidegate.relay.postbox import Postbox
from tidegate.relay.subscribers import Subscribers
from tidegate.settings import Settings
from tidegate.signals import Whose
from tidegate.store.messages import Messages
from tidegate.store.relays import Relays
from tidegate.store.users import Users
from tidegate.tasks import lasting, spawn

#: How often a node looks for promised messages that ended unsent.
_LOOK_S: Final = 0.5

log = structlog.get_logger()


class Relay:
    """Hands webhooks to the apps that they concern. Of a node whose apps have no `webhook_url` it does nothing."""

    def __init__(
        self,
        settings: Settings,
        *,
        relays: Relays,
        messages: Messages,
        users: Users,
        whose: Whose,
        identity: Identity,
        clock: StoreClock,
        metrics: Metrics,
    ) -> None:
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
            most_waiting=settings.relay.most_waiting,
        )
        self._intake.on_change = self.wake
        display_numbers = {number.id: number.display_phone_number or "" for _, _, number in settings.numbers}
        self._endings = Endings(self.subscribers, relays, messages, self._intake, display_numbers)
        timeout_ms, allow_private = settings.relay.timeout_ms, settings.relay.allow_private
        self._postboxes = {
            one.app: Postbox(one, timeout_ms / 1000, allow_private=allow_private) for one in self.subscribers.all
        }
        self._deliveries = {
            (portfolio, one.app): Delivery(
                portfolio, one.app, relays, self._postboxes[one.app], clock, metrics, timeout_ms, random.Random()
            )
            for one in self.subscribers.all
            for portfolio in one.portfolios
        }

    async def receive(self, raw: bytes) -> None:
        """Keep what a verified body tells for the apps that it concerns. Raises BadWebhook, StoreUnavailable."""
        await self._intake.receive(raw)

    def wake(self, portfolio: str, app: str) -> None:
        """Look at what waits for an app now."""
        delivery = self._deliveries.get((portfolio, app))
        if delivery is not None:
            delivery.wake()

    async def run(self) -> None:
        """Deliver, and tell of what ended unsent, until cancelled."""
        duties = {f"relay to {app} of {portfolio}": one.run for (portfolio, app), one in self._deliveries.items()}
        for portfolio in dict.fromkeys(portfolio for portfolio, _ in self._deliveries):
            duties[f"endings of {portfolio}"] = partial(self._report, portfolio)
        if not duties:
            return
        tasks = [spawn(lasting(duty, name), name) for name, duty in duties.items()]
        try:
            await asyncio.wait(tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for postbox in self._postboxes.values():
                await postbox.close()

    async def _report(self, portfolio: str) -> None:
        while True:
            try:
                more = await self._endings.report(portfolio)
            except StoreUnavailable as fault:
                log.warning("endings_not_reported", portfolio=portfolio, fault=str(fault))
                more = False
            if not more:
                await asyncio.sleep(_LOOK_S)
