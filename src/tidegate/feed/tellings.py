"""What the feed tells of each thing that happens. Recipients are masked as in the logs; nothing else is personal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from tidegate.cloudapi.errors import read_error
from tidegate.gateway import Answered, Forwarded, Held, Message, Refused
from tidegate.logs import mask_value
from tidegate.policy.campaign.phase import Event as CampaignEvent
from tidegate.policy.campaign.run import Run
from tidegate.policy.campaign.spec import Campaign
from tidegate.policy.instant import write_time_up
from tidegate.store.standing_history import StandingEvent

_OF_MESSAGE: Final = ("app", "number", "category", "type", "template", "campaign")


def decision(message: Message, answered: Answered) -> dict[str, Any]:
    """A send, and how it was answered."""
    reason = answered.reason
    until_ms = answered.until_ms if isinstance(answered, Held | Refused) else None
    code = None
    if isinstance(answered, Forwarded) and not answered.accepted:
        error = read_error(answered.response.body)
        code = error.code if error is not None else None
    return {
        **_of_message(message.noted()),
        "waba": message.route.waba,
        "message_id": answered.message_id,
        "verdict": answered.verdict,
        "reason": reason.value if reason is not None else None,
        "until": None if until_ms is None else write_time_up(until_ms),
        "recipient": mask_value(message.request.recipient, "recipient"),
        "from_queue": message.queued,
        "meta_code": code,
    }


def status(message_id: str, state: str, about: Mapping[str, str], codes: Iterable[int]) -> dict[str, Any]:
    """A message's new state; `about` is what was noted of it."""
    return {**_of_message(about), "message_id": message_id, "state": state, "codes": list(codes)}


def campaign(spec: Campaign, run: Run, event: CampaignEvent, by: str) -> dict[str, Any]:
    """A campaign after a move."""
    return {
        "campaign": spec.campaign_id,
        "app": spec.app,
        "numbers": list(spec.numbers),
        "event": event.value,
        "phase": run.phase.value,
        "step": spec.steps[run.step].name if run.step < len(spec.steps) else None,
        "by": by or None,
    }


def change(event: StandingEvent) -> dict[str, Any]:
    """A change of standing."""
    return {
        "kind": event.kind,
        "key": event.key,
        "field": event.field,
        "from": shown(event, event.before),
        "to": shown(event, event.after),
        "cause": event.cause,
        "source": event.source,
    }


def shown(event: StandingEvent, value: Any) -> Any:
    """A value of a change as it is shown."""
    # Beside the rules it is noted of which file they are: that is the gateway's own business.
    return {"rules": value.get("rules")} if event.kind == "rules" and isinstance(value, dict) else value


def _of_message(noted: Mapping[str, str]) -> dict[str, Any]:
    return {name: noted.get(name) for name in _OF_MESSAGE}
