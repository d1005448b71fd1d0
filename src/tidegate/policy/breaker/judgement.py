"""What a breaker means for a send."""

from __future__ import annotations

from typing import Final

from tidegate.policy.breaker.machine import state_at
from tidegate.policy.breaker.record import Breaker, State
from tidegate.policy.facts import Case
from tidegate.policy.reach import Action, Covers, Scope, subject_of
from tidegate.policy.verdict import Objection, Reason

_FINAL: Final = frozenset({Reason.TEMPLATE_DISABLED, Reason.TEMPLATE_UNKNOWN, Reason.RECIPIENT_SUPPRESSED})
_PACING: Final = frozenset({Reason.PAIR_RATE, Reason.THROUGHPUT, Reason.UPSTREAM_THROTTLED})
_OF_ONE_USER: Final = frozenset({Scope.RECIPIENT, Scope.PAIR})


def covers(breaker: Breaker, case: Case, recipient: bytes | None = None) -> bool:
    """Whether a send is within its scope, open or not.

    A case does not name the user: breakers on users and pairs cover it only where `recipient` (16 bytes) does.
    """
    if breaker.action is Action.PAUSE_POLLING or not breaker.covers.includes(case):
        return False
    return subject_of(case, recipient).value(breaker.scope) == breaker.value


def objection(breaker: Breaker, now_ms: int) -> Objection | None:
    """Its no to a send that it covers; None unless it is open, and stops rather than throttles.

    Half open it has no objection of its own: `probe_every_ms` bounds the probes, `probe_objection` says no to others.
    """
    if not breaker.action.blocks or state_at(breaker, now_ms) is not State.OPEN:
        return None
    return Objection(
        breaker.reason,
        _detail(breaker, "stopped"),
        until_ms=breaker.until_ms,
        final=breaker.reason in _FINAL,
        pacing=breaker.reason in _PACING,
    )


def probe_every_ms(breaker: Breaker, now_ms: int) -> int | None:
    """While half open: one send in its scope every so often, on all nodes together. None: no such bound."""
    return breaker.trickle_ms if state_at(breaker, now_ms) is State.HALF_OPEN else None


def probe_objection(breaker: Breaker, probe_at_ms: int) -> Objection:
    """The no to a send while half open, when another one is the probe; the next one's turn is at `probe_at_ms`."""
    spread_ms = breaker.trickle_ms or 0
    return Objection(breaker.reason, _detail(breaker, "tried one by one"), until_ms=probe_at_ms, spread_ms=spread_ms)


def reclassifies(breaker: Breaker, case: Case, now_ms: int) -> bool:
    """Whether this send, whatever its template says, is to be judged as marketing now."""
    in_force = breaker.action is Action.RECLASSIFY and state_at(breaker, now_ms) is State.OPEN
    return in_force and covers(breaker, case)


def _detail(breaker: Breaker, what: str) -> str:
    # The hash of a user tells a reader nothing.
    whom = "this user" if breaker.scope in _OF_ONE_USER else f"{breaker.scope.value} {breaker.value}"
    messages = "all" if breaker.covers is Covers.EVERYTHING else breaker.covers.value.replace("_", "-")
    return f"{messages} messages of {whom} are {what} after {breaker.cause} (rule {breaker.rule})"
