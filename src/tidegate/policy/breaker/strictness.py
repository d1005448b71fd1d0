"""The strictest no of several breakers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

from tidegate.policy.breaker.judgement import objection
from tidegate.policy.breaker.record import Breaker
from tidegate.policy.verdict import Objection


class Modes(Protocol):
    """What knows the mode of a breaker's rule: `enforce`, `shadow` or `off`."""

    def mode(self, breaker: Breaker) -> str: ...


def strictest(breakers: Iterable[Breaker], modes: Modes, now_ms: int) -> Objection | None:
    """The no that weighs most; one of a rule in shadow speaks, marked as such, where no other does."""
    found: list[Objection] = []
    for breaker in breakers:
        no, mode = objection(breaker, now_ms), modes.mode(breaker)
        if no is not None and mode != "off":
            found.append(replace(no, shadow=mode == "shadow"))
    return max(found, key=weight, default=None)


def weight(no: Objection) -> tuple[bool, bool, bool, bool, int]:
    """How much a no weighs: what decides, what is final, what is no mere pacing; of equals what holds longest."""
    return (not no.shadow, no.final, not no.pacing, no.until_ms is None, no.until_ms or 0)
