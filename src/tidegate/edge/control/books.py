"""The books as a whole: told with the standing, and taken as they are by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import structlog

from tidegate.edge.calls import Call
from tidegate.edge.control.reasons import read_reason
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.replies import Reply, json_reply
from tidegate.edge.times import write_time_up
from tidegate.policy.audit import Act
from tidegate.policy.verdict import Reason

_LONGEST: Final = 500

log = structlog.get_logger()


async def accept_books(call: Call) -> Reply:
    """Wait no longer for nodes that may know what the store has lost, for somebody knows that they lost nothing."""
    return json_reply(await accept(call, await call.fields()))


async def accept(call: Call, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Take the books that a body of `POST /books:accept` names as they are: what came of it as JSON values.

    Raises Denial.
    """
    if fields.keys() - {"portfolio", "reason"}:
        raise Denial(Kind.BAD_REQUEST, "body: may have portfolio and reason, and nothing else")
    portfolio, reason = call.portfolio(_text(fields, "portfolio")), read_reason(fields.get("reason"))
    found = await call.services.books.look(portfolio)
    target = {"portfolio": portfolio}
    await call.audit(portfolio, Act.BOOKS_ACCEPT, target, reason, waited_for=list(found.waiting_for))
    vouched = await call.services.books.vouch(portfolio, found.era, [])
    if vouched.whole:
        log.warning("books_accepted", app=call.app.name, portfolio=portfolio, reason=reason, missed=found.waiting_for)
        await call.standing(portfolio, await call.books(portfolio))
        await call.services.dispatcher.rouse(portfolio, [Reason.STORE_UNAVAILABLE.value])
    return {"portfolio": portfolio, "held_until": None, "accepted": vouched.whole}


async def books_of(call: Call, portfolio: str, now_ms: int) -> dict[str, Any]:
    """Whether the books are whole as JSON values, and if not until when, and which nodes are waited for."""
    found = await call.services.books.look(portfolio)
    whole = found.held_until_ms <= now_ms
    return {
        "whole": whole,
        "held_until": None if whole else write_time_up(found.held_until_ms),
        "waiting_for": [] if whole else list(found.waiting_for),
    }


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not 0 < len(value.strip()) <= _LONGEST or not value.isprintable():
        raise Denial(Kind.BAD_REQUEST, f"body {name}: is required, 1 to {_LONGEST} printable characters")
    return value.strip()
