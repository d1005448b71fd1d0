"""What happened in a quarter of a second, as far as somebody could follow it; the rest is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import orjson

from tidegate.feed.event import Kind

#: Of each kind in one batch of one node: of what goes as it should, and of what somebody might want to look into.
MOST_PLAIN: Final = 10
MOST_REMARKABLE: Final = 25


class Word(NamedTuple):
    """What is counted of what is left out: how often an app's sends by a number were decided so, or became this."""

    of: Kind
    word: str
    app: str
    number: str


class _Note(NamedTuple):
    word: Word
    at_ms: int
    build: Callable[[], Mapping[str, Any]]


class Notes:
    """One portfolio's. What is noted is written out only when the batch is."""

    __slots__ = ("_kept", "_left", "_room")

    def __init__(self) -> None:
        self._kept: list[_Note] = []
        self._left: Counter[Word] = Counter()
        self._room: Counter[tuple[Kind, bool]] = Counter()

    def __bool__(self) -> bool:
        return bool(self._kept or self._left)

    def note(self, word: Word, at_ms: int, build: Callable[[], Mapping[str, Any]], *, remarkable: bool) -> None:
        """Note what happened; `build` writes it out."""
        taken = self._room[word.of, remarkable]
        if taken >= (MOST_REMARKABLE if remarkable else MOST_PLAIN):
            self._left[word] += 1
            return
        self._room[word.of, remarkable] = taken + 1
        self._kept.append(_Note(word, at_ms, build))

    def batch(self, now_ms: int) -> bytes:
        """All of it as one batch, read by `read_batch`."""
        told = [(note.word.of, note.at_ms, note.build()) for note in self._kept]
        told += [(Kind.LEFT_OUT, now_ms, {**word._asdict(), "count": count}) for word, count in self._left.items()]
        return orjson.dumps(told)

    def leave_out(self, others: Notes) -> None:
        """Count what could not be told as left out here."""
        self._left.update(note.word for note in others._kept)
        self._left.update(others._left)


def read_batch(batch: bytes) -> list[tuple[Kind, int, dict[str, Any]]]:
    """What `batch` wrote: kind, time (ms) and data of each; kinds of a newer version's are left out."""
    known = frozenset(Kind)
    return [(Kind(kind), at_ms, data) for kind, at_ms, data in orjson.loads(batch) if kind in known]
