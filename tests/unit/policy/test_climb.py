"""How far it is to the next messaging limit."""

from __future__ import annotations

import pytest

from tidegate.cloudapi.vocabulary import UNLIMITED
from tidegate.policy.climb import Climb, climb, daily_target
from tidegate.policy.warm_up import WarmUp, ramp_table


@pytest.mark.parametrize(
    ("limit", "next_limit", "needed", "days"),
    [
        pytest.param(50, 250, 2_000, 30, id="the old trial limit"),
        pytest.param(250, 2_000, 2_000, 30, id="TIER_250: 2,000 users in 30 days"),
        pytest.param(1_000, 2_000, 500, 7, id="the old 1K"),
        pytest.param(2_000, 10_000, 1_000, 7, id="TIER_2K: half of it in 7 days"),
        pytest.param(10_000, 100_000, 5_000, 7, id="TIER_10K"),
        pytest.param(100_000, UNLIMITED, 50_000, 7, id="TIER_100K: the top comes next"),
        pytest.param(250_001, UNLIMITED, 125_001, 7, id="at least half of an odd limit is rounded up"),
    ],
)
def test_what_the_next_limit_asks_for(limit: int, next_limit: int, needed: int, days: int) -> None:
    assert climb(limit, []) == Climb(limit, next_limit, needed, days, together=0, best_day=0)


def test_there_is_nothing_above_unlimited() -> None:
    assert climb(UNLIMITED, [1_000_000]) is None


@pytest.mark.parametrize(
    ("used", "together", "in_a_day"),
    [
        pytest.param([999], False, False, id="one short"),
        pytest.param([1_000], True, True, id="all in one day"),
        pytest.param([500, 500], True, False, id="enough together"),
        pytest.param([200] * 5, True, False, id="a bit each day"),
        pytest.param([1_000] + [0] * 6, True, True, id="six days ago counts"),
        pytest.param([1_000] + [0] * 7, False, False, id="seven days ago does so no longer"),
    ],
)
def test_both_readings_of_half_the_limit_are_told(used: list[int], together: bool, in_a_day: bool) -> None:
    way = climb(2_000, used)

    assert way is not None
    assert (way.done_together, way.done_in_a_day) == (together, in_a_day)


@pytest.mark.parametrize(
    ("used", "days_left", "target"),
    [
        pytest.param([], 7, 143, id="a seventh each day, rounded up"),
        pytest.param([300, 300], 5, 80, id="what is missing, over the days left"),
        pytest.param([300], 1, 700, id="the last day brings the rest"),
        pytest.param([1_500], 3, 0, id="done"),
    ],
)
def test_what_each_day_has_to_bring(used: list[int], days_left: int, target: int) -> None:
    way = climb(2_000, used)

    assert way is not None
    assert daily_target(way, days_left) == target


def test_no_day_left_is_a_mistake() -> None:
    way = climb(2_000, [])

    assert way is not None
    with pytest.raises(ValueError, match="a day left"):
        daily_target(way, 0)


@pytest.mark.parametrize("limit", [2_000, 10_000])
def test_a_warm_up_that_goes_well_reaches_the_next_limit_within_a_week(limit: int) -> None:
    way = climb(limit, ramp_table(WarmUp(), limit)[:7])

    assert way is not None
    assert way.done_together
