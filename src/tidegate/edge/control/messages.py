"""`/messages/{id}`: what became of a message; and its recall while it waits."""

from __future__ import annotations

import re
from typing import Any, Final

from tidegate.cloudapi.messages import BadMessage
from tidegate.edge.calls import Call
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.graph.answers import explained
from tidegate.edge.replies import Reply, json_reply
from tidegate.edge.times import write_time, write_time_up
from tidegate.policy.audit import Act
from tidegate.policy.campaign.part import Part
from tidegate.policy.lifecycle import State
from tidegate.policy.rules import Delivery
from tidegate.store.messages import MessageRecord
from tidegate.store.sealing import BrokenSeal

_ID: Final = re.compile(r"[!-~]{1,512}")

_VERDICTS: Final[dict[State, str]] = {
    State.QUEUED: "queue",
    State.SENDING: "send",
    State.UNKNOWN: "unknown",
    State.ACCEPTED: "send",
    State.SENT: "send",
    State.DELIVERED: "send",
    State.READ: "send",
    State.FAILED: "send",
    State.EXPIRED: "reject",
    State.CANCELLED: "reject",
}


#: Of events that need no other word.
_CAUSES: Final = {
    State.SENDING.value: "all that it needs was free: it was handed to Meta",
    State.ACCEPTED.value: "Meta took it",
}


async def read_message(call: Call) -> Reply:
    """One message, by the gateway's id or by Meta's; with `guardrails=true` what each says of it while it is queued."""
    wanted, asked = call.path("id"), call.query("guardrails")
    if asked not in (None, "true", "false"):
        raise Denial(Kind.BAD_REQUEST, "query guardrails: has to be true or false")
    told = await message_of(call, wanted)
    return json_reply({**told, "guardrails": await guardrails_of(call, wanted)} if asked == "true" else told)


async def message_of(call: Call, wanted: str) -> dict[str, Any]:
    """The message of this id, the gateway's or Meta's, as JSON values. Raises Denial."""
    record = await _find(call, wanted)
    told = _told(record)
    # Whoever runs the number sees what became of a message; what its sender noted of it is the sender's.
    if record.about.get("app") == call.app.name:
        told["biz_opaque_callback_data"] = await call.services.messages.opaque(record.message_id, record.about)
    return told


async def guardrails_of(call: Call, wanted: str) -> dict[str, Any] | None:
    """What would happen to a queued message if it were tried now, guardrail by guardrail, as `POST /decide` tells it.

    None for one that is not queued, and for one that can't be read any more. Raises Denial.
    """
    record, services = await _find(call, wanted), call.services
    queued = await services.queue.peek(record.portfolio, record.message_id)
    if queued is None:
        return None
    try:
        message = await services.dispatcher.message(queued)
    except (BrokenSeal, BadMessage, KeyError, ValueError):
        return None
    return explained(await services.gateway.explain(message))


async def cancel_message(call: Call) -> Reply:
    """Take a message out of the queue. Raises Denial (conflict, with its `state`) when it is too late."""
    record = await _find(call, call.path("id"))
    if record.about.get("app") != call.app.name:
        target = {"message": record.message_id, "number": record.about.get("number", "")}
        await call.audit(record.portfolio, Act.MESSAGE_CANCEL, target)
    was = await call.services.queue.end(
        record.portfolio, record.message_id, State.CANCELLED.value, f"cancelled by {call.app.name}"
    )
    if was == State.QUEUED.value:
        if (part := Part.of(record.about)) is not None:
            call.services.fate_notes.note(record.portfolio, part, State.CANCELLED)
        call.services.feed.became(record.portfolio, record.message_id, State.CANCELLED.value, record.about)
        return json_reply({"id": record.message_id, "state": State.CANCELLED.value})
    if not was:
        raise Denial(Kind.NOT_FOUND, "no such message")
    extra = {"id": record.message_id, "state": was}
    raise Denial(Kind.CONFLICT, f"it is too late: the message is {was}", extra=extra)


async def _find(call: Call, wanted: str) -> MessageRecord:
    record = await _record(call, wanted)
    if record is None or not call.grants.may_see(call.app, record.about):
        raise Denial(Kind.NOT_FOUND, "no such message")
    return record


async def _record(call: Call, wanted: str) -> MessageRecord | None:
    messages, services = call.services.messages, call.services
    if not _ID.fullmatch(wanted):
        return None
    portfolio = services.ids.portfolio(wanted)
    if portfolio is not None:
        return await messages.find(portfolio, wanted)
    for mine in call.grants.portfolios(call.app):
        message_id = await messages.id_of_wamid(mine, wanted)
        if message_id is not None:
            return await messages.find(mine, message_id)
    return None


def _told(record: MessageRecord) -> dict[str, Any]:
    refused = record.state is State.FAILED and record.reason is not None
    about = record.about
    # What it waited for while it was queued says nothing of it later.
    until_ms = record.until_ms if record.state is State.QUEUED else None
    return {
        "id": record.message_id,
        "state": record.state.value,
        "wamid": record.wamid,
        "verdict": "reject" if refused else _VERDICTS[record.state],
        "reason": record.reason,
        "until": None if until_ms is None else write_time_up(until_ms),
        "unresolved": record.state is State.UNKNOWN and record.unresolved_at_ms is not None,
        "unresolved_at": None if record.unresolved_at_ms is None else write_time(record.unresolved_at_ms),
        "expires_at": None if record.expires_at_ms is None else write_time(record.expires_at_ms),
        "portfolio": record.portfolio,
        "waba": about.get("waba"),
        "number": about.get("number"),
        "app": about.get("app"),
        "category": about.get("category"),
        "type": about.get("type"),
        "template": about.get("template"),
        "campaign": about.get("campaign"),
        "delivery": about.get("delivery", Delivery.AT_MOST_ONCE.value),
        "biz_opaque_callback_data": None,
        "rules_version": about.get("rules"),
        "history": [
            {"at": write_time(event.at_ms), "state": event.state, "cause": event.cause or _CAUSES.get(event.state)}
            for event in record.history
        ],
    }
