"""The line before a number: sends that wait for its next free turn."""

from __future__ import annotations

from tidegate.clock import StoreClock
from tidegate.pacer import Room
from tidegate.policy.facts import Case, Terms
from tidegate.policy.verdict import Objection, Queue, Reason, Reject, Verdict, Wait


class Line:
    """One send's place in the line before its number: who was there first, and more urgent, goes first."""

    __slots__ = ("_arrival", "_has_turn", "_joined", "_priority", "_room", "began_ms")

    def __init__(self, room: Room, priority: int, began_ms: float) -> None:
        self._room = room
        self._priority = priority
        self._arrival = room.arrival()
        self._has_turn = False
        self._joined = False
        self.began_ms = began_ms

    def verdict(self, case: Case, terms: Terms, now_ms: int) -> Verdict | None:
        """What the line says to this send; None: it may ask the ledger."""
        turn_at_ms = None if self._has_turn else self._room.turn_at_ms(self._priority)
        self._has_turn = False
        self._joined = turn_at_ms is not None and terms.throughput_emission_us > 0 and terms.waits_for_throughput
        if turn_at_ms is None or not self._joined:
            return None
        detail = "the number's messages per second are used up, and others wait before this one"
        objection = Objection(Reason.THROUGHPUT, detail, until_ms=turn_at_ms, pacing=True)
        fits = turn_at_ms - now_ms <= case.pacing_wait_ms
        return Wait(objection, turn_at_ms) if fits else given_up(case, objection)

    async def wait(self, wait: Wait, case: Case, terms: Terms, clock: StoreClock) -> Verdict | None:
        """Wait for the turn; None when it came, else what becomes of the send."""
        if wait.objection.reason is not Reason.THROUGHPUT:
            await clock.sleep_until(wait.until_ms)
            return None
        emission_ms = terms.throughput_emission_us / 1000
        # One who joins the line knows only an estimate of its own turn, not when the next turn comes.
        opens_at_ms = None if self._joined else wait.until_ms
        self._has_turn = await self._room.wait(
            self._priority, self._arrival, opens_at_ms, emission_ms, case.pacing_wait_ms
        )
        return None if self._has_turn else given_up(case, wait.objection)


def given_up(case: Case, objection: Objection) -> Verdict:
    """What becomes of a send whose turn does not come in time."""
    if case.hold:
        return Queue(objection.reason, objection.detail, objection.until_ms)
    return Reject(objection.reason, objection.detail, objection.until_ms, pacing=True)
