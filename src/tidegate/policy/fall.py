"""Changes of standing for the worse: which they are, and whose sends may have led to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from tidegate.cloudapi.vocabulary import UNLIMITED, NumberStatus, Quality, TemplateStatus
from tidegate.policy.breaker import State
from tidegate.policy.reach import Scope

_SEVERITY: Final = {Quality.YELLOW.value: 1, Quality.RED.value: 2}
_BAD_STATUS: Final = {
    "number": frozenset(
        {NumberStatus.FLAGGED, NumberStatus.RESTRICTED, NumberStatus.RATE_LIMITED, NumberStatus.BANNED}
    ),
    "template": frozenset({TemplateStatus.FLAGGED, TemplateStatus.PAUSED, TemplateStatus.DISABLED}),
}


@dataclass(frozen=True, slots=True)
class Place:
    """What a record of the standing is about: a number, an account, or (neither) a whole portfolio.

    `is_personal`: it is about one user.
    """

    waba: str | None = None
    number: str | None = None
    is_personal: bool = False


def place_of(kind: str, key: str) -> Place:
    """What a record is about, by its kind and key (as in `standing.Change`; a breaker's is its id)."""
    match kind:
        case "number":
            return Place(number=key)
        case "template" | "wallet" | "account":
            return Place(waba=key.partition(":")[0])
        case "warming":
            # A ramp has the id of what is warmed up: `number:...`, `template:...`.
            return place_of(*key.split(":", 1)) if ":" in key else Place()
        case "breaker":
            return _place_of_breaker(key)
        case _:
            return Place()


def _place_of_breaker(breaker_id: str) -> Place:
    _, scope, value = (*breaker_id.split("/", 2), "", "")[:3]
    match scope:
        case Scope.NUMBER | Scope.CATEGORY:
            return Place(number=value.partition(":")[0])
        case Scope.TEMPLATE | Scope.WABA | Scope.TOKEN:
            return Place(waba=value.partition(":")[0])
        case Scope.RECIPIENT | Scope.PAIR:
            return Place(is_personal=True)
        case _:
            return Place()


def is_fall(kind: str, field: str, before: Any, after: Any) -> bool:
    """Whether a change is one for the worse: a rating down to yellow or red, a template flagged, paused or disabled, a
    number flagged, restricted, slowed down or banned, a limit lowered, a breaker opened.

    Source: Meta, "Quality rating", "Template pausing", phone number node. A first rating that is bad is a fall too.
    """
    match kind, field:
        case (("number" | "template"), "quality"):
            return _SEVERITY.get(after, 0) > _SEVERITY.get(before, 0)
        case (("number" | "template"), "status"):
            return after != before and after in _BAD_STATUS[kind]
        case "limit", "limit":
            return _places(after) < _places(before)
        case "breaker", "state":
            return (before, after) == (State.CLOSED.value, State.OPEN.value)
        case _:
            return False


def _places(limit: Any) -> float:
    if not isinstance(limit, int):
        return 0.0
    return float("inf") if limit == UNLIMITED else float(limit)
