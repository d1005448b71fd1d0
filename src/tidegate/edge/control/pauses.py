"""`/pauses`: stop and resume by hand. What is acknowledged is in force on every node."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Final

from tidegate.cloudapi.vocabulary import Category
from tidegate.edge.calls import Call
from tidegate.edge.control.reasons import read_reason
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.replies import Reply, json_reply
from tidegate.edge.times import write_time, write_time_up
from tidegate.policy.audit import Act
from tidegate.policy.duration import read_duration
from tidegate.policy.standing import Change, Pause

SCOPES: Final = ("number", "template", "category", "campaign", "portfolio")
_LONGEST_VALUE: Final = 512


async def list_pauses(call: Call) -> Reply:
    """The pauses in force."""
    return json_reply({"pauses": await pauses_in_force(call)})


async def start_pause(call: Call) -> Reply:
    """Stop the sends in a scope; those of a template, category or campaign in all portfolios of the app."""
    told = await pause(call, await call.fields())
    return json_reply(told, 201, {"Location": f"/gateway/v1/pauses/{told['id']}"})


async def pause(call: Call, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Stop what a body of `POST /pauses` names: the pause as JSON values, in force on every node. Raises Denial."""
    unknown = fields.keys() - {"scope", "reason", "for"}
    if unknown:
        raise Denial(Kind.BAD_REQUEST, "body: may have scope, reason and for, and nothing else")
    scope, value = _scope(fields.get("scope"))
    reason = read_reason(fields.get("reason"))
    span_ms = _span_ms(fields["for"]) if fields.get("for") is not None else None
    pause_id = f"pause-{secrets.token_hex(8)}"
    told: dict[str, Any] = {}
    for portfolio in _portfolios(call, scope, value):
        now_ms = (await call.books(portfolio)).now_ms
        until_ms = None if span_ms is None else now_ms + span_ms
        begun = Pause(pause_id, scope, value, reason, now_ms, until_ms, call.app.name)
        stored = {"scope": scope, "value": value, "reason": reason, "until_ms": until_ms, "by": call.app.name}
        cause = f"paused by {call.app.name}: {reason}"
        for_ = {} if until_ms is None else {"until": write_time_up(until_ms)}
        await call.audit(portfolio, Act.PAUSE_START, {scope: value}, reason, pause=pause_id, **for_)
        change = Change("pause", pause_id, {"pause": stored}, "operator", now_ms, cause, tightens=True)
        await call.services.signals.restand(portfolio, [change])
        told = told or _told(begun)
    return told


async def end_pause(call: Call) -> Reply:
    """Resume what a pause stopped: who stopped it knows why it may go on, anybody else has to say so."""
    return json_reply(await resume(call, call.path("id"), call.query("reason")))


async def resume(call: Call, pause_id: str, given: str | None) -> dict[str, Any]:
    """End the pause of this id, for the reason `given`: what has become of it as JSON values. Raises Denial."""
    reason = None if given is None else read_reason(given, "query reason")
    found = False
    for portfolio in call.grants.portfolios(call.app):
        books = await call.books(portfolio)
        standing = await call.standing(portfolio, books)
        ended = next((p for p in standing.pauses if p.pause_id == pause_id and _may_see(call, p)), None)
        if ended is None:
            continue
        found = True
        if reason is None and ended.by != call.app.name:
            raise Denial(Kind.BAD_REQUEST, f"query reason: is required to end what {ended.by} has stopped")
        await call.audit(portfolio, Act.PAUSE_END, {ended.scope: ended.value}, reason or "", pause=pause_id)
        cause = f"resumed by {call.app.name}" + (f": {reason}" if reason else "")
        change = Change("pause", pause_id, {"pause": None}, "operator", books.now_ms, cause)
        await call.services.signals.restand(portfolio, [change])
        call.services.dispatcher.wake(portfolio)
    if not found:
        raise Denial(Kind.NOT_FOUND, "no such pause")
    return {"id": pause_id, "state": "resumed"}


async def pauses_in_force(call: Call) -> list[dict[str, Any]]:
    """Every pause in force that touches what the app may use, the oldest first."""
    found: dict[str, Pause] = {}
    for portfolio in call.grants.portfolios(call.app):
        books = await call.books(portfolio)
        standing = await call.standing(portfolio, books)
        for pause in standing.pauses:
            if _may_see(call, pause) and (pause.until_ms is None or pause.until_ms > books.now_ms):
                found.setdefault(pause.pause_id, pause)
    return [_told(pause) for pause in sorted(found.values(), key=lambda pause: pause.since_ms)]


def _may_see(call: Call, pause: Pause) -> bool:
    return pause.scope != "number" or call.grants.route(call.app, pause.value) is not None


def _told(pause: Pause) -> dict[str, Any]:
    return {
        "id": pause.pause_id,
        "scope": {pause.scope: pause.value},
        "reason": pause.reason,
        "since": write_time(pause.since_ms),
        "until": None if pause.until_ms is None else write_time_up(pause.until_ms),
        "by": pause.by,
    }


def _portfolios(call: Call, scope: str, value: str) -> tuple[str, ...]:
    match scope:
        case "number":
            return (call.route(value).portfolio,)
        case "portfolio":
            return (call.portfolio(value),)
        case _:
            portfolios = call.grants.portfolios(call.app)
            if not portfolios:
                raise Denial(Kind.NOT_FOUND, "the app has no number that could be paused")
            return portfolios


def _scope(given: object) -> tuple[str, str]:
    if not isinstance(given, Mapping) or len(given) != 1:
        raise Denial(Kind.BAD_REQUEST, f"body scope: has to be an object with one of {', '.join(SCOPES)}")
    ((scope, value),) = given.items()
    if scope not in SCOPES:
        raise Denial(Kind.BAD_REQUEST, f"body scope: has to name one of {', '.join(SCOPES)}")
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_VALUE or not value.isprintable():
        raise Denial(Kind.BAD_REQUEST, f"body scope.{scope}: has to be 1 to {_LONGEST_VALUE} printable characters")
    if scope == "category" and value not in set(Category):
        raise Denial(Kind.BAD_REQUEST, f"body scope.category: has to be one of {', '.join(Category)}")
    return scope, value


def _span_ms(given: object) -> int:
    try:
        span_ms = read_duration(given)
    except ValueError as error:
        raise Denial(Kind.BAD_REQUEST, f"body for: {error}") from None
    if span_ms <= 0:
        raise Denial(Kind.BAD_REQUEST, "body for: has to be longer than 0")
    return span_ms
