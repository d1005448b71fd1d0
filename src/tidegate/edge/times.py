"""Times on the wire: RFC 3339 in UTC, and spans as whole seconds."""

from __future__ import annotations

from tidegate.policy.instant import read_time, write_time, write_time_up

__all__ = ["read_time", "seconds_until", "write_time", "write_time_up"]


def seconds_until(at_ms: int, now_ms: int) -> int:
    """Whole seconds from now, rounded up; 0 for what is past."""
    return max(0, -((now_ms - at_ms) // 1000))
