"""Seeded chance: SplitMix64, small enough to be read and the same on every machine."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

_MASK: Final = (1 << 64) - 1
_GOLDEN: Final = 0x9E3779B97F4A7C15
_MIX_1: Final = 0xBF58476D1CE4E5B9
_MIX_2: Final = 0x94D049BB133111EB
_UNMIX_1: Final = pow(_MIX_1, -1, 1 << 64)
_UNMIX_2: Final = pow(_MIX_2, -1, 1 << 64)


def mix(number: int) -> int:
    """Scatter a 64-bit number over all 64-bit numbers, one to one."""
    number = ((number ^ (number >> 30)) * _MIX_1) & _MASK
    number = ((number ^ (number >> 27)) * _MIX_2) & _MASK
    return number ^ (number >> 31)


def unmix(number: int) -> int:
    """Undo `mix`."""
    number ^= (number >> 31) ^ (number >> 62)
    number = (number * _UNMIX_2) & _MASK
    number ^= (number >> 27) ^ (number >> 54)
    number = (number * _UNMIX_1) & _MASK
    return number ^ (number >> 30) ^ (number >> 60)


def stream_of(*names: str) -> int:
    """Give the stream of chance that belongs to somebody or something for good, by its names."""
    return int.from_bytes(blake2b("\0".join(names).encode(), digest_size=8).digest(), "big")


class Chance:
    """A stream of draws from [0, 1), fixed by its seed and its stream number.

    Each message has a stream of its own, so the fate of the nth accepted message depends on the seed and
    on n alone, not on how many draws others made before.
    """

    __slots__ = ("_state",)

    def __init__(self, seed: int, stream: int = 0) -> None:
        self._state = mix((seed + stream * _GOLDEN) & _MASK)

    def __call__(self) -> float:
        """Draw the next number, 0 <= it < 1, with 53 random bits."""
        self._state = (self._state + _GOLDEN) & _MASK
        return (mix(self._state) >> 11) / (1 << 53)

    def hits(self, share: float) -> bool:
        """Say whether an event of this probability happens; always takes one draw."""
        if share <= 0:
            self._state = (self._state + _GOLDEN) & _MASK  # the draw is taken, only not looked at
            return False
        return self() < share
