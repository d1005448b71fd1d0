"""One portfolio: what its limit's places are for, when they come free, and what waits for them."""

from __future__ import annotations

from typing import Any

from tidegate.edge.calls import Call
from tidegate.edge.control.capacity import capacity_of
from tidegate.edge.control.queue import queue_of
from tidegate.edge.control.standing import standing_of
from tidegate.edge.dashboard import tones
from tidegate.edge.dashboard.charts import draw
from tidegate.edge.dashboard.charts.places import places_chart, releases_chart


async def gather(call: Call) -> dict[str, Any]:
    """The portfolio that the path names. Raises Denial (not found) for one of which the app may use no number."""
    portfolio = call.portfolio(call.path("portfolio"))
    capacity, standing, queue = await capacity_of(call, portfolio), await standing_of(call), await queue_of(call)
    lanes = [lane for lane in queue["lanes"] if lane["portfolio"] == portfolio and lane["waiting"]]
    waiting = sum(lane["waiting_for_place"] for lane in lanes)
    return {
        "portfolio": next(one for one in standing["portfolios"] if one["id"] == portfolio),
        "capacity": capacity,
        "numbers": [number for number in standing["numbers"] if number["portfolio"] == portfolio],
        "lanes": lanes,
        "places": await draw(places_chart(capacity)),
        "releases": await draw(releases_chart(capacity, waiting)),
        "tones": tones,
    }
