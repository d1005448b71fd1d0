"""The periods of a budget, by a calendar.

An amount is reserved when a message is admitted, settled when a status tells what Meta bills, and given back when the
message failed (`store/lua/_paces.lua`). A charge belongs to the period in which it was reserved, whenever it is
settled.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo


class Period(StrEnum):
    """For how long a budget is: a calendar day, a week from Monday, or a calendar month."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    def bounds_ms(self, zone: str, at_ms: int) -> tuple[int, int]:
        """Start (included) and end (not included) of the period around a time, in ms, by the calendar of an IANA zone.

        Raises what ZoneInfo raises for a zone that is none.
        """
        calendar = ZoneInfo(zone)
        return _bounds_ms(self, calendar, datetime.fromtimestamp(at_ms // 1000, calendar).date())


@lru_cache(maxsize=256)
def _bounds_ms(period: Period, zone: ZoneInfo, today: date) -> tuple[int, int]:
    if period is Period.MONTH:
        first = today.replace(day=1)
        next_first = (first + timedelta(days=31)).replace(day=1)
    else:
        first = today if period is Period.DAY else today - timedelta(days=today.weekday())
        next_first = first + timedelta(days=1 if period is Period.DAY else 7)
    return _begin_ms(zone, first), _begin_ms(zone, next_first)


def _begin_ms(zone: ZoneInfo, day: date) -> int:
    # Where the clock jumps over midnight this is the jump; where it shows midnight twice, the first time.
    return int(datetime.combine(day, time.min, zone).timestamp()) * 1000
