"""The campaigns: which run, which stand still, and how far each is."""

from __future__ import annotations

from typing import Any, Final

from tidegate.edge.calls import Call
from tidegate.edge.control.campaign_progress import told_progress
from tidegate.edge.control.campaigns import seen_campaigns, told_campaign
from tidegate.edge.dashboard import tones
from tidegate.policy.campaign.phase import LIVE, Phase

#: On one page, and of how many of them it is read how far they are: those that are under way come first.
MOST: Final = 100
_MOST_LOOKED_AT: Final = 20
_RANK: Final = {Phase.HALTED: 0, Phase.PAUSED: 1}
_GONE: Final = ("sent", "delivered", "read", "failed", "expired", "cancelled", "unknown")


async def gather(call: Call) -> dict[str, Any]:
    """The campaigns that the app may see: what stands still first, then what runs, then the rest by age."""
    records = await seen_campaigns(call)
    records.sort(key=lambda record: _rank(Phase(record.state)))
    shown = []
    for nth, record in enumerate(records[:MOST]):
        told = told_campaign(record)
        live = Phase(record.state) in LIVE and nth < _MOST_LOOKED_AT
        progress = await told_progress(call, record) if live else None
        shown.append(
            {**told, "gone": None if progress is None else _gone(progress), "eta": progress and progress["eta"]}
        )
    return {"campaigns": shown, "known": len(records), "tones": tones}


def _rank(phase: Phase) -> int:
    return _RANK.get(phase, 2 if phase in LIVE else 3)


def _gone(progress: dict[str, Any]) -> int:
    return sum(progress["progress"][word] for word in _GONE)
