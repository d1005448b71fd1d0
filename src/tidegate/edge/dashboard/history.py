"""The history: every rating, limit, template, breaker and pause that changed, with what was sent before a fall."""

from __future__ import annotations

from typing import Any, Final

from tidegate.edge.calls import Call
from tidegate.edge.control.quality import changes_of, days_asked, told_with_sends
from tidegate.edge.dashboard.worded import worded

KINDS: Final = ("number", "limit", "template", "breaker", "pause", "rules")
#: On one page.
MOST: Final = 300


async def gather(call: Call) -> dict[str, Any]:
    """The changes of the days that the query asks for, newest first. Raises Denial for days that it can't tell of."""
    days = days_asked(call.query("days") or None)
    kind = call.query("kind") or ""
    found, truncated = await changes_of(call, days, lambda _, event: kind in ("", event.kind))
    return {
        "days": days,
        "kind": kind,
        "kinds": KINDS,
        "changes": [worded(change) for change in await told_with_sends(call, found[:MOST])],
        "more": max(0, len(found) - MOST),
        "truncated": truncated,
    }
