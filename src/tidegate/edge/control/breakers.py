"""Breakers: told with the standing, and closed by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import structlog

from tidegate.edge.calls import Call
from tidegate.edge.control.reasons import read_reason
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.replies import Reply, json_reply
from tidegate.edge.times import write_time, write_time_up
from tidegate.policy.audit import Act
from tidegate.policy.breaker import Breaker, Event, State, share_at, state_at
from tidegate.policy.breaker import Kind as Happening
from tidegate.policy.reach import Scope
from tidegate.policy.standing import Standing

_LONGEST: Final = 500

log = structlog.get_logger()


async def close_breaker(call: Call) -> Reply:
    """Close a breaker, for somebody knows that what opened it is over; newer bad news opens it again."""
    return json_reply(await close(call, await call.fields()))


async def close(call: Call, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Close the breaker that a body of `POST /breakers:close` names: it as JSON values. Raises Denial."""
    if fields.keys() - {"id", "reason"}:
        raise Denial(Kind.BAD_REQUEST, "body: may have id and reason, and nothing else")
    breaker_id, reason = _text(fields, "id"), read_reason(fields.get("reason"))
    told: dict[str, Any] | None = None
    for portfolio in call.grants.portfolios(call.app):
        books = await call.books(portfolio)
        standing = await call.standing(portfolio, books)
        known = standing.breakers.get(breaker_id)
        if known is None or not may_see(call, known):
            continue
        await call.audit(portfolio, Act.BREAKER_CLOSE, {"breaker": breaker_id}, reason)
        event = Event(Happening.OPERATOR_CLOSE, books.now_ms, f"closed by {call.app.name}: {reason}")
        await call.services.enforcement.swing_by_hand(portfolio, breaker_id, event)
        standing = await call.services.standings.current(portfolio)
        log.info("breaker_closed", app=call.app.name, portfolio=portfolio, rule=known.rule, scope=known.scope.value)
        told = told_of(standing.breakers.get(breaker_id) or known, standing, books.now_ms)
    if told is None:
        raise Denial(Kind.NOT_FOUND, "no such breaker")
    return told


def breakers_in_force(call: Call, standing: Standing, now_ms: int) -> list[dict[str, Any]]:
    """Every breaker that is not closed and touches what the app may use, the newest first."""
    found = [b for b in standing.breakers if state_at(b, now_ms) is not State.CLOSED and may_see(call, b)]
    found.sort(key=lambda breaker: (-breaker.opened_at_ms, breaker.id))
    return [told_of(breaker, standing, now_ms) for breaker in found]


def told_of(breaker: Breaker, standing: Standing, now_ms: int) -> dict[str, Any]:
    """A breaker as JSON values; `share`: of the pace that a throttle leaves."""
    share = share_at(breaker, now_ms)
    return {
        "id": breaker.id,
        "portfolio": standing.portfolio,
        "rule": breaker.rule,
        "mode": standing.rules.consequences.mode(breaker),
        "scope": {breaker.scope.value: breaker.value},
        "covers": breaker.covers.value,
        "action": breaker.action.value,
        "reason": breaker.reason.value,
        "state": state_at(breaker, now_ms).value,
        "share": round(share, 4) if share < 1 else None,
        "cause": breaker.cause,
        "since": write_time(breaker.opened_at_ms) if breaker.opened_at_ms else None,
        "until": None if breaker.until_ms is None else write_time_up(breaker.until_ms),
    }


def may_see(call: Call, breaker: Breaker) -> bool:
    """Whether a breaker concerns what the app may use."""
    owner = breaker.value.partition(":")[0]
    match breaker.scope:
        case Scope.NUMBER | Scope.CATEGORY:
            return call.grants.route(call.app, owner) is not None
        case Scope.TEMPLATE | Scope.WABA | Scope.TOKEN:
            return owner in call.grants.wabas(call.app)
        case _:
            return True


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not 0 < len(value.strip()) <= _LONGEST or not value.isprintable():
        raise Denial(Kind.BAD_REQUEST, f"body {name}: is required, 1 to {_LONGEST} printable characters")
    return value.strip()
