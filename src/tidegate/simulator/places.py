"""The users of one portfolio that count to its messaging limit, to the millisecond.

Meta (messaging limits): unique users *delivered to* outside a customer service window in a moving 24 h. A
user delivered to at d counts from d until, but not at, d + 24 h. Until its fate is known an accepted message
may yet be delivered, so its user is *committed*: nobody may start more than could all be delivered.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import deque
from typing import Final

DAY_MS: Final = 24 * 60 * 60 * 1_000
UNLIMITED: Final = -1


class _Place:
    """A committed user: messages on their way, and when his last delivery leaves the window (0: none)."""

    __slots__ = ("on_their_way", "until_ms")

    def __init__(self) -> None:
        self.on_their_way = 0
        self.until_ms = 0


class Places:
    """Counts committed and delivered users of one portfolio in constant time a message.

    Times given never fall. Every change is also kept as a step of committed / limit, so that the use of the
    limit over any past interval can be told.
    """

    def __init__(self, limit: int, start_ms: int) -> None:
        self._places: dict[str, _Place] = {}
        self._leaving: deque[tuple[int, str]] = deque()
        self._delivered = 0
        self._limits: list[tuple[int, int]] = [(start_ms, limit)]
        self._step_ms = array("q", [start_ms])
        self._step_ratio = array("d", [0.0])
        self._area = array("d", [0.0])

    @property
    def limit(self) -> int:
        """The limit in force; -1: unlimited."""
        return self._limits[-1][1]

    @property
    def limits(self) -> tuple[tuple[int, int], ...]:
        """Every limit that was in force: (since when in ms, limit)."""
        return tuple(self._limits)

    def largest_limit(self, since_ms: int) -> int:
        """Give the largest limit that was in force at any time from `since_ms` to now; -1: unlimited."""
        largest = self.limit
        for begun_ms, limit in reversed(self._limits):
            if UNLIMITED in (limit, largest):
                return UNLIMITED
            largest = max(largest, limit)
            if begun_ms <= since_ms:
                break
        return largest

    def set_limit(self, limit: int, now_ms: int) -> None:
        """Put another limit in force; it takes nobody's place away."""
        self._expire(now_ms)
        self._limits.append((now_ms, limit))
        self._step(now_ms)

    def committed(self, now_ms: int) -> int:
        """Count users delivered to in the last 24 h or with a counted message on its way."""
        self._expire(now_ms)
        return len(self._places)

    def delivered(self, now_ms: int) -> int:
        """Count users delivered to in the last 24 h: Meta's own count."""
        self._expire(now_ms)
        return self._delivered

    def is_committed(self, user: str, now_ms: int) -> bool:
        """Say whether another message to this user takes no new place."""
        self._expire(now_ms)
        return user in self._places

    def is_delivered(self, user: str, now_ms: int) -> bool:
        """Say whether this user is in Meta's own count."""
        self._expire(now_ms)
        return user in self._places and self._places[user].until_ms > 0

    def start(self, user: str, now_ms: int) -> None:
        """Note that a counted message to this user was accepted."""
        self._expire(now_ms)
        place = self._places.get(user)
        if place is None:
            place = self._places[user] = _Place()
            self._step(now_ms)
        place.on_their_way += 1

    def settle(self, user: str, now_ms: int, *, delivered: bool) -> None:
        """Note the fate of one message that `start` has noted.

        Raises:
            KeyError: no message to this user is on its way.
        """
        self._expire(now_ms)
        place = self._places[user]
        if place.on_their_way == 0:
            raise KeyError("no message to this user is on its way")
        place.on_their_way -= 1
        if delivered:
            self._delivered += place.until_ms == 0
            place.until_ms = now_ms + DAY_MS
            self._leaving.append((place.until_ms, user))
        elif place.on_their_way == 0 and place.until_ms == 0:
            del self._places[user]
            self._step(now_ms)

    def use(self, from_ms: int, to_ms: int, now_ms: int, most: float = 1.0) -> float:
        """Give the time average of committed / limit from `from_ms` to `to_ms`, or to an earlier now.

        At no time more than `most` is counted, or an overrun would hide a waste: 1 unless only a share of the
        limit was to be used. An unlimited portfolio and the time before the start count 0.
        """
        self._expire(now_ms)
        to_ms = min(to_ms, now_ms)
        if to_ms <= from_ms:
            return 0.0
        if most < 1.0:
            return self._area_below(most, from_ms, to_ms) / (to_ms - from_ms)
        return (self._area_until(to_ms) - self._area_until(from_ms)) / (to_ms - from_ms)

    def _area_below(self, most: float, from_ms: int, to_ms: int) -> float:
        area = 0.0
        for index in range(max(0, bisect_right(self._step_ms, from_ms) - 1), bisect_right(self._step_ms, to_ms)):
            begins_ms = max(from_ms, self._step_ms[index])
            ends_ms = min(to_ms, self._step_ms[index + 1]) if index + 1 < len(self._step_ms) else to_ms
            area += min(most, self._step_ratio[index]) * max(0, ends_ms - begins_ms)
        return area

    def _expire(self, now_ms: int) -> None:
        while self._leaving and self._leaving[0][0] <= now_ms:
            until_ms, user = self._leaving.popleft()
            place = self._places.get(user)
            if place is None or place.until_ms != until_ms:
                continue  # a later delivery has prolonged the stay
            place.until_ms = 0
            self._delivered -= 1
            if place.on_their_way == 0:
                del self._places[user]
                self._step(until_ms)

    def _step(self, at_ms: int) -> None:
        at_ms = max(at_ms, self._step_ms[-1])
        area = self._area_until(at_ms)
        ratio = 0.0
        if self.limit != UNLIMITED:
            ratio = min(1.0, len(self._places) / self.limit) if self.limit else 1.0
        if at_ms == self._step_ms[-1]:
            self._step_ratio[-1] = ratio
            return
        self._step_ms.append(at_ms)
        self._step_ratio.append(ratio)
        self._area.append(area)

    def _area_until(self, at_ms: int) -> float:
        index = bisect_right(self._step_ms, at_ms) - 1
        if index < 0:
            return 0.0
        return self._area[index] + self._step_ratio[index] * (at_ms - self._step_ms[index])
