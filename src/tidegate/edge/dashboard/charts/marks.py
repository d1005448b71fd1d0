"""What happened to a number, as marks on the chart of its quality: thin, taller than the bands, a height each sort."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from tidegate.edge.dashboard.charts.chart import Key
from tidegate.edge.dashboard.charts.drawing import Point, Series, Tone
from tidegate.edge.dashboard.charts.times import day_and_clock
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
    """Something that happened."""

    sort: Sort
    at_ms: int
    told: str


def marks_of(changes: Iterable[Mapping[str, Any]], from_ms: int) -> tuple[Mark, ...]:
    """The marks of changes (of `GET /quality`, in words, newest first) since then, the oldest first."""
    found = []
    for change in changes:
        sort, at_ms = _sort(change), read_time(change["at"]) or 0
        if sort is not None and at_ms >= from_ms:
            what = f"{change['what']}: {change['before']} to {change['after']}"
            found.append(Mark(sort, at_ms, f"{day_and_clock(at_ms)} UTC: {what}"))
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
        told = [mark.told for mark in group]
        more = f"; and {len(told) - _MOST_TOLD} more" if len(told) > _MOST_TOLD else ""
        yield Point(sort.height, "; ".join(told[:_MOST_TOLD]) + more, nth * _WIDTH_DAYS, (nth + 1) * _WIDTH_DAYS)
