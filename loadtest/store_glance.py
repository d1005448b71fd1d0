"""What a portfolio's keys in the store say at a glance: whether work is in hand or due, and when it will be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from redis import Redis

from tidegate.store.keys import NAMES, PortfolioKeys
from tidegate.store.send_queue import Lane


@dataclass(frozen=True, slots=True)
class LaneGlance:
    """One lane: messages due at a time, when the first is (ms), and messages that wait for a place."""

    lane: Lane
    timed: int
    first_due_ms: int | None
    waiting: int


@dataclass(frozen=True, slots=True)
class Glance:
    """One portfolio. `used`: places held; `release_ms`: when the next may end, past while it is not swept yet."""

    used: int
    in_flight: int
    leased: int
    release_ms: int | None
    deadline_ms: int | None
    lanes: tuple[LaneGlance, ...]

    @property
    def queued(self) -> int:
        """Messages in the queue, leased ones left out."""
        return sum(lane.timed + lane.waiting for lane in self.lanes)

    @property
    def next_ms(self) -> int | None:
        """When something in the store comes due by itself; None: never."""
        times = [self.release_ms, self.deadline_ms, *(lane.first_due_ms for lane in self.lanes)]
        return min((at_ms for at_ms in times if at_ms is not None), default=None)


#: KEYS: ledger, inflight, leases, calendar, deadlines, then the two sets of each lane: timed, waiting.
#: Gives places held, sizes of inflight and leases, first scores of calendar and deadlines, then three a lane: size and
#: first score of timed, size of waiting. A score of -1: there is none.
_LOOK: Final = """
local function first(key) return math.floor(tonumber(redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2] or -1)) end
local seen = { tonumber(redis.call('HGET', KEYS[1], 'used') or 0), redis.call('ZCARD', KEYS[2]),
  redis.call('ZCARD', KEYS[3]), first(KEYS[4]), first(KEYS[5]) }
for i = 6, #KEYS, 2 do
  seen[#seen + 1] = redis.call('ZCARD', KEYS[i])
  seen[#seen + 1] = first(KEYS[i])
  seen[#seen + 1] = redis.call('ZCARD', KEYS[i + 1])
end
return seen
"""


class StoreGlance:
    """Looks at one portfolio's keys in one round trip, beside the product's scripts; changes nothing."""

    def __init__(self, store: Redis, portfolio: str, lanes: Sequence[Lane]) -> None:
        self._lanes = tuple(lanes)
        self._look = store.register_script(_LOOK)
        key = dict(zip(NAMES, PortfolioKeys(portfolio).all, strict=True))
        self._keys = [key[name] for name in ("ledger", "inflight", "leases", "calendar", "deadlines")]
        for lane in lanes:
            self._keys += [key["lane:"] + str(lane).encode(), key["waiting:"] + str(lane).encode()]

    def look(self) -> Glance:
        """Look now. Blocks the loop for the trip, so that what is seen is still so when it returns."""
        used, in_flight, leased, release, deadline, *rest = self._look(keys=self._keys)
        lanes = tuple(
            LaneGlance(lane, rest[3 * i], _known(rest[3 * i + 1]), rest[3 * i + 2])
            for i, lane in enumerate(self._lanes)
        )
        return Glance(used, in_flight, leased, _known(release), _known(deadline), lanes)


def _known(score: int) -> int | None:
    return None if score < 0 else score
