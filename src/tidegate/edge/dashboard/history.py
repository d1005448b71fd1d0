"""The history: every rating, limit, template, breaker and pause that changed, with what was sent before a fall."""

from __future__ import annotations

from typing import Any, Final

from tidegate.edge.calls import Call
from tidegate.edge.control.quality import days_asked, quality_of
from tidegate.edge.dashboard.worded import worded

KINDS: Final = ("number", "limit", "template", "breaker", "pause", "rules")
#: On one page.
MOST: Final = 300


async def gather(call: Call) -> dict[str, Any]:
    """The changes of the days that the query asks for, newest first. Raises Denial for days that it can't tell of."""
    days = days_asked(call.query("days") or None)
    kind = call.query("kind") or ""
    told = await quality_of(call, days)
    found = [change for change in told["changes"] if kind in ("", change["kind"])]
    return {
        "days": days,
        "kind": kind,
        "kinds": KINDS,
        "changes": [worded(change) for change in found[:MOST]],
        "more": max(0, len(found) - MOST),
        "truncated": told["truncated"],
    }
