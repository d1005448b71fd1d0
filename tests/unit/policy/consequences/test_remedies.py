"""What to do about a stop, said for whatever may stop many."""

from __future__ import annotations

import pytest

from tidegate.policy.consequences.defaults import DEFAULTS
from tidegate.policy.consequences.remedies import BY_REASON, BY_RULE, remedy
from tidegate.policy.reach import Scope
from tidegate.policy.verdict import Reason

OF_ONE_USER = (Scope.RECIPIENT, Scope.PAIR)


@pytest.mark.parametrize("reason", [*Reason, "no reason of ours"])
def test_there_is_something_to_do_about_every_stop_of_an_operators_rule(reason: str):
    assert all(remedy("a_rule_of_ours", scope, reason).endswith(".") for scope in Scope)


def test_there_is_something_to_do_about_every_default_rule_that_stops_many_and_about_no_other():
    of_many = {rule.id for rule in DEFAULTS.values() if rule.action.lasts and rule.scope not in OF_ONE_USER}
    assert set(BY_RULE) == of_many
    assert all(words.endswith(".") for words in BY_RULE.values())


def test_a_template_that_is_slowed_down_is_not_told_as_a_number_that_is_too_fast():
    told = [remedy("template_yellow", "template", "throughput"), remedy("ours", "template", "throughput")]
    assert all("template" in words and "pace comes back" not in words for words in told)
    assert "pace comes back" in remedy("ours", "number", "throughput")


def test_a_remedy_is_for_a_reason_that_stops_many():
    assert Reason.OPTED_OUT not in BY_REASON
