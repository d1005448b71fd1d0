"""`GET /quality`: the dated history of every rating, limit, template, breaker and pause that changed.

Of each change for the worse it tells what was sent before.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final

from tidegate.edge.calls import Call
from tidegate.edge.control.sent_before import SentBefore
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.replies import Reply, json_reply
from tidegate.edge.sight import concerns, touched_by
from tidegate.edge.times import write_time
from tidegate.feed.tellings import shown
from tidegate.store.standing_history import StandingEvent

_DAY_MS: Final = 86_400_000
_DAYS: Final = 30
_MOST_DAYS: Final = 366
#: Of one portfolio.
_MOST_EVENTS: Final = 10_000
#: Changes put into words between two turns of the loop.
_SLICE: Final = 200


async def read_quality(call: Call) -> Reply:
    """The changes of the last days, newest first, that concern what the app may use."""
    return json_reply(await quality_of(call, days_asked(call.query("days"))))


async def quality_of(call: Call, days: int, *, with_sends: bool = True) -> dict[str, Any]:
    """The changes of so many days as JSON values: `days`, `truncated`, `changes`.

    `with_sends`: with what was sent before each change for the worse, which takes much longer.
    """
    found: list[tuple[str, StandingEvent]] = []
    truncated = False
    for portfolio in call.grants.portfolios(call.app):
        from_ms = (await call.books(portfolio)).now_ms - days * _DAY_MS
        events, more = await call.services.history.since(portfolio, from_ms, _MOST_EVENTS)
        found += [(portfolio, event) for event in events if concerns(call.grants, call.app, touched_by(event))]
        truncated = truncated or more
    found.sort(key=lambda pair: pair[1].at_ms, reverse=True)
    report = SentBefore(call)
    changes = []
    for portfolio, event in found:
        changes.append({**_told(portfolio, event), **(await report.of(portfolio, event) if with_sends else {})})
        if len(changes) % _SLICE == 0:
            await asyncio.sleep(0)
    return {"days": days, "truncated": truncated, "changes": changes}


def days_asked(given: str | None) -> int:
    """How many days a query asks for. Raises Denial."""
    if given is None:
        return _DAYS
    if not re.fullmatch(r"[0-9]{1,3}", given) or not 1 <= int(given) <= _MOST_DAYS:
        raise Denial(Kind.BAD_REQUEST, f"query days: has to be a whole number from 1 to {_MOST_DAYS}")
    return int(given)


def _told(portfolio: str, event: StandingEvent) -> dict[str, Any]:
    return {
        "at": write_time(event.at_ms),
        "since": write_time(event.since_ms),
        "portfolio": portfolio,
        "kind": event.kind,
        "key": event.key,
        "field": event.field,
        "source": event.source,
        "from": shown(event, event.before),
        "to": shown(event, event.after),
        "cause": event.cause,
    }
