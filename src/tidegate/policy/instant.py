"""Instants as people and programs write them: RFC 3339, read with any offset, written in UTC and whole seconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

_RFC3339: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_SECONDS: Final = len("2026-11-21T09:00:00")
_LAST_S: Final = 253_402_300_799  # 9999-12-31T23:59:59Z


def write_time(at_ms: int) -> str:
    """The second that `at_ms` is in, such as `2026-11-21T09:00:00Z`."""
    return _write(at_ms // 1000)


def write_time_up(at_ms: int) -> str:
    """The first whole second that is not before `at_ms`: whoever comes back then does not come too early."""
    return _write(-(-at_ms // 1000))


def _write(at_s: int) -> str:
    # Histories have many thousands of times: this takes a third of what strftime does.
    return f"{datetime.fromtimestamp(min(max(at_s, 0), _LAST_S), UTC).isoformat()[:_SECONDS]}Z"


def read_time(text: str) -> int | None:
    """Milliseconds since 1970 of an RFC 3339 time, which has to name its offset; None for whatever is not one."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        return None
    date, time, fraction, offset = match.groups()
    try:
        whole = datetime.fromisoformat(f"{date}T{time}{'+00:00' if offset in 'Zz' else offset}")
        at_s = whole.timestamp()
    except (ValueError, OverflowError):
        return None
    return int(at_s) * 1000 + int((fraction or "0").ljust(3, "0")[:3])
