"""Feeds a campaign to the gateway as a campaign tool does: as much as will be sent in time, the refused again."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

import aiohttp

from loadtest.caller import Told
from loadtest.deployment import MARKETING
from loadtest.stage import Stage

_AT_ONCE: Final = 64
RECIPIENT: Final = "1555{:07d}"


@dataclass(slots=True)
class Feed:
    """Keeps `depth` messages waiting in the gateway's queue, each for a recipient of its own, until `recipients` end.

    A queued message expires after `rules.max_wait`, so a tool does not hand over a year's work at once.
    `answers`: how each call was answered: sent, queued, unknown; `refused`: by reason.
    """

    stage: Stage
    recipients: Iterator[str]
    depth: int
    template: str = MARKETING
    answers: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    _again: deque[str] = field(default_factory=deque)
    _ended: bool = False

    @property
    def finished(self) -> bool:
        """Whether every recipient was handed over."""
        return self._ended and not self._again

    async def top_up(self) -> int:
        """Hand over what is missing to `depth`; how many were taken."""
        taken = 0
        while not self.finished and (missing := self.depth - self.stage.look().queued) > 0:
            batch = self._next(missing)
            results = await self._hand_over(batch)
            taken += sum(results)
            if batch and not any(results):
                break  # nothing is taken at the moment: after the next step again
        return taken

    def _next(self, most: int) -> list[str]:
        batch = [self._again.popleft() for _ in range(min(most, len(self._again)))]
        fresh = list(islice(self.recipients, most - len(batch)))
        self._ended = self._ended or len(batch) + len(fresh) < most
        return batch + fresh

    async def _hand_over(self, batch: list[str]) -> list[bool]:
        room = asyncio.Semaphore(_AT_ONCE)

        async def one(user: str) -> bool:
            async with room:
                return await self._send(user)

        return await asyncio.gather(*(one(user) for user in batch))

    async def _send(self, user: str) -> bool:
        try:
            told = await self.stage.caller.send_template(user, self.template)
        except aiohttp.ClientError as error:
            self.refused[type(error).__name__] += 1
            self._again.append(user)
            return False
        return self._note(user, told)

    def _note(self, user: str, told: Told) -> bool:
        if told.kept:
            self.answers[told.verdict] += 1
            return True
        self.refused[told.reason or f"HTTP {told.status}"] += 1
        self._again.append(user)
        return False


def everybody() -> Iterator[str]:
    """Recipients without end, none twice."""
    return (RECIPIENT.format(number) for number in range(10_000_000))
