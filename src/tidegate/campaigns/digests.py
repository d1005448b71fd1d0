"""A set of recipients that costs little: a million of them take 34 MB."""

from __future__ import annotations

from typing import Final

BYTES: Final = 16
_TABLES: Final = 256
_FIRST_SLOTS: Final = 32
_EMPTY: Final = bytes(BYTES)


class Digests:
    """A set of 16 bytes each that are spread evenly, as those that stand for recipients are. Nothing leaves it.

    Of many small tables one grows at a time: what is kept twice for that moment is little.
    """

    __slots__ = ("_counts", "_tables")

    def __init__(self) -> None:
        self._tables = [bytearray(BYTES * _FIRST_SLOTS) for _ in range(_TABLES)]
        self._counts = [0] * _TABLES

    def add(self, digest: bytes) -> bool:
        """Take it in; False when it is in already."""
        number = digest[0]
        table = self._tables[number]
        at = _slot(table, digest)
        if table[at : at + BYTES] == digest:
            return False
        table[at : at + BYTES] = digest
        self._counts[number] += 1
        if self._counts[number] * 3 > len(table) // BYTES * 2:
            self._tables[number] = _grown(table)
        return True

    def __contains__(self, digest: bytes) -> bool:
        table = self._tables[digest[0]]
        at = _slot(table, digest)
        return table[at : at + BYTES] == digest

    def __len__(self) -> int:
        return sum(self._counts)

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        return sum(map(len, self._tables))


def _slot(table: bytearray, digest: bytes) -> int:
    """Where it stands in a table, or would."""
    last = len(table) - BYTES
    at = int.from_bytes(digest[1:8], "big") * BYTES & last
    while table[at : at + BYTES] not in (digest, _EMPTY):
        at = at + BYTES & last
    return at


def _grown(table: bytearray) -> bytearray:
    grown = bytearray(2 * len(table))
    for at in range(0, len(table), BYTES):
        digest = bytes(table[at : at + BYTES])
        if digest != _EMPTY:
            to = _slot(grown, digest)
            grown[to : to + BYTES] = digest
    return grown
