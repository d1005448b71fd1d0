"""Nobody is written to at night: over all zones, all changes of their clocks in two years, and all kinds of numbers.

What is held to the wall clock here is the judgement itself, `decide`, with an operator's rules: a marketing message
gets no terms to be sent on while a clock of any zone that the user may be in reads a time within the quiet hours, and
terms that it does get do not hold into a night.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers.tzdata import TIMEZONE_DATA

from tests.factories import make_case, make_rules, make_standing
from tests.property.bench import examples
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.decide import decide
from tidegate.policy.facts import Terms
from tidegate.policy.rules import Rules
from tidegate.policy.users import EMPTY
from tidegate.policy.verdict import Queue, Reason, Reject
from tidegate.policy.zones import NATIONWIDE_MOBILE, candidate_zones, country_zones, load_zone

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
FIRST = round(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 1000
LAST = round(datetime(2028, 1, 1, tzinfo=UTC).timestamp()) * 1000
FAR = LAST + 400 * DAY

ZONES = sorted(zone for zone in available_timezones() if load_zone(zone) is not None)
PREFIXES = sorted({*TIMEZONE_DATA, *NATIONWIDE_MOBILE})
COUNTRIES = (
    "AR",
    "AU",
    "BR",
    "CA",
    "CD",
    "CL",
    "CN",
    "CY",
    "DE",
    "ES",
    "ID",
    "KI",
    "KZ",
    "MX",
    "NZ",
    "PG",
    "PT",
    "RU",
    "US",
)


def rules(begin: int, end: int) -> Rules:
    def written(minute: int) -> str:
        return f"{minute // 60:02}:{minute % 60:02}"

    return make_rules(quiet_hours={"from": written(begin), "to": written(end)})


EVENING_TO_MORNING = rules(1260, 480)


def wall_minute(zone: str, at_ms: int) -> int:
    there = datetime.fromtimestamp(at_ms // 1000, ZoneInfo(zone))
    return there.hour * 60 + there.minute


def is_night(zone: str, at_ms: int, begin: int, end: int) -> bool:
    minute = wall_minute(zone, at_ms)
    return begin <= minute < end if begin < end else minute >= begin or minute < end


@cache
def changes(zone: str) -> tuple[int, ...]:
    """The instants at which the zone's clock is set, to the minute."""

    def offset(at_ms: int) -> object:
        return datetime.fromtimestamp(at_ms // 1000, ZoneInfo(zone)).utcoffset()

    found = []
    for day in range(FIRST, LAST, DAY):
        low, high = day, day + DAY
        if offset(low) == offset(high):
            continue
        while high - low > MINUTE:
            middle = (low + high) // 2 // MINUTE * MINUTE
            low, high = (low, middle) if offset(middle) != offset(low) else (middle, high)
        found.append(high)
    return tuple(found)


def may_be_sent_until(zones: tuple[str, ...], now_ms: int, in_force: Rules, **more: object) -> int | None:
    """Until when a decision to send holds; None where it is not to be sent now."""
    case = make_case(zones=zones, expires_at_ms=FAR, **more)
    decided = decide(case, make_standing(rules=in_force), in_force, now_ms, EMPTY)
    if isinstance(decided, Terms):
        return decided.valid_until_ms or FAR
    assert isinstance(decided, Queue)
    assert decided.reason is Reason.QUIET_HOURS
    return None


def held_to_the_clock(zones: tuple[str, ...], now_ms: int, begin: int, end: int, in_force: Rules) -> None:
    until_ms = may_be_sent_until(zones, now_ms, in_force)
    assert (until_ms is None) == any(is_night(zone, now_ms, begin, end) for zone in zones), (zones, now_ms)
    if until_ms is not None:
        assert until_ms > now_ms
        # Whoever decided just now may still be on the way to the store then.
        last_ms = until_ms - 1
        assert not any(is_night(zone, last_ms, begin, end) for zone in zones), (zones, now_ms, until_ms)


def test_every_zone_of_the_database_is_looked_at() -> None:
    assert len(ZONES) > 590
    assert sum(bool(changes(zone)) for zone in ZONES) > 150


@pytest.mark.parametrize(("begin", "end"), [(1260, 480), (60, 210)], ids=["over midnight", "where clocks change"])
def test_around_every_change_of_every_clock_nobody_is_written_to_at_night(begin: int, end: int) -> None:
    in_force = rules(begin, end)
    seen: set[tuple[int, int, int]] = set()
    for zone in ZONES:
        for change_ms in changes(zone):
            # Of clocks that read the same around a change one is enough.
            reads = change_ms, wall_minute(zone, change_ms - 1), wall_minute(zone, change_ms)
            if reads in seen:
                continue
            seen.add(reads)
            near = (change_ms + off for off in (-HOUR, -MINUTE, -1, 0, 1, MINUTE, HOUR, 2 * HOUR))
            around = range(change_ms - DAY, change_ms + DAY, 53 * MINUTE + 7)
            for now_ms in (*near, *around):
                held_to_the_clock((zone,), now_ms, begin, end, in_force)
    assert len(seen) > 40


def test_through_two_years_nobody_is_written_to_at_night() -> None:
    # A prime number of minutes: in two years it meets every minute of the hour.
    for index, zone in enumerate(ZONES):
        for now_ms in range(FIRST + index * MINUTE, LAST, 19 * DAY + 13 * HOUR + 37 * MINUTE):
            held_to_the_clock((zone,), now_ms, 1260, 480, EVENING_TO_MORNING)


MINUTES = st.integers(0, 1439)
NUMBERS = st.builds(str.__add__, st.sampled_from(PREFIXES), st.text("0123456789", max_size=9))
CANDIDATES = NUMBERS.map(candidate_zones) | st.sampled_from(COUNTRIES).map(country_zones)


@st.composite
def nows(draw: st.DrawFn, zones: tuple[str, ...]) -> int:
    """An instant of the two years, often near a change of one of the clocks."""
    changed = sorted({change_ms for zone in zones for change_ms in changes(zone)})
    anywhere = st.integers(FIRST, LAST)
    if not changed:
        return draw(anywhere)
    return draw(st.builds(int.__add__, st.sampled_from(changed), st.integers(-DAY, DAY)) | anywhere)


@settings(max_examples=examples(300))
@given(st.data(), CANDIDATES, MINUTES, MINUTES)
def test_whatever_the_number_says_of_the_zone_it_is_day_in_all_of_them(
    data: st.DataObject, zones: tuple[str, ...], begin: int, end: int
) -> None:
    end = end if end != begin else (end + 1) % 1440

    now_ms, in_force = data.draw(nows(zones)), rules(begin, end)

    held_to_the_clock(zones, now_ms, begin, end, in_force)
    for at_ms in range(now_ms, min(may_be_sent_until(zones, now_ms, in_force) or 0, now_ms + 2 * DAY), 41 * MINUTE):
        assert not any(is_night(zone, at_ms, begin, end) for zone in zones)


@settings(max_examples=examples(100))
@given(st.data(), CANDIDATES, st.sampled_from(["Asia/Tokyo", "America/Lima", "Europe/Lisbon"]))
def test_whoever_is_known_to_be_elsewhere_is_judged_by_the_clock_there(
    data: st.DataObject, zones: tuple[str, ...], zone: str
) -> None:
    now_ms = data.draw(nows((zone,)))
    case, standing = make_case(zones=zones, expires_at_ms=FAR), make_standing(rules=EVENING_TO_MORNING)

    decided = decide(case, standing, EVENING_TO_MORNING, now_ms, EMPTY.in_zone(zone))

    assert isinstance(decided, Queue) == is_night(zone, now_ms, 1260, 480)


@settings(max_examples=examples(100))
@given(st.data(), CANDIDATES)
def test_a_login_code_goes_at_any_hour(data: st.DataObject, zones: tuple[str, ...]) -> None:
    now_ms = data.draw(nows(zones))

    assert may_be_sent_until(zones, now_ms, EVENING_TO_MORNING, category=Category.AUTHENTICATION) == FAR


@settings(max_examples=examples(100))
@given(st.data(), CANDIDATES, st.integers(0, 2 * DAY))
def test_what_has_a_deadline_expires_rather_than_going_out_at_night(
    data: st.DataObject, zones: tuple[str, ...], left_ms: int
) -> None:
    now_ms = data.draw(nows(zones))
    case = make_case(zones=zones, expires_at_ms=now_ms + left_ms)

    decided = decide(case, make_standing(rules=EVENING_TO_MORNING), EVENING_TO_MORNING, now_ms + left_ms, EMPTY)

    assert isinstance(decided, Reject)
    assert decided.reason is Reason.EXPIRED
