"""What Meta or a breaker says against a campaign: only the worse, and only of what it stands on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.factories import NUMBER, PORTFOLIO, WABA
from tidegate.policy.breaker import Board, Breaker, State
from tidegate.policy.campaign.setbacks import Places, setbacks
from tidegate.policy.reach import Action, Covers, Scope
from tidegate.policy.verdict import Reason

TEMPLATE = f"{WABA}:en_US:offer:of:spring"
PLACES = Places(PORTFOLIO, frozenset({TEMPLATE}), frozenset({NUMBER}), frozenset({WABA}), "marketing")


@dataclass(frozen=True)
class Event:
    kind: str
    key: str
    field: str
    before: Any
    after: Any


def breaker(scope: Scope, value: str, action: Action = Action.STOP, reason: Reason = Reason.NUMBER_STANDING) -> Breaker:
    return Breaker(
        rule="rule", scope=scope, value=value, covers=Covers.MARKETING, action=action, reason=reason, state=State.OPEN
    )


def opened(*breakers: Breaker) -> tuple[list[Event], Board]:
    return [Event("breaker", one.id, "state", "closed", "open") for one in breakers], Board(breakers)


@pytest.mark.parametrize(
    ("event", "said"),
    [
        pytest.param(
            Event("template", TEMPLATE, "status", "APPROVED", "PAUSED"),
            f"template {TEMPLATE}: status PAUSED",
            id="its template is paused",
        ),
        pytest.param(
            Event("template", TEMPLATE, "quality", "GREEN", "YELLOW"),
            f"template {TEMPLATE}: quality YELLOW",
            id="its template turns yellow",
        ),
        pytest.param(Event("template", TEMPLATE, "quality", "RED", "YELLOW"), None, id="a template that recovers"),
        pytest.param(Event("template", f"{WABA}:en_US:other", "quality", "GREEN", "RED"), None, id="another template"),
        pytest.param(
            Event("number", NUMBER, "quality", "GREEN", "RED"), f"number {NUMBER}: quality RED", id="its number"
        ),
        pytest.param(Event("number", "1", "quality", "GREEN", "RED"), None, id="another number"),
        pytest.param(Event("limit", "limit", "limit", 10_000, 2_000), None, id="a lower limit only slows it down"),
    ],
)
def test_what_meta_says_counts_when_it_is_worse_and_of_the_campaign(event: Event, said: str | None) -> None:
    assert setbacks([event], PLACES, Board()) == (() if said is None else (said,))


@pytest.mark.parametrize(
    ("scope", "value", "counts"),
    [
        (Scope.TEMPLATE, TEMPLATE, True),
        (Scope.TEMPLATE, f"{WABA}:de:offer:of:spring", False),
        (Scope.CATEGORY, f"{NUMBER}:marketing", True),
        (Scope.CATEGORY, f"{NUMBER}:utility", False),
        (Scope.CATEGORY, "1:marketing", False),
        (Scope.NUMBER, NUMBER, True),
        (Scope.NUMBER, "1", False),
        (Scope.WABA, WABA, True),
        (Scope.WABA, "1", False),
        (Scope.PORTFOLIO, PORTFOLIO, True),
        (Scope.PORTFOLIO, "other", False),
        (Scope.TOKEN, WABA, False),
    ],
)
def test_a_breaker_counts_where_it_concerns_the_campaign(scope: Scope, value: str, counts: bool) -> None:
    events, board = opened(breaker(scope, value))

    assert setbacks(events, PLACES, board) == ((f"breaker rule on {scope} {value}",) if counts else ())


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        pytest.param(Action.THROTTLE, Reason.NUMBER_STANDING, id="what slows it down"),
        pytest.param(Action.HOLD, Reason.UPSTREAM_THROTTLED, id="what waits for Meta's servers"),
        pytest.param(Action.STOP, Reason.BUDGET, id="what waits for money"),
    ],
)
def test_a_breaker_that_says_nothing_of_the_campaign_does_not_count(action: Action, reason: Reason) -> None:
    events, board = opened(breaker(Scope.NUMBER, NUMBER, action, reason))

    assert setbacks(events, PLACES, board) == ()


def test_a_breaker_that_is_forgotten_or_closes_does_not_count() -> None:
    events, board = opened(breaker(Scope.NUMBER, NUMBER))
    closes = Event("breaker", events[0].key, "state", "open", "closed")

    assert setbacks(events, PLACES, Board()) == ()
    assert setbacks([closes], PLACES, board) == ()


def test_what_is_said_twice_is_told_once() -> None:
    events, board = opened(breaker(Scope.NUMBER, NUMBER))

    assert len(setbacks(events * 2, PLACES, board)) == 1
