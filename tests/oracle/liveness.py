"""What is promised to happen, once all is well again: L1.

L2 (places come back), L3 (work conserving), L4 (the urgent first), L5 (throughput after a fault) and L6 (a node ends
in half a minute) are statements about times and rates. Those of a simulated run are the simulation's: they are judged
with real processes, by the tests of the system and of work conservation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tests.oracle.events import Accepted, History, Promised, Told, Violation

#: What a message may be at the end: it has ended, waits with a deadline ahead, or is told to be unknown.
_SETTLED: Final = frozenset(
    {"queued", "accepted", "sent", "delivered", "read", "failed", "expired", "cancelled", "unknown", "unresolved"}
)


def never_lost(history: History) -> Iterator[Violation]:
    """L1: what was promised is known at the end, and is nowhere in between."""
    told = {answer.message_id: answer for answer in history.of(Told)}
    taken = {accepted.message_id for accepted in history.of(Accepted)}
    for promise in history.of(Promised):
        if promise.verdict not in ("send", "queue", "unknown"):
            continue
        answer = told.get(promise.message_id)
        if answer is None:
            continue
        if not answer.state and promise.message_id not in taken:
            yield Violation("L1", answer.at_ms, f"{promise.message_id} was promised ({promise.verdict}), and is lost")
        elif answer.state and answer.state not in _SETTLED:
            yield Violation("L1", answer.at_ms, f"{promise.message_id} is still {answer.state}")


def lost(history: History) -> int:
    """How many messages were promised, and are neither taken nor known at the end."""
    return sum(1 for violation in never_lost(history) if violation.what.endswith("lost"))
