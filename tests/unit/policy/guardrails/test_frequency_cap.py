"""Marketing reaches a user so often and no more, in every moving day and week."""

from __future__ import annotations

import pytest

from tests.factories import DAY_MS, NOW_MS, make_case, make_rules, make_service_case, make_standing
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.facts import Case
from tidegate.policy.guardrails.frequency_cap import frequency_cap
from tidegate.policy.users import EMPTY, User
from tidegate.policy.verdict import Reason

CAPPED = make_standing(rules=make_rules(frequency_cap={"per_day": 2, "per_week": 3}))


def sent_at(*ago_ms: int) -> User:
    user = EMPTY
    for ago in sorted(ago_ms, reverse=True):
        user = user.with_marketing_send(NOW_MS - ago)
    return user


@pytest.mark.parametrize(
    ("user", "until_ms"),
    [
        pytest.param(EMPTY, None, id="nothing yet"),
        pytest.param(sent_at(5), None, id="one of two"),
        pytest.param(sent_at(5, 10), NOW_MS - 10 + DAY_MS, id="both of today: until the older is a day old"),
        pytest.param(sent_at(5, DAY_MS), None, id="one of them is exactly a day old"),
        pytest.param(
            sent_at(5, 2 * DAY_MS, 3 * DAY_MS),
            NOW_MS + 4 * DAY_MS,
            id="the week's three: until the oldest is one old",
        ),
    ],
)
def test_a_cap_by_day_and_week(user: User, until_ms: int | None) -> None:
    no = frequency_cap(make_case(), CAPPED, user, NOW_MS)

    assert (no and no.until_ms) == until_ms
    if no is not None:
        assert (no.reason, no.final, no.pacing) == (Reason.FREQUENCY_CAP, False, False)
        assert "2 in 24 hours and 3 in 7 days" in no.detail


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(make_case(category=Category.UTILITY), id="utility"),
        pytest.param(make_case(category=Category.AUTHENTICATION), id="a login code"),
        pytest.param(make_service_case(), id="a reply"),
        pytest.param(make_case(to_group=True), id="a group"),
    ],
)
def test_nothing_but_marketing_to_a_user_is_capped(case: Case) -> None:
    assert frequency_cap(case, CAPPED, sent_at(1, 2, 3), NOW_MS) is None


def test_without_the_table_there_is_no_cap() -> None:
    assert frequency_cap(make_case(), make_standing(), sent_at(1, 2, 3), NOW_MS) is None
