"""How many like sends may go: as many as `judge` lets, one after the other."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import NOW_MS, make_case, make_facts, make_objection, make_rules, make_terms
from tests.unit.policy.rate_cards import market
from tidegate.policy.facts import NO_LIMIT, Facts, Tally, Terms
from tidegate.policy.plan.taking import after, costs, most
from tidegate.policy.verdict import Queue, Reason, Send

CARD = {"currency": "USD", "markets": {"all": market("*")}}
RULES = make_rules(warm_up={}, budget={"amount": "5", "rate_card": [CARD]})


def tally(name: str = "spend:x", cost: int = 1, limit: int = NO_LIMIT, **changes: Any) -> Tally:
    objection = make_objection(reason=Reason.BUDGET if name.startswith("spend") else Reason.WARM_UP)
    return Tally(name, cost, limit, changes.pop("only_new", False), 0, objection, **changes)


def one_by_one(terms: Terms, facts: Facts, wanted: int) -> int:
    case, sent = make_case(), 0
    while sent < wanted and isinstance(most(case, terms, facts, RULES, 1)[1], Send):
        facts, sent = after(terms, facts, 1), sent + 1
    return sent


@pytest.mark.parametrize(
    ("terms", "facts", "goes"),
    [
        pytest.param({}, {}, 50, id="nothing limits it"),
        pytest.param({"places": 12, "limit_places": 12, "category_places": 12}, {"used": 5}, 7, id="places are left"),
        pytest.param({"places": 12, "limit_places": 12, "category_places": 12}, {"used": 12}, 0, id="no place is left"),
        pytest.param(
            {"places": 9, "limit_places": 12, "category_places": 9}, {"used": 5}, 4, id="the rest is reserved"
        ),
        pytest.param(
            {"places": 12, "limit_places": 12, "category_places": 12},
            {"used": 12, "counted": True},
            50,
            id="they hold places already",
        ),
        pytest.param(
            {"places": 12, "limit_places": 12, "category_places": 12},
            {"used": 12, "window_ends_ms": NOW_MS + 1},
            50,
            id="their windows are open",
        ),
        pytest.param({"tallies": (tally(cost=3, limit=31),)}, {"tallied": (1,)}, 10, id="money for ten is left"),
        pytest.param(
            {"tallies": (tally("warm:a", limit=20, only_new=True), tally("warm:b", limit=9, only_new=True))},
            {"tallied": (0, 3)},
            6,
            id="the younger of two allowances decides",
        ),
        pytest.param(
            {"tallies": (tally("included:a", limit=5, covers=True), tally(cost=10, limit=25))},
            {"tallied": (2, 0)},
            5,
            id="three are free, then money is left for two",
        ),
    ],
)
def test_as_many_go_as_would_one_after_the_other(terms: dict[str, Any], facts: dict[str, Any], goes: int) -> None:
    asked, seen = make_terms(**terms), make_facts(**facts)

    count, verdict = most(make_case(), asked, seen, RULES, 50)

    assert count == goes == one_by_one(asked, seen, 50)
    assert isinstance(verdict, Send) is (goes == 50)


def test_whoever_may_not_go_is_told_why() -> None:
    terms = make_terms(places=3, limit_places=5, category_places=3)

    _, verdict = most(make_case(), terms, make_facts(), RULES, 10)

    assert isinstance(verdict, Queue)
    assert verdict.reason is Reason.CATEGORY_RESERVE


@pytest.mark.parametrize(
    ("allowance", "facts", "taken"),
    [
        pytest.param(tally(cost=3), {}, 30, id="each pays"),
        pytest.param(tally(only_new=True), {"counted": True}, 0, id="nobody new"),
        pytest.param(
            tally(cost=3, free_in_window=True), {"window_ends_ms": NOW_MS + 1}, 0, id="free in an open window"
        ),
        pytest.param(tally(cost=1, covers=True), {}, 10, id="covered without end"),
    ],
)
def test_what_sends_take_of_an_allowance(allowance: Tally, facts: dict[str, Any], taken: int) -> None:
    terms = make_terms(tallies=(allowance,))

    assert costs(terms, make_facts(tallied=(0,), **facts), 10) == (taken,)
