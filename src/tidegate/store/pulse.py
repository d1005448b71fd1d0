"""Whether the store answers at all: where it does not, nobody waits for it, and one call at a time finds out."""

from __future__ import annotations

import asyncio
from typing import Final

from redis.exceptions import ConnectionError as RedisConnectionError


class NoConnection(RedisConnectionError):
    """No connection to the store could be had, so that nothing was asked of it."""


#: So many calls in a row without an answer, over so long, and the store counts as away. A stalled machine makes many
#: of them late at one moment, and answers the next.
_FAILURES: Final = 3
_FAILING_S: Final = 0.15
_PROBE_EVERY_S: Final = 0.25


class Pulse:
    """Of one store, as this process sees it. Times are the loop's."""

    __slots__ = ("_first_failure_s", "_is_away", "_next_probe_s", "failures")

    def __init__(self) -> None:
        #: Calls without an answer since the last one that had one.
        self.failures = 0
        self._first_failure_s = 0.0
        self._is_away = False
        self._next_probe_s = 0.0

    def answered(self) -> None:
        """The store said something, whatever it was."""
        self.failures = 0
        self._is_away = False

    def failed(self) -> None:
        """No connection could be had, or no answer came on one."""
        now_s = asyncio.get_running_loop().time()
        if not self.failures:
            self._first_failure_s = now_s
        self.failures += 1
        if not self._is_away and self.failures >= _FAILURES and now_s - self._first_failure_s >= _FAILING_S:
            self._is_away = True
            self._next_probe_s = now_s + _PROBE_EVERY_S

    def may_ask(self) -> bool:
        """Whether a call may be tried now; of a store that is away only by one every now and then."""
        if not self._is_away:
            return True
        now_s = asyncio.get_running_loop().time()
        if now_s < self._next_probe_s:
            return False
        self._next_probe_s = now_s + _PROBE_EVERY_S
        return True
