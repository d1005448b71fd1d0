"""`/campaigns/{campaign}/start`, `pause`, `resume`, `cancel`: what is acknowledged is in force on every node."""

from __future__ import annotations

from typing import Final

from tidegate.edge.calls import Call
from tidegate.edge.control.campaigns import find_campaign, may_see, may_steer, shown_campaign, target_of
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.replies import Reply, json_reply
from tidegate.policy.audit import Act
from tidegate.policy.campaign.phase import LIVE, STOPPED, Event, Phase, after
from tidegate.policy.campaign.run import Run
from tidegate.settings.tables import Scope
from tidegate.store.campaigns import CampaignRecord

_LONGEST: Final = 500
#: Where each verb leads: whoever asks for it again is told that it is so.
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
    record = await find_campaign(call, steers=True)
    if record.audience is None or record.audience.rows == 0:
        raise Denial(Kind.CONFLICT, "the campaign has no audience yet")
    if (await call.books(record.campaign.portfolio)).now_ms >= record.campaign.deadline_ms:
        raise Denial(Kind.CONFLICT, "the campaign's deadline has passed")
    return await _moved(call, record, Event.START, await _reason(call))


async def pause_campaign(call: Call) -> Reply:
    """Stop it, for a reason; whoever is on call may stop any that he sees."""
    record = await find_campaign(call)
    if not (may_steer(call, record) or (Scope.ONCALL in call.app.scopes and may_see(call, record))):
        raise Denial(Kind.FORBIDDEN, "the campaign is another app's: this takes the scope admin or oncall")
    return await _moved(call, record, Event.PAUSE, await _reason(call, "to pause a campaign"))


async def resume_campaign(call: Call) -> Reply:
    """Go on where it was stopped: who paused it knows why it may go on, anybody else has to say so."""
    record = await find_campaign(call, steers=True)
    run = Run.from_json(record.progress)
    must_tell = run.phase is Phase.HALTED or (run.phase is Phase.PAUSED and run.by != call.app.name)
    return await _moved(call, record, Event.RESUME, await _reason(call, "to resume it" if must_tell else ""))


async def cancel_campaign(call: Call) -> Reply:
    """End it: what is on its way to Meta ends as it does, what is queued is taken out, the rest is never sent."""
    record = await find_campaign(call, steers=True)
    of_others = record.campaign.app != call.app.name
    return await _moved(call, record, Event.CANCEL, await _reason(call, "to cancel another app's" if of_others else ""))


async def _moved(call: Call, record: CampaignRecord, event: Event, reason: str) -> Reply:
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
    return json_reply(await shown_campaign(call, moved))


async def _reason(call: Call, required_for: str = "") -> str:
    fields = await call.fields() if call.request.can_read_body else {}
    if fields.keys() - {"reason"}:
        raise Denial(Kind.BAD_REQUEST, "body: may have reason, and nothing else")
    given = fields.get("reason")
    if given is None and not required_for:
        return ""
    if not isinstance(given, str) or not 0 < len(given.strip()) <= _LONGEST or not given.isprintable():
        needed = f"is required {required_for}, " if required_for else "has to be "
        raise Denial(Kind.BAD_REQUEST, f"body reason: {needed}1 to {_LONGEST} printable characters")
    return given.strip()
