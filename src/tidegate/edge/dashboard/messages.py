"""One message: what became of it and why, and while it waits what every guardrail says of it now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tidegate.edge.calls import Call
from tidegate.edge.control.messages import guardrails_of, message_of
from tidegate.edge.denials import Denial, Kind

#: Of a state: how it looks.
_TONES: Final[Mapping[str, str]] = {
    "queued": "warn",
    "sending": "calm",
    "unknown": "warn",
    "accepted": "good",
    "sent": "good",
    "delivered": "good",
    "read": "good",
    "failed": "bad",
    "expired": "bad",
    "cancelled": "bad",
}


async def gather(call: Call) -> dict[str, Any]:
    """The message of the id in the query, by the gateway's or by Meta's; without one, where to ask for it."""
    wanted = (call.query("id") or "").strip()
    told = {"wanted": wanted, "message": None, "guardrails": None, "tones": _TONES}
    if not wanted:
        return told
    try:
        return {**told, "message": await message_of(call, wanted), "guardrails": await guardrails_of(call, wanted)}
    except Denial as denial:
        if denial.kind is not Kind.NOT_FOUND:
            raise
        return told
