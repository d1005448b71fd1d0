"""Random bytes of the operating system's, fetched many at a time: asking for a dozen costs as much as for thousands."""

from __future__ import annotations

import os
from struct import Struct
from typing import Final

_AT_ONCE: Final = 4_096


class Entropy:
    """Hands out bytes that were handed out to nobody else. Not to be shared by threads, or over a fork."""

    __slots__ = ("_portions", "_ready")

    def __init__(self, size: int) -> None:
        """`size`: how many bytes a portion has; at most 4,096."""
        self._portions = Struct(f"{size}s" * (_AT_ONCE // size))
        self._ready: list[bytes] = []

    def take(self) -> bytes:
        """A portion."""
        ready = self._ready or self._some()
        return ready.pop()

    def _some(self) -> list[bytes]:
        self._ready = [*self._portions.unpack(os.urandom(self._portions.size))]
        return self._ready
