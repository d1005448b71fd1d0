"""When the night of a recipient ends: by the wall clock, in every zone that the recipient may be in."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tidegate.policy.night import HORIZON_MS, NO_COMMON_DAY, night_begins_ms, night_ends_ms
from tidegate.policy.zones import candidate_zones

EVENING, MORNING = 21 * 60, 8 * 60
ROME, NEW_YORK, KOLKATA = "Europe/Rome", "America/New_York", "Asia/Kolkata"


def at(written: str, zone: str = "UTC", fold: int = 0) -> int:
    """Milliseconds of a wall clock's reading; `fold`: which of two, where the clock shows it twice."""
    read = datetime.fromisoformat(written).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return round(read.timestamp() * 1000)


@pytest.mark.parametrize(
    ("now", "end"),
    [
        pytest.param("2026-11-21T20:59:59.999", None, id="a millisecond before the night it is day"),
        pytest.param("2026-11-21T21:00", "2026-11-22T08:00", id="the first minute of the night is night"),
        pytest.param("2026-11-21T23:59:59.999", "2026-11-22T08:00", id="before midnight"),
        pytest.param("2026-11-22T00:00", "2026-11-22T08:00", id="from midnight on it is the same night"),
        pytest.param("2026-11-22T07:59:59.999", "2026-11-22T08:00", id="the last millisecond of the night"),
        pytest.param("2026-11-22T08:00", None, id="its end is day"),
        pytest.param("2026-11-22T12:00", None, id="noon"),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", ROME, NEW_YORK, KOLKATA, "Asia/Kathmandu", "Pacific/Apia"])
def test_a_night_over_midnight(zone: str, now: str, end: str | None) -> None:
    expected = None if end is None else at(end, zone)

    assert night_ends_ms((zone,), at(now, zone), EVENING, MORNING) == expected


@pytest.mark.parametrize(
    ("now", "end"),
    [
        pytest.param("2026-11-21T12:59:59.999", None, id="before a siesta"),
        pytest.param("2026-11-21T13:00", "2026-11-21T16:00", id="its first minute"),
        pytest.param("2026-11-21T15:59:59.999", "2026-11-21T16:00", id="its last millisecond"),
        pytest.param("2026-11-21T16:00", None, id="after it"),
        pytest.param("2026-11-21T00:00", None, id="at midnight"),
    ],
)
def test_quiet_hours_within_a_day(now: str, end: str | None) -> None:
    expected = None if end is None else at(end, ROME)

    assert night_ends_ms((ROME,), at(now, ROME), 13 * 60, 16 * 60) == expected


@pytest.mark.parametrize(
    ("zone", "now", "from_minute", "to_minute", "end"),
    [
        pytest.param(ROME, ("2026-03-28T21:00", 0), EVENING, MORNING, ("2026-03-29T08:00", 0),
                     id="a night in which the clock jumps ends by the clock, ten hours later"),
        pytest.param(ROME, ("2026-10-24T21:00", 0), EVENING, MORNING, ("2026-10-25T08:00", 0),
                     id="one in which it is set back, twelve hours later"),
        pytest.param(ROME, ("2026-03-29T01:59:59.999", 0), 60, 150, ("2026-03-29T03:00", 0),
                     id="an end that the clock jumps over is the jump"),
        pytest.param(ROME, ("2026-03-29T01:59:59.999", 0), 120, 180, None,
                     id="a night that the clock jumps over: the last millisecond before is day"),
        pytest.param(ROME, ("2026-03-29T03:00", 0), 120, 180, None,
                     id="a night that the clock jumps over: so is the first after"),
        pytest.param(ROME, ("2026-10-25T02:10", 0), 0, 150, ("2026-10-25T02:30", 0),
                     id="an end that the clock shows twice ends the night for now"),
        pytest.param(ROME, ("2026-10-25T02:40", 0), 0, 150, None,
                     id="half an hour of day before the clock is set back"),
        pytest.param(ROME, ("2026-10-25T02:00", 1), 0, 150, ("2026-10-25T02:30", 1),
                     id="then it is night again, for the clock says so"),
        pytest.param(ROME, ("2026-10-25T02:40", 0), 160, 170, ("2026-10-25T02:50", 0),
                     id="a night that the clock shows twice: the first"),
        pytest.param(ROME, ("2026-10-25T02:40", 1), 160, 170, ("2026-10-25T02:50", 1),
                     id="a night that the clock shows twice: the second"),
        pytest.param("Australia/Lord_Howe", ("2026-10-04T01:59:59.999", 0), 60, 135, ("2026-10-04T02:30", 0),
                     id="a clock that jumps by half an hour"),
        pytest.param("Africa/Cairo", ("2026-04-23T23:59:59.999", 0), EVENING, 30, ("2026-04-24T01:00", 0),
                     id="a clock that jumps over midnight"),
    ],
)  # fmt: skip
def test_a_night_in_which_the_clocks_change(
    zone: str, now: tuple[str, int], from_minute: int, to_minute: int, end: tuple[str, int] | None
) -> None:
    expected = None if end is None else at(end[0], zone, end[1])

    assert night_ends_ms((zone,), at(now[0], zone, now[1]), from_minute, to_minute) == expected


@pytest.mark.parametrize(
    ("now", "end"),
    [
        pytest.param("2026-11-21T13:00", None, id="day in both"),
        pytest.param("2026-11-21T20:00", "2026-11-22T13:00", id="evening in Rome: until the morning in New York"),
        pytest.param("2026-11-22T02:00", "2026-11-22T13:00", id="night in both"),
        pytest.param("2026-11-22T07:00", "2026-11-22T13:00", id="morning in Rome is night in New York"),
    ],
)
@pytest.mark.parametrize("zones", [(ROME, NEW_YORK), (NEW_YORK, ROME), (NEW_YORK, ROME, ROME)])
def test_it_has_to_be_day_in_every_zone(zones: tuple[str, ...], now: str, end: str | None) -> None:
    assert night_ends_ms(zones, at(now), EVENING, MORNING) == (None if end is None else at(end))


def test_a_night_within_another_does_not_end_it() -> None:
    # In this night the clock jumps in Rome, whose night ends an hour before that of Algiers.
    zones = (ROME, "Africa/Algiers")

    assert night_ends_ms(zones, at("2026-03-28T22:00"), EVENING, MORNING) == at("2026-03-29T07:00")


def test_a_russian_mobile_number_has_three_hours_a_day() -> None:
    zones = candidate_zones("79141234567")

    assert night_ends_ms(zones, at("2026-11-21T09:00"), EVENING, MORNING) == at("2026-11-22T06:00")
    assert night_ends_ms(zones, at("2026-11-22T06:00"), EVENING, MORNING) is None
    assert night_ends_ms(zones, at("2026-11-22T08:59:59.999"), EVENING, MORNING) is None


@pytest.mark.parametrize("hour", range(24))
def test_zones_that_share_no_day_are_told_apart_from_a_night_that_ends(hour: int) -> None:
    zones = candidate_zones("79141234567")

    assert night_ends_ms(zones, at(f"2026-11-21T{hour:02}:00"), 18 * 60, MORNING) == NO_COMMON_DAY


def test_a_common_day_is_looked_for_over_two_days() -> None:
    # Day is from 02:30 to 02:31 only; on 29 March 2026 the clock in Rome jumps over it.
    noon = at("2026-03-28T12:00", ROME)
    end = at("2026-03-30T02:30", ROME)

    assert end - noon < HORIZON_MS
    assert night_ends_ms((ROME,), noon, 151, 150) == end


def test_a_common_day_that_is_further_off_is_none() -> None:
    # One minute of day in each: the same one until the clock in Rome, and not in Algiers, is set forward.
    zones = ("Europe/Rome", "Africa/Algiers")
    winter, summer = at("2026-03-20T12:00"), at("2026-04-20T12:00")

    assert night_ends_ms(zones, winter, 601, 600) == at("2026-03-21T09:00")
    assert night_ends_ms(zones, summer, 601, 600) == NO_COMMON_DAY


@pytest.mark.parametrize(
    "zones",
    [
        pytest.param((), id="no zone"),
        pytest.param(("Europe/Atlantis",), id="a name that is no zone"),
        pytest.param(("America", "", "../x"), id="several"),
    ],
)
def test_of_whom_no_zone_is_known_nothing_is_judged(zones: tuple[str, ...]) -> None:
    assert night_ends_ms(zones, at("2026-11-22T02:00"), EVENING, MORNING) is None


def test_a_name_that_is_no_zone_is_left_out() -> None:
    zones = ["Europe/Atlantis", ROME]

    assert night_ends_ms(zones, at("2026-11-22T02:00", ROME), EVENING, MORNING) == at("2026-11-22T08:00", ROME)


@pytest.mark.parametrize(
    ("from_minute", "to_minute"),
    [
        pytest.param(480, 480, id="no span"),
        pytest.param(-1, 480, id="before midnight"),
        pytest.param(480, 1440, id="a day has 1440 minutes, the last is 1439"),
    ],
)
def test_minutes_that_are_no_night(from_minute: int, to_minute: int) -> None:
    with pytest.raises(ValueError, match="a night is from one minute"):
        night_ends_ms((ROME,), at("2026-11-22T02:00"), from_minute, to_minute)


@pytest.mark.parametrize(
    ("zones", "now", "begins"),
    [
        pytest.param((ROME,), "2026-11-21T12:00", "2026-11-21T20:00", id="this evening"),
        pytest.param((ROME,), "2026-11-21T19:59:59.999", "2026-11-21T20:00", id="in a millisecond"),
        pytest.param((ROME,), "2026-11-21T20:00", "2026-11-21T20:00", id="now, for it is its first minute"),
        pytest.param((ROME,), "2026-11-22T06:59:59.999", "2026-11-22T06:59:59.999", id="now, for it still is night"),
        pytest.param((ROME,), "2026-11-22T07:00", "2026-11-22T20:00", id="in the morning: the next evening"),
        pytest.param((ROME, NEW_YORK), "2026-11-21T14:00", "2026-11-21T20:00", id="of two zones, the first to go dark"),
        pytest.param((ROME, "Europe/Atlantis"), "2026-11-21T12:00", "2026-11-21T20:00", id="no zone is left out"),
        pytest.param((), "2026-11-21T12:00", None, id="no zone, no night"),
        pytest.param(("Europe/Atlantis",), "2026-11-21T12:00", None, id="nor where no name is one"),
    ],
)
def test_when_the_next_night_begins(zones: tuple[str, ...], now: str, begins: str | None) -> None:
    expected = None if begins is None else at(begins)

    assert night_begins_ms(zones, at(now), EVENING, MORNING) == expected


def test_a_night_that_the_clock_jumps_over_begins_the_day_after() -> None:
    noon = at("2026-03-28T12:00", ROME)

    assert night_begins_ms((ROME,), noon, 120, 180) == at("2026-03-30T02:00", ROME)
