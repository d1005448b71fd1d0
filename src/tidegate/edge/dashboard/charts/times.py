"""Times as charts write them: in UTC, and said to be so beside them."""

from __future__ import annotations

from datetime import UTC, datetime


def clock(at_ms: int) -> str:
    """The time of day: 09:05."""
    return _utc(at_ms).strftime("%H:%M")


def day(at_ms: int) -> str:
    """The day of the year: 3 Nov."""
    return f"{_utc(at_ms).day} {_utc(at_ms):%b}"


def day_and_clock(at_ms: int) -> str:
    """Both: 3 Nov 09:05."""
    return f"{day(at_ms)} {clock(at_ms)}"


def span(length_ms: int) -> str:
    """A length in its two largest units: 2 d 5 h, 3 h 20 min, 12 min, 40 s."""
    seconds = round(length_ms / 1000)
    if seconds < 60:
        return f"{seconds} s"
    minutes, hours, days = seconds // 60 % 60, seconds // 3600 % 24, seconds // 86_400
    told = [f"{count} {unit}" for count, unit in ((days, "d"), (hours, "h"), (minutes, "min")) if count]
    return " ".join(told[:2]) if not (days and not hours) else f"{days} d"


def _utc(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
