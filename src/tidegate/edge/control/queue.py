"""`GET /queue`: what waits, per number and category, since when, and for what."""

from __future__ import annotations

from typing import Any

from tidegate.cloudapi.vocabulary import Category
from tidegate.edge.calls import Call
from tidegate.edge.replies import Reply, json_reply
from tidegate.edge.times import write_time, write_time_up
from tidegate.store.send_queue import Lane, LaneState


async def read_queue(call: Call) -> Reply:
    """Every lane of the numbers that the app may use."""
    return json_reply(await queue_of(call))


async def queue_of(call: Call) -> dict[str, Any]:
    """Every lane of the numbers that the app may use, as JSON values."""
    lanes: list[dict[str, Any]] = []
    routes = call.grants.routes(call.app)
    for portfolio in call.grants.portfolios(call.app):
        mine = [
            Lane(route.number, category) for route in routes if route.portfolio == portfolio for category in Category
        ]
        states = await call.services.queue.lanes(portfolio, mine)
        lanes += [_told(portfolio, state) for state in states]
    return {"waiting": sum(lane["waiting"] for lane in lanes), "lanes": lanes}


def _told(portfolio: str, state: LaneState) -> dict[str, Any]:
    # One that waits for a place is tried when one is expected to come free.
    next_at_ms = state.until_ms if state.next_at_ms is None else state.next_at_ms
    return {
        "portfolio": portfolio,
        "number": state.lane.number,
        "category": state.lane.category.value,
        "waiting": state.due + state.waiting_for_place,
        "waiting_for_place": state.waiting_for_place,
        "oldest_at": None if state.oldest_at_ms is None else write_time(state.oldest_at_ms),
        "next_attempt_at": None if next_at_ms is None else write_time_up(next_at_ms),
        "reason": state.reason,
        "until": None if state.until_ms is None else write_time_up(state.until_ms),
    }
