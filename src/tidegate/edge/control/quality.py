"""`GET /quality`: the dated history of every rating, limit, template, breaker and pause that changed.

Of each change for the worse it tells what was sent before.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
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
#: A change, and of which portfolio.
Changed = tuple[str, StandingEvent]
#: Changes put into words between two turns of the loop.
_SLICE: Final = 200


async def read_quality(call: Call) -> Reply:
    """The changes of the last days, newest first, that concern what the app may use."""
    return json_reply(await quality_of(call, days_asked(call.query("days"))))


async def quality_of(call: Call, days: int) -> dict[str, Any]:
    """The changes of so many days as JSON values: `days`, `truncated`, `changes`."""
    found, truncated = await changes_of(call, days)
    return {"days": days, "truncated": truncated, "changes": await told_with_sends(call, found)}


async def changes_of(
    call: Call, days: int, wanted: Callable[[str, StandingEvent], bool] = lambda _portfolio, _event: True
) -> tuple[list[Changed], bool]:
    """What changed in so many days, newest first: of what the app may use, those that are `wanted`.

    And whether there is more: of each portfolio the newest _MOST_EVENTS are looked through.
    """
    found: list[Changed] = []
    truncated = False
    for portfolio in call.grants.portfolios(call.app):
        from_ms = (await call.books(portfolio)).now_ms - days * _DAY_MS

        def picked(event: StandingEvent, portfolio: str = portfolio) -> bool:
            return wanted(portfolio, event) and concerns(call.grants, call.app, touched_by(event))

        events, more = await call.services.history.since(portfolio, from_ms, _MOST_EVENTS, picked)
        found += [(portfolio, event) for event in events]
        truncated = truncated or more
    found.sort(key=lambda changed: changed[1].at_ms, reverse=True)
    return found, truncated


async def told_with_sends(call: Call, found: Sequence[Changed]) -> list[dict[str, Any]]:
    """Changes as JSON values, each for the worse with what was sent before it."""
    report = SentBefore(call)
    changes = []
    for portfolio, event in found:
        changes.append({**told_change(portfolio, event), **await report.of(portfolio, event)})
        if len(changes) % _SLICE == 0:
            await asyncio.sleep(0)
    return changes


def days_asked(given: str | None) -> int:
    """How many days a query asks for. Raises Denial."""
    if given is None:
        return _DAYS
    if not re.fullmatch(r"[0-9]{1,3}", given) or not 1 <= int(given) <= _MOST_DAYS:
        raise Denial(Kind.BAD_REQUEST, f"query days: has to be a whole number from 1 to {_MOST_DAYS}")
    return int(given)


def told_change(portfolio: str, event: StandingEvent) -> dict[str, Any]:
    """A change as JSON values, without what was sent before it."""
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
