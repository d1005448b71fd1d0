"""What an accepted message teaches, noted off the way of its answer: a name of its user's."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import structlog

from tidegate.clock import StoreClock
from tidegate.cloudapi.answers import Acceptance
from tidegate.errors import StoreUnavailable
from tidegate.gateway.message import Message
from tidegate.policy.users import links_of_answer
from tidegate.store.aliases import Aliases
from tidegate.tasks import spawn

log = structlog.get_logger()


class Noting:
    """Notes acceptances. What is lost is learned again from the next webhook."""

    def __init__(self, aliases: Aliases, clock: StoreClock) -> None:
        self._aliases = aliases
        self._clock = clock
        self._writing: set[asyncio.Future[Any]] = set()

    def accepted(self, message: Message, acceptance: Acceptance) -> None:
        """Meta took a message, and names its user otherwise than it did."""
        portfolio, now_ms = message.route.portfolio, self._clock.now_ms()
        links = links_of_answer(message.request, acceptance, now_ms)
        if links:
            self._follow(spawn(self._aliases.learn(portfolio, links, now_ms), "note"), message.message_id)

    def _follow(self, writing: asyncio.Future[Any], message_id: str) -> None:
        self._writing.add(writing)
        writing.add_done_callback(partial(self._written, message_id))

    def _written(self, message_id: str, writing: asyncio.Future[Any]) -> None:
        self._writing.discard(writing)
        fault = None if writing.cancelled() else writing.exception()
        if isinstance(fault, StoreUnavailable):
            log.warning("acceptance_not_noted", message_id=message_id, fault=str(fault))
        elif fault is not None:
            context = {"message": "an acceptance was not noted", "exception": fault}
            writing.get_loop().call_exception_handler(context)

    async def ended(self, timeout_s: float) -> None:
        """Return when everything is noted, or after `timeout_s`."""
        if self._writing:
            await asyncio.wait(self._writing, timeout=timeout_s)
