"""Places of the messaging limit in virtual time: how many are held, and when they come free."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heapify, heappop, heappush

from tidegate.policy.capacity import Release


class Places:
    """Counts places as the ledger does, by the second, without asking whose they are."""

    __slots__ = ("_ends", "_seconds", "used")

    def __init__(self, used: int, curve: Iterable[Release], kept: int = 0) -> None:
        """`curve`: when held places come free. `kept` of them are taken anew as soon as they do, evenly over it."""
        self.used = used
        self._ends: dict[int, int] = {}
        releases = list(curve)
        total = sum(release.places for release in releases)
        freed = max(0, total - kept)
        seen = told = 0
        for release in releases:
            seen += release.places
            places = seen * freed // total - told
            told += places
            if places:
                self._ends[-(-release.at_ms // 1000)] = places
        self._seconds = list(self._ends)
        heapify(self._seconds)

    @property
    def next_ms(self) -> int | None:
        """When the next ones come free; None: none is known to."""
        return self._seconds[0] * 1000 if self._seconds else None

    def release(self, now_ms: int) -> None:
        """Free what has ended by now."""
        while self._seconds and self._seconds[0] * 1000 <= now_ms:
            self.used = max(0, self.used - self._ends.pop(heappop(self._seconds)))

    def take(self, count: int, from_ms: int, to_ms: int) -> None:
        """Take places that end evenly between two times (the first not included)."""
        if not count:
            return
        self.used += count
        first_s, last_s = -(-(from_ms + 1) // 1000), -(-to_ms // 1000)
        seconds = min(count, max(1, last_s - first_s + 1))
        for i in range(seconds):
            second = first_s + (last_s - first_s) * (i + 1) // seconds
            places = count * (i + 1) // seconds - count * i // seconds
            if second not in self._ends:
                heappush(self._seconds, second)
            self._ends[second] = self._ends.get(second, 0) + places

    def keep(self, count: int) -> None:
        """Take places that do not come free: whoever holds them is written to again in time."""
        self.used += count

    def renew(self, count: int, from_ms: int, to_ms: int) -> None:
        """Write again to so many who hold a place: those that would end first end between two times instead."""
        left = count
        while left and self._seconds:
            second = self._seconds[0]
            moved = min(left, self._ends[second])
            left -= moved
            self._ends[second] -= moved
            if not self._ends[second]:
                del self._ends[heappop(self._seconds)]
        moved = count - left
        self.used -= moved
        if moved:
            self.take(moved, from_ms, to_ms)
