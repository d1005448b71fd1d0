"""`/outcomes`: what apps report of their sends: conversions, scores, steps of a journey, handling times."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from tidegate.cloudapi.messages import RecipientKind
from tidegate.cloudapi.recipients import canonical_phone
from tidegate.edge.calls import Call
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.replies import Reply, json_reply
from tidegate.policy.campaign.gate import JOURNEY, REPORTED_RATES
from tidegate.policy.campaign.gate_metric import THOUSANDTHS
from tidegate.store.outcomes import HANDLING, Report, Reported

MOST: Final = 1_000
_MOST_BYTES: Final = 1024 * 1024
_ID: Final = re.compile(r"[!-~]{1,512}")
_KEYS: Final = frozenset({"id", "message", "to", "number", "kind", "step", "value", "seconds"})
#: The `kind` of how long it took to handle what a user asked; and the longest such time (s), a week.
_HANDLING_TIME: Final = "handling_time"
_LONGEST_S: Final = 7 * 86_400
_WORDS: Final = {
    Reported.COUNTED: "counted",
    Reported.BEFORE: "counted_before",
    Reported.UNKNOWN: "unknown_message",
    Reported.TOO_LATE: "too_late",
    Reported.TOO_MANY: "too_many",
}
_UNKNOWN: Final = "unknown_message"


class _Whose(NamedTuple):
    portfolio: str
    message_id: str


class _Wrong(Exception):
    """A report that can't be taken; its text is the reason, without the values."""


async def take_outcomes(call: Call) -> Reply:
    """Count up to 1,000 reports; each is answered by itself, so that a wrong one loses no other."""
    fields = await call.fields(_MOST_BYTES)
    given = fields.get("outcomes")
    if set(fields) != {"outcomes"} or not isinstance(given, list) or not 1 <= len(given) <= MOST:
        raise Denial(Kind.BAD_REQUEST, f"body: has to be an object of `outcomes`, a list of 1 to {MOST:,}")
    told = [{"outcome": _UNKNOWN} for _ in given]
    reports: dict[str, list[tuple[int, Report]]] = {}
    for i, one in enumerate(given):
        try:
            what, value = _read(one)
            whose = await _whose(call, one)
        except _Wrong as wrong:
            told[i] = {"outcome": "refused", "why": str(wrong)}
            continue
        if whose is not None:
            reports.setdefault(whose.portfolio, []).append((i, Report(whose.message_id, what, value)))
    for portfolio, mine in reports.items():
        found = await call.services.outcomes.reported(portfolio, call.app.name, [report for _, report in mine])
        for (i, _), reported in zip(mine, found, strict=True):
            told[i] = {"outcome": _WORDS[reported]}
    for i, one in enumerate(given):
        if isinstance(one, dict) and isinstance(one.get("id"), str) and len(one["id"]) <= 200:
            told[i] = {"id": one["id"], **told[i]}
    counted = sum(one["outcome"] == "counted" for one in told)
    return json_reply({"counted": counted, "results": told})


def _read(one: Any) -> tuple[str, int]:
    """What is reported, and its value: in thousandths, of a handling time in ms."""
    if not isinstance(one, dict):
        raise _Wrong("has to be an object")
    if not set(one) <= _KEYS:
        raise _Wrong(f"has a key that is unknown; known are {', '.join(sorted(_KEYS))}")
    if (one.get("kind") == _HANDLING_TIME) != ("seconds" in one):
        raise _Wrong("seconds: has to be given with the kind handling_time, and with no other")
    if "seconds" in one:
        return HANDLING, _seconds(one)
    kind, value = one.get("kind"), one.get("value", 1 if one.get("kind") != "csat" else None)
    what = f"journey:{one['step']}" if kind == "journey" and isinstance(one.get("step"), str) else kind
    if what not in REPORTED_RATES and not (isinstance(what, str) and JOURNEY.fullmatch(what) and kind == "journey"):
        raise _Wrong("kind: has to be conversion, csat, handling_time, or journey with a step of A-Z a-z 0-9 _ . -")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise _Wrong("value: has to be a number from 0 to 1; a csat needs one")
    return str(what), round(value * THOUSANDTHS)


def _seconds(one: Mapping[str, Any]) -> int:
    seconds = one["seconds"]
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= _LONGEST_S:
        raise _Wrong(f"seconds: has to be a number from 0 to {_LONGEST_S:,}")
    if "value" in one or "step" in one:
        raise _Wrong("seconds: says all of a handling time: it has neither value nor step")
    return round(seconds * 1_000)


async def _whose(call: Call, one: Mapping[str, Any]) -> _Whose | None:
    """The message that a report speaks of; None where there is none."""
    message = one.get("message")
    if isinstance(message, str) and _ID.fullmatch(message) and "to" not in one:
        return await _of_message(call, message)
    number, phone = one.get("number"), one.get("to")
    if "message" in one or not isinstance(number, str) or not isinstance(phone, str):
        raise _Wrong("message: has to be the id of one; or to and number, the user and who wrote to them")
    digits, route = canonical_phone(phone), call.grants.route(call.app, number)
    if digits is None:
        raise _Wrong("to: has to be a phone number")
    if route is None:
        raise _Wrong("number: no such number")
    given = call.services.identity.of(RecipientKind.PHONE, digits)
    known, _ = await call.services.users.resolve(route.portfolio, given)
    last = await call.services.outcomes.last_send(route.portfolio, number, [known, given])
    return _Whose(route.portfolio, last) if last is not None else None


async def _of_message(call: Call, message: str) -> _Whose | None:
    portfolio = call.services.ids.portfolio(message)
    if portfolio is not None:
        return _Whose(portfolio, message)
    for mine in call.grants.portfolios(call.app):
        message_id = await call.services.messages.id_of_wamid(mine, message)
        if message_id is not None:
            return _Whose(mine, message_id)
    return None
