"""Whoever has opted out gets no more of that, and all else."""

from __future__ import annotations

import pytest

from tests.factories import NOW_MS, make_case, make_rules, make_service_case, make_standing
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.facts import Case
from tidegate.policy.guardrails.opt_out import opt_out
from tidegate.policy.rules import GUARDRAIL_FIELDS
from tidegate.policy.users import EMPTY
from tidegate.policy.verdict import Reason

WITHOUT_MARKETING = EMPTY.with_consent(Category.MARKETING, False, "a test", 1)
WITHOUT_ANY = EMPTY.with_consent(None, False, "a test", 1)


@pytest.mark.parametrize(
    ("case", "marketing_refused", "all_refused"),
    [
        pytest.param(make_case(), True, True, id="a marketing template"),
        pytest.param(make_case(template=None), True, True, id="a free-form message of the category"),
        pytest.param(make_case(category=Category.UTILITY), False, True, id="a utility template"),
        pytest.param(make_case(category=Category.AUTHENTICATION), False, True, id="a login code"),
        pytest.param(make_service_case(), False, False, id="a reply: only the user's own message opens a window"),
        pytest.param(make_case(to_group=True), False, False, id="a group"),
    ],
)
def test_what_an_opt_out_stops(case: Case, marketing_refused: bool, all_refused: bool) -> None:
    standing = make_standing()

    assert opt_out(case, standing, EMPTY, NOW_MS) is None
    assert (opt_out(case, standing, WITHOUT_MARKETING, NOW_MS) is not None) is marketing_refused
    assert (opt_out(case, standing, WITHOUT_ANY, NOW_MS) is not None) is all_refused


def test_it_is_final_and_no_rule_turns_it_off() -> None:
    rules = make_rules(consent={"mode": "off"})

    no = opt_out(make_case(), make_standing(rules=rules), WITHOUT_MARKETING, NOW_MS)

    assert no is not None
    assert (no.reason, no.final, no.until_ms) == (Reason.OPTED_OUT, True, None)
    assert "opt_out" not in GUARDRAIL_FIELDS
