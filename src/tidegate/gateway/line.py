"""The line before a number: sends that wait for its next free turn."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from tidegate.clock import StoreClock
from tidegate.gateway.message import Message
from tidegate.pacer import Room
from tidegate.policy.facts import Case, Terms
from tidegate.policy.verdict import Objection, Queue, Reason, Reject, Verdict, Wait

#: A send that was admitted starts within this span of its asking, or not at all: whoever acknowledges a stop waits
#: this long first, and from then on no send that was admitted before the stop can start.
START_BY_MS: Final = 200


class Line(Struct, gc=False):
    """One send's place in the line before its number: who was there first, and more urgent, goes first.

    `message`: as it came: whatever it is judged as, it stays where it is in the line.
    `asked_ms`: when it was to be admitted last (this node's time). `rounds`: how often it did not go since it waited
    last. `turn_at_ms`: when its turn may come, where others are before it (the store's time).
    """

    room: Room
    clock: StoreClock
    message: Message
    began_ms: float
    asked_ms: float
    rounds: int = 0
    has_turn: bool = False
    turn_at_ms: int | None = None

    def joins(self, terms: Terms) -> bool:
        """Whether this send joins the line, for others are before it; else it may ask the ledger."""
        if self.has_turn:
            return False
        waits = terms.throughput_emission_us > 0 and terms.waits_for_throughput
        self.turn_at_ms = self.room.turn_at_ms(self.message.priority) if waits else None
        return self.turn_at_ms is not None

    def may_start(self) -> bool:
        """Whether what it was admitted to may still begin."""
        return self.clock.monotonic_s() * 1000 - self.asked_ms <= START_BY_MS

    def verdict(self, case: Case, now_ms: int) -> Verdict:
        """What becomes of a send that has joined the line."""
        assert self.turn_at_ms is not None
        detail = "the number's messages per second are used up, and others wait before this one"
        objection = Objection(Reason.THROUGHPUT, detail, until_ms=self.turn_at_ms, pacing=True)
        fits = self.turn_at_ms - now_ms <= case.pacing_wait_ms
        return Wait(objection, self.turn_at_ms) if fits else given_up(case, objection)

    async def wait(self, wait: Wait, case: Case, terms: Terms) -> Verdict | None:
        """Wait for the turn; None when it came, else what becomes of the send."""
        if wait.objection.reason is not Reason.THROUGHPUT:
            await self.clock.sleep_until(wait.until_ms)
            return None
        emission_ms = terms.throughput_emission_us / 1000
        # One who joins the line knows only an estimate of its own turn, not when the next turn comes.
        opens_at_ms, self.turn_at_ms = None if self.turn_at_ms is not None else wait.until_ms, None
        self.has_turn = await self.room.wait(
            self.message.priority, self.began_ms, opens_at_ms, emission_ms, case.pacing_wait_ms
        )
        return None if self.has_turn else given_up(case, wait.objection)


def given_up(case: Case, objection: Objection) -> Verdict:
    """What becomes of a send whose turn does not come in time."""
    if case.hold:
        return Queue(objection.reason, objection.detail, objection.until_ms)
    return Reject(objection.reason, objection.detail, objection.until_ms, pacing=True)
