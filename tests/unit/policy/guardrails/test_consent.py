"""Where an opt-in is required, a send needs one on record."""

from __future__ import annotations

import pytest

from tests.factories import NOW_MS, make_case, make_rules, make_service_case, make_standing
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.facts import Case
from tidegate.policy.guardrails.consent import consent
from tidegate.policy.users import EMPTY, User
from tidegate.policy.verdict import Reason

REQUIRED = make_rules(consent={})
REQUIRED_OF_UTILITY = make_rules(consent={"required": ["utility"]})
WANTS_MARKETING = EMPTY.with_consent(Category.MARKETING, True, "a form", 1)
NO_MORE = WANTS_MARKETING.with_consent(Category.MARKETING, False, "wrote STOP", 2)


@pytest.mark.parametrize(
    ("case", "user", "stopped"),
    [
        pytest.param(make_case(), EMPTY, True, id="marketing to somebody who said nothing"),
        pytest.param(make_case(), WANTS_MARKETING, False, id="to somebody who wants it"),
        pytest.param(make_case(), NO_MORE, True, id="to somebody who wanted it once"),
        pytest.param(make_case(category=Category.UTILITY), EMPTY, False, id="a category that needs none"),
        pytest.param(make_service_case(), EMPTY, False, id="a reply"),
        pytest.param(make_case(to_group=True), EMPTY, False, id="a group: whoever is in it has joined it"),
    ],
)
def test_who_needs_to_have_opted_in(case: Case, user: User, stopped: bool) -> None:
    assert (consent(case, make_standing(rules=REQUIRED), user, NOW_MS) is not None) is stopped


def test_it_is_final_and_says_what_is_missing() -> None:
    no = consent(make_case(), make_standing(rules=REQUIRED), EMPTY, NOW_MS)

    assert no is not None
    assert (no.reason, no.final) == (Reason.NO_OPT_IN, True)
    assert "marketing" in no.detail


def test_the_operator_says_which_categories_need_one() -> None:
    standing = make_standing(rules=REQUIRED_OF_UTILITY)

    assert consent(make_case(), standing, EMPTY, NOW_MS) is None
    assert consent(make_case(category=Category.UTILITY), standing, WANTS_MARKETING, NOW_MS) is not None


def test_without_the_table_nobody_needs_one() -> None:
    assert consent(make_case(), make_standing(), EMPTY, NOW_MS) is None
