"""What is yet to happen in a world, in the order of time."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush

Action = Callable[[int], None]


class Agenda:
    """Actions with their times; of equal times the first entered happens first."""

    def __init__(self) -> None:
        self._entries: list[tuple[int, int, Action]] = []
        self._entered = 0

    def enter(self, at_ms: int, action: Action) -> None:
        """Have `action(at_ms)` happen then."""
        self._entered += 1
        heappush(self._entries, (at_ms, self._entered, action))

    def run(self, now_ms: int) -> None:
        """Let everything happen that is due by now, also what that brings about."""
        while self._entries and self._entries[0][0] <= now_ms:
            at_ms, _, action = heappop(self._entries)
            action(at_ms)

    def next_at_ms(self) -> int | None:
        """Tell when the next action is due; None: there is none."""
        return self._entries[0][0] if self._entries else None
