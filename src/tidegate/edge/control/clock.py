"""`/testing/clock`: the steerable clock of test runs, which all nodes of a store share."""

from __future__ import annotations

from typing import Final

from tidegate.edge.calls import Call
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.replies import Reply, json_reply
from tidegate.store.steerable_clock import SteerableClock

_FURTHEST_S: Final = 10 * 366 * 86_400


async def read_clock(call: Call) -> Reply:
    """The store's time."""
    return json_reply({"now_ms": await _clock(call).now_ms()})


async def advance_clock(call: Call) -> Reply:
    """Move the time forward, and wake what has become due."""
    clock = _clock(call)
    fields = await call.fields()
    span_s = fields.get("advance_s")
    if fields.keys() != {"advance_s"} or isinstance(span_s, bool) or not isinstance(span_s, int | float):
        raise Denial(Kind.BAD_REQUEST, "body: has to be advance_s, a number of seconds, and nothing else")
    if not 0 <= span_s <= _FURTHEST_S:
        raise Denial(Kind.BAD_REQUEST, "body advance_s: has to be 0 to ten years: time goes forward only")
    await clock.advance(round(span_s * 1000))
    now_ms = await clock.now_ms()
    call.services.clock.observe(now_ms)
    call.services.dispatcher.wake_all()
    return json_reply({"now_ms": now_ms})


def _clock(call: Call) -> SteerableClock:
    if call.services.steerable is None:
        raise Denial(Kind.NOT_FOUND)
    return call.services.steerable
