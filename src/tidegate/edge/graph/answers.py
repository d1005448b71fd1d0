"""What the gateway answered to a send, as HTTP: Meta's bytes untouched, or ours in Meta's shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from tidegate.cloudapi.errors import graph_error
from tidegate.cloudapi.messages import BadMessage, Request, queued_answer, refused_answer
from tidegate.edge.denials import RETRY_AFTER_S, Kind
from tidegate.edge.replies import Reply
from tidegate.edge.times import seconds_until, write_time_up
from tidegate.gateway import Answered, Explanation, Forwarded, Gone, Held, Refused, Unavailable
from tidegate.policy.verdict import Queue, Reason, Reject, Send, Verdict, Wait
from tidegate.upstream import Wanted

_JSON: Final = {"Content-Type": "application/json", "Cache-Control": "no-store"}
#: Clients sleep for as long as a Retry-After says, inside the call.
_LONGEST_RETRY_S: Final = 30
_ENDINGS: Final = {"failed": "failed", "expired": "expired", "cancelled": "was cancelled"}
#: Headers of Meta's answers that are passed on.
_OF_INTEREST: Final = Wanted(
    "content-type",
    "x-app-usage",
    "x-business-use-case-usage",
    "retry-after",
    "www-authenticate",
    beginnings=("x-fb-",),
)


def render(answered: Answered, request: Request, now_ms: int) -> Reply:
    """The answer to a guarded send at `now_ms`, the store's time."""
    match answered:
        case Forwarded():
            return forwarded(answered)
        case Held(message_id, verdict, reason, until_ms):
            until = _until(until_ms)
            body = queued_answer(request, message_id, verdict=verdict, reason=reason.value, until=until)
            return Reply(200, _JSON | _ours(verdict, message_id, reason, until), orjson.dumps(body))
        case Refused():
            return _refused(answered, now_ms)
        case Unavailable(message_id, _, reason):
            return unavailable(message_id, reason)
        case Gone(message_id):
            # Only a queued message can be taken from an attempt.
            return unavailable(message_id)


def forwarded(answered: Forwarded) -> Reply:
    """Meta's own answer."""
    response = answered.response
    headers = _OF_INTEREST.picked(response.head)
    headers["Tidegate-Verdict"] = "send"
    headers["Tidegate-Id"] = answered.message_id
    return Reply(response.status, headers, response.body)


def _refused(answered: Refused, now_ms: int) -> Reply:
    reason, until = answered.reason, _until(answered.until_ms)
    details = f"{answered.detail} (rule {reason.value}{f', until {until}' if until else ''})"
    body = refused_answer(reason.code, details, answered.message_id, reason=reason.value, until=until)
    headers = _JSON | _ours("reject", answered.message_id, reason, until)
    if not answered.pacing:
        return Reply(400, headers, orjson.dumps(body))
    wait_s = seconds_until(answered.until_ms or now_ms, now_ms)
    headers["Retry-After"] = str(min(max(wait_s, 1), _LONGEST_RETRY_S))
    return Reply(429, headers, orjson.dumps(body))


def unavailable(message_id: str, reason: Reason = Reason.STORE_UNAVAILABLE) -> Reply:
    """Nothing was sent, nothing is kept: try again."""
    details = "the message was neither sent nor queued: send it again"
    extra = {"tidegate": {"verdict": "reject", "reason": reason.value}}
    body = graph_error(reason.code, None, details, message_id, extra=extra, is_transient=True)
    headers = _JSON | _ours("reject", message_id, reason) | {"Retry-After": str(RETRY_AFTER_S)}
    return Reply(503, headers, orjson.dumps(body))


def taken(request: Request, message_id: str, wamid: str) -> Reply:
    """Meta took the message, and its own answer is lost: what it said, in its shape."""
    told = queued_answer(request, wamid, verdict="send")
    message = {key: value for key, value in told["messages"][0].items() if key != "message_status"}
    body = {key: told[key] for key in ("messaging_product", "contacts")} | {"messages": [message]}
    return Reply(200, _JSON | _ours("send", message_id), orjson.dumps(body))


def ended(message_id: str, state: str, cause: str) -> Reply:
    """The message was taken or kept, and has ended since (failed, expired, cancelled); `cause` may hold Meta's code."""
    code = next((int(word) for word in cause.split() if word.isascii() and word.isdecimal()), Reason.EXPIRED.code)
    details = f"the message of the first request {_ENDINGS[state]}: it is not sent again"
    body = refused_answer(code, details, message_id, reason=state)
    return Reply(400, _JSON | _ours("reject", message_id) | {"Tidegate-Reason": state}, orjson.dumps(body))


def misread(error: BadMessage, message_id: str) -> Reply:
    """The body is no message that could be sent."""
    reason = error.reason or Kind.INVALID_MESSAGE.value
    body = graph_error(
        error.code, None, error.details, message_id, extra={"tidegate": {"verdict": "reject", "reason": reason}}
    )
    headers = _JSON | _ours("reject", message_id) | {"Tidegate-Reason": reason}
    return Reply(400, headers, orjson.dumps(body))


def dry_run(explanation: Explanation, message_id: str) -> Reply:
    """What would happen; nothing did."""
    told = explained(explanation)
    until = told["until"]
    reason = Reason(told["reason"]) if told["reason"] else None
    body = {"tidegate": {**_verdict_parts(told), "answers": told["guardrails"]}}
    return Reply(200, _JSON | _ours(told["verdict"], message_id, reason, until), orjson.dumps(body))


def _verdict_parts(told: Mapping[str, Any]) -> dict[str, Any]:
    return {key: told[key] for key in ("verdict", "reason", "until")}


def explained(explanation: Explanation) -> dict[str, Any]:
    """A verdict with every guardrail's answer, as JSON values."""
    verdict, reason, until_ms = _told(explanation.verdict)
    return {
        "verdict": verdict,
        "reason": reason.value if reason else None,
        "until": _until(until_ms),
        "guardrails": [
            {
                "guardrail": answer.guardrail,
                "mode": answer.mode.value,
                "objects": answer.objection is not None,
                "reason": answer.objection.reason.value if answer.objection else None,
                "detail": answer.objection.detail if answer.objection else None,
                "until": _until(answer.objection.until_ms) if answer.objection else None,
            }
            for answer in explanation.answers
        ],
    }


def _told(verdict: Verdict) -> tuple[str, Reason | None, int | None]:
    match verdict:
        case Send():
            return "send", None, None
        case Wait(objection, until_ms):
            # It would wait for its turn, and then go.
            return "send", objection.reason, until_ms
        case Queue(reason, _, until_ms):
            return "queue", reason, until_ms
        case Reject(reason, _, until_ms):
            return "reject", reason, until_ms


def _until(until_ms: int | None) -> str | None:
    return None if until_ms is None else write_time_up(until_ms)


def _ours(verdict: str, message_id: str, reason: Reason | None = None, until: str | None = None) -> dict[str, str]:
    headers = {"Tidegate-Verdict": verdict, "Tidegate-Id": message_id}
    if reason is not None:
        headers["Tidegate-Reason"] = reason.value
    if until is not None:
        headers["Tidegate-Until"] = until
    return headers
