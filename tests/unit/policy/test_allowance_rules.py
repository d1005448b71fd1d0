"""The tables of the rules that give out allowances."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tests.unit.policy.rate_cards import market
from tidegate.policy.allowance_rules import BudgetRule
from tidegate.policy.rules import Rules

CARD = {"currency": "USD", "markets": {"other": market("*")}}
EUROS = CARD | {"currency": "EUR", "since": "2027-01-01"}


def budget(**changes: Any) -> BudgetRule:
    return BudgetRule.model_validate({"amount": "250.00", "rate_card": [CARD]} | changes)


def test_a_budget_by_default() -> None:
    rule = budget()

    assert (rule.amount_micros, rule.period, rule.per, rule.zone, rule.currency) == (
        250_000_000,
        "month",
        "waba",
        "UTC",
        "USD",
    )
    assert [category.value for category in rule.categories] == ["authentication", "utility", "marketing"]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        pytest.param({"amount": None}, "neither amount nor wallet", id="nothing that could be spent"),
        pytest.param({"zone": "Europe/Atlantis"}, "no such time zone", id="a zone that is none"),
        pytest.param({"zone": "../etc"}, "no such time zone", id="a path for a zone"),
        pytest.param({"rate_card": []}, "at least 1 item", id="no prices"),
        pytest.param({"rate_card": [CARD, EUROS]}, "one currency", id="two currencies"),
        pytest.param({"rate_card": [CARD, CARD]}, "the same day", id="two cards of one day"),
        pytest.param({"amount": "-1"}, "0 or more", id="less than nothing"),
        pytest.param({"amount": "1.1234567"}, "6 decimal places", id="less than a millionth"),
        pytest.param({"period": "year"}, "'day', 'week' or 'month'", id="a period that is none"),
        pytest.param({"per": "number"}, "'waba' or 'portfolio'", id="an owner that is none"),
        pytest.param({"included_conversations": -1}, "greater than or equal to 0", id="less than none included"),
        pytest.param({"limit": 3}, "Extra inputs", id="an unknown key"),
    ],
)
def test_a_budget_that_makes_no_sense(changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        budget(**changes)


def test_a_wallet_needs_no_amount() -> None:
    assert budget(amount=None, wallet=True).wallet


def test_the_card_in_force() -> None:
    later = CARD | {"since": "2027-01-01"}
    rule = budget(rate_card=[later, CARD | {"since": "2026-10-01"}])
    before, between, after = 1_700_000_000_000, 1_795_000_000_000, 1_800_000_000_000

    assert [str(rule.card(at_ms).since) for at_ms in (before, between, after)] == [
        "2026-10-01",
        "2026-10-01",
        "2027-01-01",
    ]


def test_the_rules_write_it_so_that_it_can_be_read_back() -> None:
    rules = Rules.model_validate({"budget": {"amount": 12.5, "rate_card": [CARD]}, "warm_up": {"start": 20}})

    again = Rules.model_validate(rules.written())

    assert (again, again.version) == (rules, rules.version)
    assert rules.written()["budget"]["amount"] == "12.50"


def test_how_many_digits_of_a_number_tell_its_market() -> None:
    far = {"currency": "USD", "since": "2027-01-01", "markets": {"caribbean": market("1809", "1829")}}

    assert budget(rate_card=[CARD, far]).told_by_digits == 4
