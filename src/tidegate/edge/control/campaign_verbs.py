"""`/campaigns/{campaign}/start`, `pause`, `resume`, `cancel`: what is acknowledged is in force on every node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tidegate.edge.calls import Call
from tidegate.edge.control.campaigns import find_campaign, may_see, may_steer, shown_campaign, target_of
from tidegate.edge.control.reasons import read_reason
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.replies import Reply, json_reply
from tidegate.policy.audit import Act
from tidegate.policy.campaign.phase import LIVE, STOPPED, Event, Phase, after
from tidegate.policy.campaign.run import Run
from tidegate.settings.tables import Scope
from tidegate.store.campaigns import CampaignRecord

_DONE: Final = {
    Event.START: LIVE - STOPPED,
    Event.PAUSE: frozenset({Phase.PAUSED, Phase.HALTED}),
    Event.RESUME: LIVE - STOPPED,
    Event.CANCEL: frozenset({Phase.CANCELLING, Phase.CANCELLED}),
}
_ACTS: Final = {
    Event.START: Act.CAMPAIGN_START,
    Event.PAUSE: Act.CAMPAIGN_PAUSE,
    Event.RESUME: Act.CAMPAIGN_RESUME,
    Event.CANCEL: Act.CAMPAIGN_CANCEL,
}


async def start_campaign(call: Call) -> Reply:
    """Begin with the first step, when its time has come."""
    return await _answered(call, Event.START)


async def pause_campaign(call: Call) -> Reply:
    """Stop it, for a reason; whoever is on call may stop any that he sees."""
    return await _answered(call, Event.PAUSE)


async def resume_campaign(call: Call) -> Reply:
    """Go on where it was stopped: who paused it knows why it may go on, anybody else has to say so."""
    return await _answered(call, Event.RESUME)


async def cancel_campaign(call: Call) -> Reply:
    """End it: what is on its way to Meta ends as it does, what is queued is taken out, the rest is never sent."""
    return await _answered(call, Event.CANCEL)


async def _answered(call: Call, event: Event) -> Reply:
    # Whether it may is told before what it wrote.
    record = await found_for(call, event)
    fields = await call.fields() if call.request.can_read_body else {}
    return json_reply(await steer(call, record, event, fields))


async def found_for(call: Call, event: Event) -> CampaignRecord:
    """The campaign that the path names, which the app may do this to. Raises Denial."""
    if event is not Event.PAUSE:
        return await find_campaign(call, steers=True)
    record = await find_campaign(call)
    if not (may_steer(call, record) or (Scope.ONCALL in call.app.scopes and may_see(call, record))):
        raise Denial(Kind.FORBIDDEN, "the campaign is another app's: this takes the scope admin or oncall")
    return record


async def steer(call: Call, record: CampaignRecord, event: Event, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Start, pause, resume or cancel it, for the reason that a body names: it as JSON values. Raises Denial."""
    campaign, run = record.campaign, Run.from_json(record.progress)
    required_for = ""
    match event:
        case Event.START:
            if record.audience is None or record.audience.rows == 0:
                raise Denial(Kind.CONFLICT, "the campaign has no audience yet")
            if (await call.books(campaign.portfolio)).now_ms >= campaign.deadline_ms:
                raise Denial(Kind.CONFLICT, "the campaign's deadline has passed")
        case Event.PAUSE:
            required_for = "to pause a campaign"
        case Event.RESUME:
            must_tell = run.phase is Phase.HALTED or (run.phase is Phase.PAUSED and run.by != call.app.name)
            required_for = "to resume it" if must_tell else ""
        case _:
            required_for = "" if campaign.app == call.app.name else "to cancel another app's"
    return await _moved(call, record, event, _reason(fields, required_for))


async def _moved(call: Call, record: CampaignRecord, event: Event, reason: str) -> dict[str, Any]:
    campaign, phase = record.campaign, Run.from_json(record.progress).phase
    moved: CampaignRecord | None = record
    if after(phase, event) is not None:
        await call.audit(campaign.portfolio, _ACTS[event], target_of(campaign), reason, name=campaign.name)
        moved = await call.services.steering.move(record, event, reason=reason, by=call.app.name)
    elif phase in _DONE[event]:
        # Asked again, perhaps because the first answer was lost: what was left undone is done.
        await call.services.steering.mirror(campaign.portfolio, campaign.campaign_id)
    else:
        moved = None
    if moved is None:
        known = await find_campaign(call)
        extra = {"id": campaign.campaign_id, "state": known.state}
        raise Denial(Kind.CONFLICT, f"the campaign is {known.state}: {event.value} is not possible", extra=extra)
    return await shown_campaign(call, moved)


def _reason(fields: Mapping[str, Any], required_for: str) -> str:
    if fields.keys() - {"reason"}:
        raise Denial(Kind.BAD_REQUEST, "body: may have reason, and nothing else")
    return read_reason(fields.get("reason"), required=f"is required {required_for}, " if required_for else None)
