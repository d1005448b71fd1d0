"""The periods of a budget, by the calendar."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.policy.budget import Period

HOUR_MS = 3_600_000


def at(written: str, zone: str = "UTC") -> int:
    return round(datetime.fromisoformat(written).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


@pytest.mark.parametrize(
    ("period", "zone", "now", "start", "end"),
    [
        pytest.param("day", "UTC", "2026-11-21T00:00", "2026-11-21", "2026-11-22", id="a day begins at midnight"),
        pytest.param(
            "day", "UTC", "2026-11-21T23:59:59.999", "2026-11-21", "2026-11-22", id="and ends before the next"
        ),
        pytest.param(
            "day", "Asia/Kolkata", "2026-11-21T00:30", "2026-11-21", "2026-11-22", id="by the zone's calendar"
        ),
        pytest.param("week", "UTC", "2026-11-22T23:59", "2026-11-16", "2026-11-23", id="Sunday ends a week"),
        pytest.param("week", "UTC", "2026-11-23T00:00", "2026-11-23", "2026-11-30", id="Monday begins one"),
        pytest.param("week", "Europe/Rome", "2026-12-31T12:00", "2026-12-28", "2027-01-04", id="over new year"),
        pytest.param("month", "UTC", "2026-11-30T23:59:59.999", "2026-11-01", "2026-12-01", id="a month of 30 days"),
        pytest.param("month", "UTC", "2026-12-31T10:00", "2026-12-01", "2027-01-01", id="December"),
        pytest.param("month", "UTC", "2027-02-28T10:00", "2027-02-01", "2027-03-01", id="February"),
        pytest.param("month", "UTC", "2028-02-29T10:00", "2028-02-01", "2028-03-01", id="February of a leap year"),
        pytest.param("month", "Europe/Rome", "2026-03-31T23:00", "2026-03-01", "2026-04-01", id="clocks change in it"),
    ],
)
def test_a_period_of_the_calendar(period: str, zone: str, now: str, start: str, end: str) -> None:
    assert Period(period).bounds_ms(zone, at(now, zone)) == (at(start, zone), at(end, zone))


@pytest.mark.parametrize(
    ("zone", "now", "hours"),
    [
        pytest.param("Europe/Rome", "2026-03-29T12:00", 23, id="the day on which the clock jumps"),
        pytest.param("Europe/Rome", "2026-10-25T12:00", 25, id="the day on which it is set back"),
        pytest.param("Africa/Cairo", "2026-04-24T12:00", 23, id="a clock that jumps over midnight"),
        pytest.param(
            "Africa/Cairo", "2026-10-29T12:00", 25, id="a clock that is set back at midnight, to the day before"
        ),
        pytest.param("America/Havana", "2026-11-01T12:00", 25, id="a clock that shows midnight twice"),
    ],
)
def test_a_day_on_which_the_clock_changes(zone: str, now: str, hours: int) -> None:
    start, end = Period.DAY.bounds_ms(zone, at(now, zone))

    assert end - start == hours * HOUR_MS
    for edge in (start, end):
        assert Period.DAY.bounds_ms(zone, edge)[0] == edge
        assert Period.DAY.bounds_ms(zone, edge - 1)[1] == edge


@settings(deadline=None)
@given(
    st.sampled_from(Period),
    st.sampled_from(["UTC", "Africa/Cairo", "America/Havana", "Asia/Beirut", "Pacific/Apia", "America/Asuncion"]),
    st.integers(1_767_225_600_000, 1_830_297_600_000),
)
def test_periods_follow_one_another_without_a_gap(period: Period, zone: str, now_ms: int) -> None:
    start, end = period.bounds_ms(zone, now_ms)

    assert start <= now_ms < end
    assert period.bounds_ms(zone, start) == period.bounds_ms(zone, end - 1) == (start, end)
    assert period.bounds_ms(zone, end)[0] == end
    assert period.bounds_ms(zone, start - 1)[1] == start
