"""The ramp of a young number: grown by good days, held or cut by bad ones, never above the limit."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.cloudapi.vocabulary import UNLIMITED, Quality
from tidegate.policy import warm_up
from tidegate.policy.warm_up import (
    DAY_MS,
    GROWN_UP,
    DayUse,
    Ramp,
    WarmUp,
    after_day,
    allowance,
    day_of,
    next_day_ms,
    ramp_after,
    ramp_table,
)

PLAN = WarmUp()
GREEN, YELLOW, RED, UNKNOWN = Quality.GREEN, Quality.YELLOW, Quality.RED, Quality.UNKNOWN
TO_6400 = (50, 100, 200, 400, 800, 1_600, 3_200, 6_400)


@pytest.mark.parametrize(
    ("plan", "limit", "table"),
    [
        pytest.param(PLAN, 250, (50, 100, 200, 250), id="TIER_250"),
        pytest.param(PLAN, 2_000, (*TO_6400[:6], 2_000), id="TIER_2K"),
        pytest.param(PLAN, 10_000, (*TO_6400, 10_000), id="TIER_10K"),
        pytest.param(PLAN, 100_000, (*TO_6400, 12_800, 25_600, 51_200, 100_000), id="TIER_100K"),
        pytest.param(PLAN, UNLIMITED, (*TO_6400, 12_800, 25_600, 51_200, UNLIMITED), id="unlimited"),
        pytest.param(PLAN, 40, (40,), id="a limit below the start"),
        pytest.param(WarmUp(start=100, growth=1.5), 1_000, (100, 150, 225, 337, 505, 757, 1_000),
                     id="a gentler growth, rounded down"),
        pytest.param(WarmUp(start=1, growth=1.1), 4, (1, 2, 3, 4), id="a growth of less than one grows by one"),
        pytest.param(WarmUp(start=10, growth=1.1), 12, (10, 11, 12), id="binary fractions take none away"),
    ],
)  # fmt: skip
def test_a_warm_up_that_goes_well(plan: WarmUp, limit: int, table: tuple[int, ...]) -> None:
    assert ramp_table(plan, limit) == table


def test_the_table_of_the_documentation_is_the_table_of_the_code() -> None:
    rows = {"TIER_250": 250, "TIER_2K": 2_000, "TIER_10K": 10_000, "TIER_100K": 100_000, "unlimited": UNLIMITED}
    written = {line.split()[0]: line.split()[1:] for line in (warm_up.__doc__ or "").splitlines() if line.split()}

    for name, limit in rows.items():
        table = ["unlimited" if day == UNLIMITED else f"{day:,}" for day in ramp_table(PLAN, limit)]
        assert written[name] == table


@pytest.mark.parametrize(
    ("day", "after"),
    [
        pytest.param(DayUse(400, GREEN), 800, id="green and fully used: it grows"),
        pytest.param(DayUse(200, GREEN), 800, id="half used is enough"),
        pytest.param(DayUse(199, GREEN), 400, id="one less proves too little"),
        pytest.param(DayUse(400, UNKNOWN), 800, id="nobody has rated it yet: it grows"),
        pytest.param(DayUse(400, YELLOW), 400, id="yellow: it stays"),
        pytest.param(DayUse(10, YELLOW), 400, id="yellow and little used"),
        pytest.param(DayUse(400, RED), 200, id="red: a step back"),
        pytest.param(DayUse(1, RED), 200, id="red and little used: the same"),
        pytest.param(DayUse(900, GREEN), 800, id="more used than allowed: no further for that"),
        pytest.param(DayUse(0, GREEN), 400, id="a silent day proves nothing"),
        pytest.param(DayUse(0, RED), 400, id="nor does a rating that nothing was sent under"),
    ],
)
def test_what_a_day_does(day: DayUse, after: int) -> None:
    assert after_day(PLAN, Ramp(400), day, UNLIMITED).recipients == after


@pytest.mark.parametrize("bad_days", [1, 2, 9])
def test_bad_days_never_lead_below_the_start(bad_days: int) -> None:
    assert ramp_after(PLAN, [DayUse(50, RED)] * bad_days, 2_000) == Ramp(50)


def test_a_number_recovers_by_the_same_steps() -> None:
    days = [DayUse(50, GREEN), DayUse(100, GREEN), DayUse(200, RED), DayUse(100, YELLOW), DayUse(100, GREEN)]

    assert [ramp_after(PLAN, days[:n], 2_000).recipients for n in range(6)] == [50, 100, 200, 100, 100, 200]


def test_a_limit_that_rises_is_grown_into() -> None:
    ramp = ramp_after(PLAN, [DayUse(10_000, GREEN)] * 30, 2_000)

    assert allowance(ramp, 2_000) == 2_000
    assert allowance(ramp, 10_000) == 4_000


def test_a_limit_that_falls_does_not_undo_what_was_proven() -> None:
    ramp = after_day(PLAN, Ramp(6_400), DayUse(250, GREEN), 250)

    assert allowance(ramp, 250) == 250
    assert allowance(ramp, 10_000) == 6_400


def test_under_a_lower_limit_half_of_that_limit_is_enough() -> None:
    assert after_day(PLAN, Ramp(200), DayUse(125, GREEN), 250).recipients == 400
    assert after_day(PLAN, Ramp(400), DayUse(125, GREEN), 250).recipients == 500
    assert after_day(PLAN, Ramp(400), DayUse(124, GREEN), 250).recipients == 400


@pytest.mark.parametrize(
    ("silent", "recipients"),
    [(1, 400), (29, 400), (30, 50), (31, 50), (365, 50)],
)
def test_long_silence_starts_anew(silent: int, recipients: int) -> None:
    days = [DayUse(50), DayUse(100), DayUse(200), *[DayUse(0)] * silent]

    assert ramp_after(PLAN, days, 2_000).recipients == recipients


def test_one_message_ends_a_silence() -> None:
    quiet = [DayUse(0)] * 20

    assert ramp_after(PLAN, [DayUse(50), *quiet, DayUse(1), *quiet], 2_000) == Ramp(100, idle=20)


def test_who_reaches_the_highest_limit_has_no_warm_up_left() -> None:
    assert allowance(Ramp(GROWN_UP - 1), UNLIMITED) == GROWN_UP - 1
    assert allowance(Ramp(GROWN_UP), UNLIMITED) == UNLIMITED
    assert after_day(PLAN, Ramp(GROWN_UP), DayUse(500_000, GREEN), UNLIMITED) == Ramp(GROWN_UP)


DAYS = st.lists(st.builds(DayUse, st.integers(0, 4_000), st.sampled_from(Quality)), max_size=40)
PLANS = st.builds(WarmUp, st.integers(1, 500), st.sampled_from([1.01, 1.5, 2.0, 3.3, 10.0]), st.integers(1, 10))


@settings(deadline=None)
@given(PLANS, DAYS, st.sampled_from([250, 2_000, UNLIMITED]))
def test_no_day_grows_faster_than_the_plan_nor_above_the_limit(plan: WarmUp, days: list[DayUse], limit: int) -> None:
    ramp = Ramp(plan.start)
    for day in days:
        following = after_day(plan, ramp, day, limit)
        assert plan.start <= following.recipients <= max(ramp.recipients + 1, ramp.recipients * plan.growth)
        assert limit == UNLIMITED or allowance(following, limit) <= limit
        assert following.recipients <= ramp.recipients or (day.used > 0 and day.quality in (GREEN, UNKNOWN))
        ramp = following


@pytest.mark.parametrize(
    ("age_ms", "day"),
    [(-5, 0), (0, 0), (DAY_MS - 1, 0), (DAY_MS, 1), (7 * DAY_MS + 5, 7)],
)
def test_the_days_of_a_warm_up(age_ms: int, day: int) -> None:
    first_ms = 1_795_251_600_123

    assert day_of(first_ms, first_ms + age_ms) == day
    assert next_day_ms(first_ms, first_ms + age_ms) == first_ms + (day + 1) * DAY_MS


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param({"start": 0}, "start", id="a start of nothing"),
        pytest.param({"start": GROWN_UP + 1}, "start", id="a start beyond the end"),
        pytest.param({"growth": 1.0}, "growth", id="no growth"),
        pytest.param({"growth": 10.5}, "growth", id="a growth that is none of a warm-up"),
        pytest.param({"growth": float("nan")}, "growth", id="a growth that is no number"),
        pytest.param({"idle_days": 0}, "idle_days", id="no silence at all"),
    ],
)
def test_a_plan_that_makes_no_sense(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WarmUp(**given)
