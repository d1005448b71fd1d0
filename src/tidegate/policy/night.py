"""The recipient's night: when a message may go that must not ring anybody out of bed.

The wall clock decides: an instant is night in a zone when the clock there reads a time of day within the quiet hours.
So a night is an hour shorter where the clock jumps forward during it, an hour longer where it is set back, and an hour
that the clock shows twice is quiet twice, or not at all.

Where a recipient may be in several zones it has to be day in all of them. Zones far apart leave a short common day:
with quiet hours from 21:00 to 08:00 a Russian mobile number has 3 h, from 08:00 in Kaliningrad to 21:00 in Kamchatka,
ten hours further east. With quiet hours from 18:00 to 08:00 it has none.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from tidegate.policy.zones import load_zone

NO_COMMON_DAY: Final = -1
"""What `night_ends_ms` answers when it is never day in all candidate zones within HORIZON_MS."""

_MINUTE_MS: Final = 60_000
_STEP_MS: Final = 3 * 3_600_000
_DAY_MS: Final = 86_400_000
HORIZON_MS: Final = 2 * _DAY_MS
"""How far ahead a common day is looked for; what it looks like repeats daily, but for changes of the clocks."""

_Span = tuple[int, int]


def night_ends_ms(zones: Sequence[str], now_ms: int, from_minute: int, to_minute: int) -> int | None:
    """When the night ends for a recipient in any of these IANA zones; None when it is day in all of them now.

    The answer is the first millisecond from `now_ms` on at which it is day in every zone at once, or NO_COMMON_DAY.
    Night is from `from_minute` (included) to `to_minute` (not included), in minutes since local midnight, over
    midnight when `from_minute` is the later one.

    Names that are no zone are left out. Of whom no zone is known nothing is judged: None for (), or only such names.
    Costs a look-up in a table that is made once for each set of zones and day (UTC).

    Raises ValueError when the minutes are the same or not within a day, OverflowError or ValueError when `now_ms` is
    not within the years 1 to 9999.
    """
    starts, ends = _nights(tuple(zones), from_minute, to_minute, now_ms // _DAY_MS)
    latest = bisect_right(starts, now_ms) - 1
    if latest < 0 or ends[latest] <= now_ms:
        return None
    return ends[latest] if ends[latest] - now_ms <= HORIZON_MS else NO_COMMON_DAY


def night_begins_ms(zones: Sequence[str], now_ms: int, from_minute: int, to_minute: int) -> int | None:
    """When the next night begins in the first of these zones; `now_ms` when it is night in any of them.

    None where no zone is known. It may name a time before which a night cannot begin, when none begins for two days.
    Minutes, zones and errors are as for `night_ends_ms`.
    """
    day = now_ms // _DAY_MS
    starts, ends = _nights(tuple(zones), from_minute, to_minute, day)
    if not any(map(load_zone, zones)):
        return None
    following = bisect_right(starts, now_ms)
    if following and ends[following - 1] > now_ms:
        return now_ms
    return starts[following] if following < len(starts) else (day + 1) * _DAY_MS + HORIZON_MS


@lru_cache(maxsize=4096)
def _nights(
    zones: tuple[str, ...], from_minute: int, to_minute: int, day: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Starts and ends of the spans that are night in any of the zones, on this day (UTC) and a horizon beyond it."""
    if from_minute == to_minute or not (0 <= from_minute < 1440 and 0 <= to_minute < 1440):
        raise ValueError("a night is from one minute of the day to another, both 0 to 1439")
    known = filter(None, map(load_zone, zones))
    spans = sorted(span for zone in known for span in _zone_nights(zone, from_minute, to_minute, day))
    starts: list[int] = []
    ends: list[int] = []
    for start, end in spans:
        if ends and start <= ends[-1]:
            ends[-1] = max(ends[-1], end)
        else:
            starts.append(start)
            ends.append(end)
    return tuple(starts), tuple(ends)


@lru_cache(maxsize=4096)
def _zone_nights(zone: ZoneInfo, from_minute: int, to_minute: int, day: int) -> tuple[_Span, ...]:
    """The nights of one zone from the start of this day (UTC) to a horizon beyond its end; the last may be cut off."""
    start_ms = day * _DAY_MS
    length_ms = (to_minute - from_minute) % 1440 * _MINUTE_MS
    nights: list[_Span] = []
    for begin_ms, end_ms, offset_ms in _steady(zone, start_ms, start_ms + _DAY_MS + HORIZON_MS):
        # While the offset stands still the wall clock runs evenly: its nights are those of a day of 24 hours. The
        # first may have begun the day before.
        midnight_ms = (begin_ms + offset_ms) // _DAY_MS * _DAY_MS - _DAY_MS - offset_ms
        for dusk_ms in range(midnight_ms + from_minute * _MINUTE_MS, end_ms, _DAY_MS):
            night = max(dusk_ms, begin_ms), min(dusk_ms + length_ms, end_ms)
            if night[0] < night[1]:
                nights.append(night)
    return tuple(nights)


def _steady(zone: ZoneInfo, begin_ms: int, end_ms: int) -> Iterator[tuple[int, int, int]]:
    """The stretches of [begin, end) in which the zone's offset from UTC does not change, each with its offset in ms.

    Looks every three hours: no zone changes its clock twice within so short a time.
    """
    stretch_ms, offset_ms = begin_ms, _offset_ms(zone, begin_ms)
    for at_ms in range(begin_ms + _STEP_MS, end_ms + 1, _STEP_MS):
        changed_ms = _offset_ms(zone, at_ms)
        if changed_ms != offset_ms:
            change_ms = _change_between(zone, at_ms - _STEP_MS, at_ms)
            yield stretch_ms, change_ms, offset_ms
            stretch_ms, offset_ms = change_ms, changed_ms
    yield stretch_ms, end_ms, offset_ms


def _change_between(zone: ZoneInfo, before_ms: int, after_ms: int) -> int:
    """The first whole second with the later offset; clocks change on whole seconds."""
    new_ms = _offset_ms(zone, after_ms)
    before_s, after_s = before_ms // 1000, after_ms // 1000
    while after_s - before_s > 1:
        middle_s = (before_s + after_s) // 2
        if _offset_ms(zone, middle_s * 1000) == new_ms:
            after_s = middle_s
        else:
            before_s = middle_s
    return after_s * 1000


def _offset_ms(zone: ZoneInfo, at_ms: int) -> int:
    offset = datetime.fromtimestamp(at_ms // 1000, zone).utcoffset()
    assert offset is not None  # a ZoneInfo always has one
    return offset.days * _DAY_MS + offset.seconds * 1000
