"""Laws of the night, over every zone that a number can have and every change of its clock in two years.

The judge is the wall clock, read minute by minute: slow, and with no idea of offsets, changes or tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers.tzdata import TIMEZONE_DATA

from tests.property.bench import examples
from tidegate.policy.night import HORIZON_MS, NO_COMMON_DAY, night_ends_ms
from tidegate.policy.zones import NATIONWIDE_MOBILE, country_zones

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
FIRST = round(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 1000
LAST = round(datetime(2028, 1, 1, tzinfo=UTC).timestamp()) * 1000

ZONE_SETS = sorted({*TIMEZONE_DATA.values(), *map(country_zones, NATIONWIDE_MOBILE.values())})
ZONES = sorted({zone for zones in ZONE_SETS for zone in zones})
#: Over midnight, within a day, all but a minute, a minute only; at the hours at which clocks change and others.
SPANS = [(1260, 480), (780, 960), (61, 60), (120, 121), (0, 150), (1380, 30), (105, 180)]


def wall_minute(zone: str, at_ms: int) -> int:
    there = datetime.fromtimestamp(at_ms // 1000, ZoneInfo(zone))
    return there.hour * 60 + there.minute


def reads_night(minute: int, span: tuple[int, int]) -> bool:
    begin, end = span
    return begin <= minute < end if begin < end else minute >= begin or minute < end


@cache
def changes(zone: str) -> tuple[int, ...]:
    """The minutes from which the zone's clock runs differently."""

    def offset(at_ms: int) -> object:
        return datetime.fromtimestamp(at_ms // 1000, ZoneInfo(zone)).utcoffset()

    found = []
    for day in range(FIRST, LAST, DAY):
        if offset(day) != offset(day + DAY):
            found += [at for at in range(day + MINUTE, day + DAY + 1, MINUTE) if offset(at) != offset(at - MINUTE)]
    return tuple(found)


def instants(change_ms: int) -> Iterator[int]:
    """Where an error would show: around the change to the millisecond, and through the days before and after it."""
    yield from (change_ms + ms for ms in (-HOUR, -1, 0, 1, HOUR - 1, HOUR))
    yield from range(change_ms - DAY, change_ms + DAY, 97 * MINUTE + 1)


def test_clocks_do_change_in_these_years() -> None:
    assert len(ZONES) > 280
    assert sum(bool(changes(zone)) for zone in ZONES) > 80


@pytest.mark.parametrize("span", SPANS, ids=[f"from minute {begin} to {end}" for begin, end in SPANS])
def test_around_every_change_of_a_clock_the_wall_clock_is_obeyed(span: tuple[int, int]) -> None:
    for zone, change_ms in _distinct_changes():
        begin_ms = (change_ms - DAY - 2 * HOUR) // MINUTE * MINUTE
        nights = [reads_night(minute, span) for minute in _wall_minutes(zone, begin_ms)]
        # The next minute of day, for each minute, from the last to the first.
        day_from = [0] * (len(nights) + 1)
        for index in range(len(nights) - 1, -1, -1):
            day_from[index] = day_from[index + 1] if nights[index] else index
        for now_ms in instants(change_ms):
            index = (now_ms - begin_ms) // MINUTE
            end_ms = begin_ms + day_from[index] * MINUTE
            assert night_ends_ms((zone,), now_ms, *span) == (end_ms if nights[index] else None), (zone, now_ms)


def _distinct_changes() -> list[tuple[str, int]]:
    # Zones whose clocks read the same around a change need no second look.
    seen: dict[tuple[int, int, int], str] = {}
    for zone in ZONES:
        for change_ms in changes(zone):
            before, after = wall_minute(zone, change_ms - 1), wall_minute(zone, change_ms)
            seen.setdefault((change_ms, before, after), zone)
    return [(zone, change_ms) for (change_ms, _, _), zone in seen.items()]


@cache
def _wall_minutes(zone: str, begin_ms: int) -> list[int]:
    return [wall_minute(zone, begin_ms + minute * MINUTE) for minute in range(4 * 24 * 60 + 120)]


@pytest.mark.parametrize("zone", ZONES)
def test_no_instant_judged_day_is_night_by_the_wall_clock(zone: str) -> None:
    # Prime steps: in two years they meet every minute of the hour, and most of the day's.
    for now_ms in range(FIRST, LAST, 83 * HOUR + 13 * MINUTE + 7):
        assert (night_ends_ms((zone,), now_ms, 1260, 480) is None) != reads_night(
            wall_minute(zone, now_ms), (1260, 480)
        )


MINUTES = st.integers(0, 1439)


@st.composite
def nows(draw: st.DrawFn, zones: tuple[str, ...]) -> int:
    """An instant of the two years, often near a change of one of the clocks."""
    changed = [change_ms for zone in zones for change_ms in changes(zone)]
    anywhere = st.integers(FIRST, LAST)
    if not changed:
        return draw(anywhere)
    near = st.builds(lambda change_ms, off: change_ms + off, st.sampled_from(changed), st.integers(-DAY, DAY))
    return draw(near | anywhere)


@settings(max_examples=examples(60))
@given(st.data(), st.sampled_from(ZONE_SETS), MINUTES, MINUTES)
def test_the_end_is_the_first_instant_that_is_day_everywhere(
    data: st.DataObject, zones: tuple[str, ...], begin: int, end: int
) -> None:
    span = (begin, end if end != begin else (end + 1) % 1440)
    now_ms = data.draw(nows(zones))
    answer = night_ends_ms(zones, now_ms, *span)

    def night_somewhere(at_ms: int) -> bool:
        return any(reads_night(wall_minute(zone, at_ms), span) for zone in zones)

    if answer is None:
        assert not night_somewhere(now_ms)
        return
    last_ms = now_ms + HORIZON_MS if answer == NO_COMMON_DAY else answer - 1
    assert all(map(night_somewhere, range(now_ms, last_ms + 1, MINUTE)))
    assert night_somewhere(last_ms)
    if answer != NO_COMMON_DAY:
        assert now_ms < answer <= now_ms + HORIZON_MS
        assert not night_somewhere(answer)


@settings(max_examples=examples(60))
@given(st.data(), st.sampled_from(ZONE_SETS), st.sampled_from(SPANS))
def test_more_zones_never_make_it_day_sooner(
    data: st.DataObject, zones: tuple[str, ...], span: tuple[int, int]
) -> None:
    now_ms = data.draw(nows(zones))
    together = night_ends_ms(zones, now_ms, *span)
    alone = [night_ends_ms((zone,), now_ms, *span) for zone in zones]

    assert (together is None) == all(end is None for end in alone)
    if together is not None and together != NO_COMMON_DAY:
        assert together >= max(end for end in alone if end is not None)
