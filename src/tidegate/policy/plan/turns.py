"""Paces in virtual time: how many sends a pace lets go in a while, and when its last turn was."""

from __future__ import annotations

from typing import Final

#: As many as anybody would ask for, where there is no pace.
ANY: Final = 1 << 40


class Turns:
    """By name, when the next turn of each pace comes (ms); one send per emission, evenly (GCRA without tolerance)."""

    __slots__ = ("_next_ms",)

    def __init__(self) -> None:
        self._next_ms: dict[str, float] = {}

    def room(self, name: str, emission_ms: float, now_ms: int, end_ms: int) -> int:
        """How many may begin before `end_ms`; at any emission of 0 as many as anybody asks for."""
        if emission_ms <= 0:
            return ANY
        first_ms = max(float(now_ms), self._next_ms.get(name, 0.0))
        return max(0, -int((first_ms - end_ms) // emission_ms))

    def take(self, name: str, emission_ms: float, count: float, now_ms: int) -> int:
        """Let so many go; when the last of them does (ms)."""
        first_ms = max(float(now_ms), self._next_ms.get(name, 0.0))
        after_ms = first_ms + count * max(0.0, emission_ms)
        self._next_ms[name] = after_ms
        return int(max(first_ms, after_ms - emission_ms))

    def next_ms(self, name: str) -> float:
        """When the next turn comes; 0 of a pace that nobody has kept to yet."""
        return self._next_ms.get(name, 0.0)
