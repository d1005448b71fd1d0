"""The audit: who did what, when and why."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from tidegate.edge.calls import Call
from tidegate.edge.control.audit import audit_of

MOST: Final = 100
FILTERS: Final = ("act", "app", "since", "until")


async def gather(call: Call) -> dict[str, Any]:
    """The newest entries that the query's filters let through. Raises Denial for a filter that is none."""
    given = {name: call.query(name) for name in FILTERS}
    told = await audit_of(call, MOST)
    further = {name: value for name, value in given.items() if value} | {"before": told["next"]}
    return {
        "entries": told["entries"],
        "given": {name: value or "" for name, value in given.items()},
        "further": urlencode(further) if told["next"] else None,
    }
