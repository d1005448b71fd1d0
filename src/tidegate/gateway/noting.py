"""What an accepted message teaches, noted off the way of its answer: a count more, a name of its user's."""

from __future__ import annotations

import asyncio

import structlog

from tidegate.clock import StoreClock
from tidegate.cloudapi.answers import Acceptance
from tidegate.errors import StoreUnavailable
from tidegate.gateway.message import Message
from tidegate.policy.users import links_of_answer
from tidegate.store.aliases import Aliases
from tidegate.store.outcomes import Outcomes
from tidegate.tasks import spawn

log = structlog.get_logger()


class Noting:
    """Notes acceptances. What is lost is lost to early warning, or learned again from the next webhook."""

    def __init__(self, outcomes: Outcomes, aliases: Aliases, clock: StoreClock) -> None:
        self._outcomes = outcomes
        self._aliases = aliases
        self._clock = clock
        self._writing: set[asyncio.Task[None]] = set()

    def accepted(self, message: Message, acceptance: Acceptance) -> None:
        """Meta took a message."""
        task = spawn(self._note(message, acceptance), "settle")
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def ended(self, timeout_s: float) -> None:
        """Return when everything is noted, or after `timeout_s`."""
        if self._writing:
            await asyncio.wait(self._writing, timeout=timeout_s)

    async def _note(self, message: Message, acceptance: Acceptance) -> None:
        portfolio, now_ms = message.route.portfolio, self._clock.now_ms()
        links = links_of_answer(message.request, acceptance, now_ms)
        try:
            await self._outcomes.accepted(portfolio, message.message_id, message.user, message.noted())
            if links:
                await self._aliases.learn(portfolio, links, now_ms)
        except StoreUnavailable as error:
            log.warning("acceptance_not_noted", message_id=message.message_id, fault=str(error))
