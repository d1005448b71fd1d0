"""The time on the imitated platform: the machine's, or one that is moved by hand."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], int]


def system_ms() -> int:
    """Read the machine's clock in ms since 1970."""
    # the simulator may import nothing of the gateway, so not its clock either
    return time.time_ns() // 1_000_000  # noqa: TID251


class SteerableClock:
    """A clock that runs like another one, and can be put forward."""

    def __init__(self, clock: Clock = system_ms) -> None:
        self._clock = clock
        self._ahead_ms = 0

    def __call__(self) -> int:
        """Tell the time in ms since 1970."""
        return self._clock() + self._ahead_ms

    def advance(self, by_ms: int) -> None:
        """Put the clock forward.

        Raises:
            ValueError: `by_ms` is negative; messages on their way would have arrived before they left.
        """
        if by_ms < 0:
            raise ValueError("a clock is only put forward")
        self._ahead_ms += by_ms
