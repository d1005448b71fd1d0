"""One campaign: its steps and what their gates said, how far it is, and what moves it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tidegate.edge.calls import Call
from tidegate.edge.control.campaign_verbs import found_for, steer
from tidegate.edge.control.campaigns import find_campaign, may_see, may_steer, shown_campaign
from tidegate.edge.dashboard import tones
from tidegate.edge.dashboard.charts import draw
from tidegate.edge.dashboard.charts.campaign import steps_chart
from tidegate.edge.dashboard.gate_words import WHY_HALTED, setback
from tidegate.edge.denials import Denial, Kind
from tidegate.policy.campaign.phase import Event, Phase, after
from tidegate.settings.tables import Scope
from tidegate.store.campaigns import CampaignRecord

#: What somebody may do, and which of it opens what was closed: only the owner or an admin does that.
VERBS: Final = (Event.START, Event.RESUME, Event.PAUSE, Event.CANCEL)


async def gather(call: Call) -> dict[str, Any]:
    """The campaign that the path names. Raises Denial (not found) for one that is not the app's to see."""
    record = await find_campaign(call)
    campaign = await shown_campaign(call, record)
    return {
        "campaign": campaign,
        "picture": await draw(steps_chart(campaign)),
        "verbs": [event.value for event in VERBS if _may(call, record, event)],
        "why": WHY_HALTED,
        "setback": setback,
        "tones": tones,
    }


async def move(call: Call, fields: Mapping[str, str]) -> str:
    """Start, pause, resume or cancel it, as the path says. Raises Denial."""
    verb = call.path("verb")
    if verb not in {event.value for event in VERBS}:
        raise Denial(Kind.NOT_FOUND, "there is nothing here")
    event = Event(verb)
    record = await found_for(call, event)
    await steer(call, record, event, fields)
    return f"/campaigns/{record.campaign.campaign_id}"


def _may(call: Call, record: CampaignRecord, event: Event) -> bool:
    phase = Phase(record.state)
    if after(phase, event) in (None, phase):
        return False
    if may_steer(call, record):
        return True
    return event is Event.PAUSE and Scope.ONCALL in call.app.scopes and may_see(call, record)
