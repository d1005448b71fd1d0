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

    `message`: as it came: whatever it is judged as, it stays where it is in the line. `arrival`: its place in the room.
    `asked_ms`: when it was to be admitted last (this node's time). `rounds`: how often it did not go since it waited
    last.
    """

    room: Room
    clock: StoreClock
    message: Message
    arrival: int
    began_ms: float
    asked_ms: float
    rounds: int = 0
    has_turn: bool = False
    joined: bool = False

    def turn_at_ms(self, terms: Terms) -> int | None:
        """When the turn comes of this send, if it is not the first in line; None: it may ask the ledger."""
        if self.has_turn:
            return None
        turn_at_ms = self.room.turn_at_ms(self.message.priority)
        self.joined = turn_at_ms is not None and terms.throughput_emission_us > 0 and terms.waits_for_throughput
        return turn_at_ms if self.joined else None

    def may_start(self) -> bool:
        """Whether what it was admitted to may still begin."""
        return self.clock.monotonic_ms() - self.asked_ms <= START_BY_MS

    def verdict(self, case: Case, turn_at_ms: int, now_ms: int) -> Verdict:
        """What becomes of a send whose turn comes then."""
        detail = "the number's messages per second are used up, and others wait before this one"
        objection = Objection(Reason.THROUGHPUT, detail, until_ms=turn_at_ms, pacing=True)
        fits = turn_at_ms - now_ms <= case.pacing_wait_ms
        return Wait(objection, turn_at_ms) if fits else given_up(case, objection)

    async def wait(self, wait: Wait, case: Case, terms: Terms) -> Verdict | None:
        """Wait for the turn; None when it came, else what becomes of the send."""
        if wait.objection.reason is not Reason.THROUGHPUT:
            await self.clock.sleep_until(wait.until_ms)
            return None
        emission_ms = terms.throughput_emission_us / 1000
        # One who joins the line knows only an estimate of its own turn, not when the next turn comes.
        opens_at_ms, self.joined = None if self.joined else wait.until_ms, False
        self.has_turn = await self.room.wait(
            self.message.priority, self.arrival, opens_at_ms, emission_ms, case.pacing_wait_ms
        )
        return None if self.has_turn else given_up(case, wait.objection)


def given_up(case: Case, objection: Objection) -> Verdict:
    """What becomes of a send whose turn does not come in time."""
    if case.hold:
        return Queue(objection.reason, objection.detail, objection.until_ms)
    return Reject(objection.reason, objection.detail, objection.until_ms, pacing=True)
