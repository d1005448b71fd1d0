"""Login codes: the steady trickle beside a campaign that must never wait for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import aiohttp

from loadtest.deployment import LOGIN_CODE
from loadtest.stage import Stage

#: Customers who come back, and those who log in once; no recipient of a campaign is among them.
_RETURNING: Final = "1556{:07d}"
_NEW: Final = "1557{:07d}"


@dataclass(slots=True)
class LoginCodes:
    """Asks for a code every `every_ms`, for one of `circle` customers in turn.

    Every `new_every`th is for a user who was never written to; 0: none is.
    `waits_ms`: from asking to the platform's acceptance by its own book, one a code that was sent.
    `refused` by reason: codes that were answered anything but sent.
    """

    stage: Stage
    every_ms: int
    circle: int
    new_every: int = 0
    waits_ms: list[int] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    _asked: int = 0
    _seen: int = 0

    @property
    def sent(self) -> int:
        """Codes that the platform accepted."""
        return len(self.waits_ms)

    @property
    def slowest_ms(self) -> int:
        """The longest wait; 0 where none was sent."""
        return max(self.waits_ms, default=0)

    async def run(self) -> None:
        """Ask until cancelled. A code asked for late, because the machine was busy, counts from its asking."""
        at_ms = self.stage.time()
        while True:
            await self.stage.time.sleep_until(at_ms)
            await self.ask()
            at_ms = max(at_ms + self.every_ms, self.stage.time())

    async def ask(self) -> None:
        """Ask for the next code and note how it went."""
        user = self._next_user()
        book = self.stage.simulator.world.book
        begun, asked_at_ms = len(book.accepted), self.stage.time()
        try:
            told = await self.stage.caller.send_template(user, LOGIN_CODE)
        except aiohttp.ClientError as error:
            self._refuse(type(error).__name__)
            return
        if told.verdict != "send":
            self._refuse(told.reason or str(told.status))
            return
        # Counted by the platform's acceptance, not by our answer: the answer's way back is not the code's.
        accepted = next((send for send in book.accepted[begun:] if send.user == user), None)
        if accepted is None:
            self._refuse("answered as sent, and not in the platform's book")
            return
        self.waits_ms.append(max(0, accepted.at_ms - asked_at_ms))

    def _next_user(self) -> str:
        self._asked += 1
        if self.new_every and self._asked % self.new_every == 0:
            return _NEW.format(self._asked)
        self._seen += 1
        return _RETURNING.format(self._seen % self.circle)

    def _refuse(self, why: str) -> None:
        self.refused[why] = self.refused.get(why, 0) + 1
