"""Whether what happened to a breaker is worth telling all nodes."""

from __future__ import annotations

from typing import Final

from tidegate.policy.breaker.record import Breaker, State

#: Of several sends that meet the same trouble within this span one moves the breaker: the others tell nothing new.
SAME_NEWS_MS: Final = 1_000
#: A closed breaker that is proven to be closed again and again is not written at every read.
PROOF_EVERY_MS: Final = 3_600_000


def tells_nothing(before: Breaker | None, after: Breaker) -> bool:
    """Whether a step only repeats what is known, so that it is not worth another epoch."""
    if before is None:
        return after.state is State.CLOSED
    if _course(before) != _course(after):
        return False
    if after.state is State.CLOSED:
        # What a closed breaker remembers of its proofs matters to late news only, to which an hour is no difference.
        return after.proven_at_ms - before.proven_at_ms < PROOF_EVERY_MS and after.event_at_ms == before.event_at_ms
    later_ms = after.event_at_ms - before.event_at_ms
    longer_ms = (after.until_ms or 0) - (before.until_ms or 0)
    same_end = (after.until_ms is None) is (before.until_ms is None)
    return later_ms < SAME_NEWS_MS and same_end and 0 <= longer_ms < SAME_NEWS_MS


def _course(breaker: Breaker) -> tuple[State, float, int, int, bool]:
    return breaker.state, breaker.level, breaker.probes_ok, breaker.failures, breaker.by_hand
