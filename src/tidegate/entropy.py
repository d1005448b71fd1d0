"""Random bytes of the operating system's, fetched many at a time: asking for a dozen costs as much as for thousands."""

from __future__ import annotations

import os
from typing import Final

_AT_ONCE: Final = 4_096


class Entropy:
    """Hands out bytes that were handed out to nobody else. Not to be shared by threads, or over a fork."""

    __slots__ = ("_at", "_pool")

    def __init__(self) -> None:
        self._pool = b""
        self._at = 0

    def take(self, count: int) -> bytes:
        """So many bytes (at most 4,096)."""
        begin, self._at = self._at, self._at + count
        taken = self._pool[begin : self._at]
        if len(taken) < count:
            self._pool, self._at = os.urandom(_AT_ONCE), count
            taken = self._pool[:count]
        return taken
