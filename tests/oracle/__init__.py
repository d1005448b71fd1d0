"""The judge of runs: what has to hold, as functions over what the doubles of a test saw. Pure; knows no gateway."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from tests.oracle import limit, liveness, sends, stops
from tests.oracle.events import History, Violation

#: Which checker judges which invariants.
CHECKERS: Final[dict[str, Callable[[History], Iterator[Violation]]]] = {
    "S1": limit.rolling_limit,
    "S2": sends.at_most_once,
    "S3": sends.no_blind_retry,
    "S4": sends.no_phantoms,
    "S5": sends.idempotent,
    "S6": stops.opt_out,
    "S7 S9": stops.stopped_scopes,
    "S8": stops.window,
    "S10": limit.never_counts_too_few,
    "S12": sends.monotone_status,
    "S14": limit.holds_after_amnesia,
    "S16": stops.throughput,
    "S17": sends.deadline,
    "L1": liveness.never_lost,
}


def check_all(history: History) -> tuple[Violation, ...]:
    """Everything that did not hold, in the order of time."""
    found = [violation for check in CHECKERS.values() for violation in check(history)]
    return tuple(sorted(found, key=lambda violation: violation.at_ms))
