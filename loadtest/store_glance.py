"""What a portfolio's keys in the store say at a glance: whether work is in hand or due, and when it will be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from redis import Redis

from tidegate.store.keys import PortfolioKeys
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
    """One portfolio. `used`: places held; `release_ms`: when the next may end, past while it is not swept yet.

    `in_flight`: messages that are being sent. `unresolved_ms`: when the next of those whose outcome is unknown is told
    of as unresolved, or tried again.
    """

    used: int
    in_flight: int
    leased: int
    unresolved_ms: int | None
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
        return min(self.times, default=None)

    @property
    def times(self) -> list[int]:
        """When anything in the store comes due by itself."""
        times = [self.unresolved_ms, self.release_ms, self.deadline_ms, *(lane.first_due_ms for lane in self.lanes)]
        return [at_ms for at_ms in times if at_ms is not None]


#: KEYS: ledger, inflight, leases, calendar, deadlines, then the two sets of each lane: timed, waiting.
#: ARGV[1]: what the key of a message begins with.
#: Gives places held, messages that are being sent, size of leases, when the first unknown one is due, first scores of
#: calendar and deadlines, then three a lane: size and first score of timed, size of waiting. -1: there is none.
_LOOK: Final = """
local function first(key) return math.floor(tonumber(redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2] or -1)) end
local sending, unresolved, inflight = 0, -1, redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES')
for i = 1, #inflight, 2 do
  local message = ARGV[1] .. inflight[i]
  -- One that is a string has no state of its own yet: it is as it was when it went (lua/_message.lua).
  if redis.call('MGET', message)[1] or redis.call('HGET', message, 'state') ~= 'unknown' then sending = sending + 1
  elseif unresolved < 0 then unresolved = math.floor(tonumber(inflight[i + 1])) end
end
-- What is being sent is counted by when it was admitted (lua/_intents.lua).
local ledger = redis.call('HGETALL', KEYS[1])
for i = 1, #ledger, 2 do
  if string.find(ledger[i], '^%d+ left$') then sending = sending + ledger[i + 1] end
end
local seen = { tonumber(redis.call('HGET', KEYS[1], 'used') or 0), sending, redis.call('ZCARD', KEYS[3]), unresolved,
  first(KEYS[4]), first(KEYS[5]) }
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
        keys = PortfolioKeys(portfolio)
        self._message = keys.named("message:")
        self._keys = [keys.named(name) for name in ("ledger", "inflight", "leases", "calendar", "deadlines")]
        for lane in lanes:
            self._keys += [keys.named("lane:") + str(lane).encode(), keys.named("waiting:") + str(lane).encode()]

    def look(self) -> Glance:
        """Look now. Blocks the loop for the trip, so that what is seen is still so when it returns."""
        used, in_flight, leased, unresolved, release, deadline, *rest = self._look(self._keys, [self._message])
        lanes = tuple(
            LaneGlance(lane, rest[3 * i], _known(rest[3 * i + 1]), rest[3 * i + 2])
            for i, lane in enumerate(self._lanes)
        )
        return Glance(used, in_flight, leased, _known(unresolved), _known(release), _known(deadline), lanes)


def _known(score: int) -> int | None:
    return None if score < 0 else score
