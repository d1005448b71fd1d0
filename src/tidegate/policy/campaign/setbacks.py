"""What Meta said against a campaign's templates and numbers, or a breaker did, since a step began: each fails its gate.

A breaker counts when it stops messages for how they are received; one that only slows them down, waits for Meta's
servers, for money or for a token says nothing of the campaign.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from tidegate.policy.breaker import Board
from tidegate.policy.fall import is_fall
from tidegate.policy.reach import Scope
from tidegate.policy.verdict import Reason

_RECEPTION: Final = frozenset(
    {
        Reason.TEMPLATE_PAUSED,
        Reason.TEMPLATE_DISABLED,
        Reason.NUMBER_STANDING,
        Reason.ACCOUNT_RESTRICTED,
        Reason.ACCOUNT_LOCKED,
        Reason.CAMPAIGN_HALTED,
    }
)


class Happened(Protocol):
    """One field of the standing that changed (`store.standing_history.StandingEvent`)."""

    @property
    def kind(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def field(self) -> str: ...
    @property
    def before(self) -> Any: ...
    @property
    def after(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class Places:
    """What a campaign stands on: its templates (`waba:language:name`), its numbers and their accounts, its category."""

    portfolio: str
    templates: frozenset[str]
    numbers: frozenset[str]
    wabas: frozenset[str]
    category: str | None

    def holds(self, scope: Scope, value: str) -> bool:
        """Whether a breaker of this scope and value concerns the campaign (`reach.Subject.value`)."""
        match scope:
            case Scope.TEMPLATE:
                return value in self.templates
            case Scope.CATEGORY:
                number, _, category = value.partition(":")
                return number in self.numbers and category == self.category
            case Scope.NUMBER:
                return value in self.numbers
            case Scope.WABA:
                return value in self.wabas
            case Scope.PORTFOLIO:
                return value == self.portfolio
            case _:
                return False


def setbacks(events: Iterable[Happened], places: Places, breakers: Board) -> tuple[str, ...]:
    """The changes for the worse that speak against a campaign, in words, without repeats."""
    told = (_told(event, places, breakers) for event in events if _falls(event))
    return tuple(dict.fromkeys(text for text in told if text is not None))


def _falls(event: Happened) -> bool:
    return is_fall(event.kind, event.field, event.before, event.after)


def _told(event: Happened, places: Places, breakers: Board) -> str | None:
    match event.kind:
        case "template":
            return f"template {event.key}: {event.field} {event.after}" if event.key in places.templates else None
        case "number":
            return f"number {event.key}: {event.field} {event.after}" if event.key in places.numbers else None
        case "breaker":
            breaker = breakers.get(event.key)
            if breaker is None or not breaker.action.blocks or breaker.reason not in _RECEPTION:
                return None
            concerned = places.holds(breaker.scope, breaker.value)
            return f"breaker {breaker.rule} on {breaker.scope} {breaker.value}" if concerned else None
        case _:
            return None
