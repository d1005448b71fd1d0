"""A breaker: sends within one scope stop, and start again only when there is reason to. The theory is in `machine`."""

from tidegate.policy.breaker.board import SHARED, Board
from tidegate.policy.breaker.judgement import covers, objection, probe_every_ms, probe_objection, reclassifies
from tidegate.policy.breaker.machine import FLOOR, SKEW_MS, TABLE, Event, Kind, share_at, state_at, step
from tidegate.policy.breaker.news import tells_nothing
from tidegate.policy.breaker.record import Breaker, Grip, State, breaker_id, from_json, to_json
from tidegate.policy.breaker.strictness import strictest

__all__ = [
    "FLOOR",
    "SHARED",
    "SKEW_MS",
    "TABLE",
    "Board",
    "Breaker",
    "Event",
    "Grip",
    "Kind",
    "State",
    "breaker_id",
    "covers",
    "from_json",
    "objection",
    "probe_every_ms",
    "probe_objection",
    "reclassifies",
    "share_at",
    "state_at",
    "step",
    "strictest",
    "tells_nothing",
    "to_json",
]
