"""One number: its account status page, its quality over the last days, and what stops it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tidegate.cloudapi.vocabulary import Quality
from tidegate.edge.calls import Call
from tidegate.edge.control.health import health_of
from tidegate.edge.control.quality import Changed, changes_of, told_change
from tidegate.edge.control.queue import queue_of
from tidegate.edge.control.standing import standing_of
from tidegate.edge.dashboard import tones
from tidegate.edge.dashboard.charts import Chart, draw
from tidegate.edge.dashboard.charts.quality import quality_chart
from tidegate.edge.dashboard.concerns import is_about_number, is_change_of_number
from tidegate.edge.dashboard.stops import by_subject, of_breakers, of_pauses
from tidegate.edge.dashboard.worded import tone_of, worded

DAYS: Final = 30
#: Of the number's story; all of it is in the history.
_MOST_CHANGES: Final = 50
_MINUTE_MS: Final = 60_000


async def gather(call: Call) -> dict[str, Any]:
    """How the number that the path names stands. Raises Denial (not found) for one that is not the app's."""
    route = call.route(call.path("number"))
    standing = await standing_of(call)
    number = next(one for one in standing["numbers"] if one["id"] == route.number)
    found, _ = await changes_of(call, DAYS, lambda portfolio, event: is_change_of_number(portfolio, event, number))
    now_ms = (await call.books(route.portfolio)).now_ms
    # To the end of the minute: what is looked at each second is drawn once in it.
    until_ms = -(-now_ms // _MINUTE_MS) * _MINUTE_MS
    # In a thread: where there are many templates it takes longer than a send should wait.
    changes, chart = await asyncio.to_thread(_told, found, number, until_ms)
    queue = await queue_of(call)
    return {
        "number": number,
        "health": await health_of(call, route),
        "stops": by_subject(
            [
                *of_pauses(pause for pause in standing["pauses"] if is_about_number(pause["scope"], number)),
                *of_breakers(breaker for breaker in standing["breakers"] if is_about_number(breaker["scope"], number)),
            ]
        ),
        "lanes": [lane for lane in queue["lanes"] if lane["number"] == route.number],
        "picture": await draw(chart),
        "changes": [worded(change) for change in changes[:_MOST_CHANGES]],
        "more_changes": max(0, len(changes) - _MOST_CHANGES),
        "days": DAYS,
        "tones": tones,
    }


def _told(found: Sequence[Changed], number: Mapping[str, Any], until_ms: int) -> tuple[list[dict[str, Any]], Chart]:
    """The number's story as JSON values, and the chart of its quality."""
    changes = [told_change(portfolio, event) for portfolio, event in found]
    # What is read for the first time is no news, unless it is bad.
    story = [change for change in changes if change["from"] is not None or tone_of(change) == tones.BAD]
    return story, quality_chart(number["id"], Quality(number["quality"]), changes, until_ms, DAYS, story)
