"""Breakers and events for tests, each with what most tests want."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.factories import NOW_MS, NUMBER
from tidegate.policy.breaker import Breaker, Event, Grip, Kind, step
from tidegate.policy.reach import Action, Covers, Scope
from tidegate.policy.verdict import Reason

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


def make_grip(**changes: Any) -> Grip:
    """A hold of an hour on a number's business-initiated messages, with one probe a minute after it."""
    values: dict[str, Any] = {
        "rule": "spam_rate",
        "scope": Scope.NUMBER,
        "value": NUMBER,
        "covers": Covers.BUSINESS_INITIATED,
        "action": Action.HOLD,
        "reason": Reason.NUMBER_STANDING,
        "for_ms": HOUR_MS,
        "trickle_ms": MINUTE_MS,
    }
    return Grip(**values | changes)


def make_throttle(**changes: Any) -> Grip:
    """AIMD: half of what is left, and all of it back within a minute from nothing."""
    values: dict[str, Any] = {"action": Action.THROTTLE, "share": 0.5, "recover_ms": MINUTE_MS}
    return make_grip(**{"for_ms": None, "trickle_ms": None} | values | changes)


def tripped(at_ms: int, grip: Grip | None = None, **changes: Any) -> Event:
    """Bad news that holds for as long as its grip says."""
    grip = grip or make_grip()
    until_ms = None if grip.for_ms is None else at_ms + grip.for_ms
    return replace(Event(Kind.TRIP, at_ms, "error.131048", grip, until_ms), **changes)


def told(kind: Kind, at_ms: int, cause: str = "a test") -> Event:
    return Event(kind, at_ms, cause)


def after(*events: tuple[int, Event], breaker: Breaker | None = None) -> Breaker:
    """The breaker after events, each with the store's time at which it arrives."""
    for now_ms, event in events:
        breaker = step(breaker, event, now_ms)
    assert breaker is not None
    return breaker


def open_since(at_ms: int = NOW_MS, grip: Grip | None = None, **changes: Any) -> Breaker:
    return after((at_ms, tripped(at_ms, grip, **changes)))
