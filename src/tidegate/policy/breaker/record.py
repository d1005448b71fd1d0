"""What is kept of a breaker, and how it is written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Final

from tidegate.policy.reach import Action, Covers, Scope
from tidegate.policy.verdict import Reason


class State(StrEnum):
    """Whether sends pass: all of them, none, or one now and then to see how it goes."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grip:
    """What a trip takes hold of, and how it lets go: a rule's terms for one value of its scope."""

    rule: str
    scope: Scope
    value: str
    covers: Covers
    action: Action
    reason: Reason
    share: float = 1.0
    """Of a throttle: the share of the pace that is left; with `recover_ms` what each cut leaves of the pace before."""
    for_ms: int | None = None
    """How long one trip holds; None when only a given end or a proof does."""
    trickle_ms: int | None = None
    """While half open: one probe every so often. None: it closes when its time is up, and is never half open."""
    probes: int = 1
    """How many probes have to go well before it closes."""
    factor: int = 1
    """Each failed probe holds this many times as long as the one before, up to `longest_ms`."""
    longest_ms: int | None = None
    recover_ms: int | None = None
    """Of a throttle: the time in which the pace grows back from nothing to all, linearly (AIMD)."""

    @property
    def id(self) -> str:
        """One breaker a rule and value of its scope."""
        return breaker_id(self.rule, self.scope, self.value)

    def terms(self) -> dict[str, Any]:
        """The terms alone, by field, also of a breaker that they have tripped."""
        return {field.name: getattr(self, field.name) for field in fields(Grip)}


def breaker_id(rule: str, scope: Scope, value: str) -> str:
    return f"{rule}/{scope.value}/{value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker(Grip):
    """One breaker. All times are ms since the epoch; 0 stands for never."""

    state: State = State.CLOSED
    """As of the last event: `state_at` knows what time has done since."""
    opened_at_ms: int = 0
    until_ms: int | None = None
    """When it is half open, or closed where there is no trickle; None: not by time."""
    cause: str = ""
    event_at_ms: int = 0
    """When the newest bad news happened."""
    eased_at_ms: int = 0
    """When a webhook last said that it is over."""
    proven_at_ms: int = 0
    """Up to when it is proven to be over."""
    probes_ok: int = 0
    """How many probes went well since it became half open."""
    failures: int = 0
    """How many probes failed since it opened."""
    level: float = 1.0
    """Of a throttle: the share of the pace that was left at `event_at_ms`."""
    by_hand: bool = False
    """Opened by an operator: neither a read nor a probe closes it."""


def to_json(breaker: Breaker) -> dict[str, Any]:
    """The record as values that JSON has."""
    record = {field.name: getattr(breaker, field.name) for field in fields(Breaker)}
    return {name: value.value if isinstance(value, StrEnum) else value for name, value in record.items()}


# A word that a newer version has added reads as the strictest that this one knows.
_WORDS: Final[Mapping[str, tuple[type[StrEnum], StrEnum]]] = {
    "covers": (Covers, Covers.EVERYTHING),
    "action": (Action, Action.STOP),
    "reason": (Reason, Reason.NUMBER_STANDING),
    "state": (State, State.OPEN),
}


def from_json(record: Mapping[str, Any]) -> Breaker:
    """The breaker of a record, also of one that an older or a newer version has written.

    Fields that are not known are left out, those that are missing are as in a new breaker. Raises ValueError for a
    record that does not say what it is about, or names a scope that is not known: it can be placed nowhere.
    """
    known = {field.name for field in fields(Breaker)}
    values = {name: value for name, value in record.items() if name in known}
    for name, (words, strictest) in _WORDS.items():
        if name in values:
            values[name] = words(values[name]) if values[name] in tuple(words) else strictest
    try:
        values["scope"] = Scope(values["scope"])
        return Breaker(**values)
    except (KeyError, TypeError) as error:
        raise ValueError("a breaker's record lacks what it is about") from error
