"""What happened to a number, as marks on the chart of its quality: thin, taller than the bands, a height each sort."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from tidegate.edge.dashboard.charts.chart import Key
from tidegate.edge.dashboard.charts.drawing import Point, Series, Tone
from tidegate.edge.dashboard.charts.times import day_and_clock
from tidegate.edge.dashboard.worded import worded
from tidegate.policy.breaker import State
from tidegate.policy.fall import is_fall
from tidegate.policy.instant import read_time

_DAY_MS: Final = 86_400_000
#: So wide that it is seen on a phone; what happens within it is one mark.
_WIDTH_DAYS: Final = 0.25
#: Of one mark, in words.
_MOST_TOLD: Final = 3


@dataclass(frozen=True, slots=True)
class Sort:
    """A sort of mark: its tone and height, and its name for one and for several."""

    tone: Tone
    height: float
    one: str
    several: str


_LIMIT: Final = Sort(Tone.FIRST, 3.4, "change of the limit", "changes of the limit")
_STATUS: Final = Sort(Tone.SECOND, 3.6, "change of the number's status", "changes of the number's status")
_TEMPLATE: Final = Sort(Tone.THIRD, 3.8, "template stopped by Meta", "templates stopped by Meta")
_BREAKER: Final = Sort(Tone.FOURTH, 4.0, "breaker opened", "breakers opened")
_SORTS: Final = (_LIMIT, _STATUS, _TEMPLATE, _BREAKER)


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened: a change, as `GET /quality` tells it. Of many, few are ever put into words."""

    sort: Sort
    at_ms: int
    change: Mapping[str, Any]

    @property
    def told(self) -> str:
        """When, and what became of what."""
        said = worded(self.change)
        return f"{day_and_clock(self.at_ms)} UTC: {said['what']}: {said['before']} to {said['after']}"


def marks_of(changes: Iterable[Mapping[str, Any]], from_ms: int) -> tuple[Mark, ...]:
    """The marks of changes (of `GET /quality`, newest first) since then, the oldest first."""
    found = []
    for change in changes:
        sort = _sort(change)
        if sort is not None and (at_ms := read_time(change["at"]) or 0) >= from_ms:
            found.append(Mark(sort, at_ms, change))
    return tuple(sorted(found, key=lambda mark: mark.at_ms))


def series_of(marks: Sequence[Mark], from_ms: int) -> tuple[Series, ...]:
    """The marks as bands, a series for each sort that there is."""
    return tuple(
        Series(sort.tone, tuple(_points(sort, [mark for mark in marks if mark.sort is sort], from_ms)))
        for sort in _sorts(marks)
    )


def keys_of(marks: Sequence[Mark]) -> tuple[Key, ...]:
    """What the tones of the marks stand for, and how many there are of each."""
    return tuple(Key(sort.tone, counted) for sort, counted in zip(_sorts(marks), _counted(marks), strict=True))


def summary_of(marks: Sequence[Mark]) -> str:
    """What is marked, in a sentence; empty for nothing."""
    return f" Marked: {', '.join(_counted(marks))}." if marks else ""


def _sort(change: Mapping[str, Any]) -> Sort | None:
    kind, field, before, after = (change[name] for name in ("kind", "field", "from", "to"))
    match kind, field:
        case "limit", _:
            return _LIMIT
        case "number", "status":
            return _STATUS
        case "template", "status":
            return _TEMPLATE if is_fall(kind, field, before, after) else None
        case "breaker", _:
            return _BREAKER if after == State.OPEN.value else None
        case _:
            return None


def _sorts(marks: Sequence[Mark]) -> list[Sort]:
    return [sort for sort in _SORTS if any(mark.sort is sort for mark in marks)]


def _counted(marks: Sequence[Mark]) -> list[str]:
    counts = [(sort, sum(mark.sort is sort for mark in marks)) for sort in _sorts(marks)]
    return [f"{count:,} {sort.one if count == 1 else sort.several}" for sort, count in counts]


def _points(sort: Sort, marks: Sequence[Mark], from_ms: int) -> Iterator[Point]:
    width_ms = _WIDTH_DAYS * _DAY_MS
    for nth, group in groupby(marks, key=lambda mark: int((mark.at_ms - from_ms) // width_ms)):
        marked = list(group)
        more = f"; and {len(marked) - _MOST_TOLD} more" if len(marked) > _MOST_TOLD else ""
        told = "; ".join(mark.told for mark in marked[:_MOST_TOLD]) + more
        yield Point(sort.height, told, nth * _WIDTH_DAYS, (nth + 1) * _WIDTH_DAYS)
