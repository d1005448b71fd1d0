"""The seven days of the old regime: one tier less for a flagged number, maybe more for a healthy one."""

from __future__ import annotations

import pytest

from tests.factories import DAY_MS, NOW_MS
from tidegate.cloudapi.vocabulary import UNLIMITED
from tidegate.policy.old_regime import Downgrade, expected_downgrade, may_grow_at_ms


@pytest.mark.parametrize(
    ("limit", "lower"),
    [
        (250, 50),
        (1_000, 250),
        (2_000, 1_000),
        (10_000, 1_000),
        (100_000, 10_000),
        (UNLIMITED, 100_000),
        (700, 250),
    ],
)
def test_a_flagged_number_has_to_expect_one_tier_less_after_seven_days(limit: int, lower: int) -> None:
    assert expected_downgrade(limit, NOW_MS) == Downgrade(lower, NOW_MS + 7 * DAY_MS)


def test_there_is_nothing_below_the_lowest_tier() -> None:
    assert expected_downgrade(50, NOW_MS) is None


def test_a_number_that_is_not_flagged_has_nothing_to_expect() -> None:
    assert expected_downgrade(2_000, None) is None


def test_a_healthy_number_may_grow_after_seven_days() -> None:
    assert may_grow_at_ms(NOW_MS) == NOW_MS + 7 * DAY_MS
