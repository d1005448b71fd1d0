"""A number's quality over the last days: how high a band stands says how good it was, and its colour says it again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tidegate.cloudapi.vocabulary import Quality
from tidegate.edge.dashboard.charts.chart import Chart, Key
from tidegate.edge.dashboard.charts.drawing import Drawing, Kind, Point, Series, Tick, Tone
from tidegate.edge.dashboard.charts.marks import keys_of, marks_of, series_of, summary_of
from tidegate.edge.dashboard.charts.times import day, day_and_clock, span
from tidegate.policy.health import QUALITY_WORDS
from tidegate.policy.instant import read_time

DAY_MS: Final = 86_400_000
_HEIGHTS: Final = {Quality.GREEN: 3.0, Quality.YELLOW: 2.0, Quality.RED: 1.0, Quality.UNKNOWN: 0.25}
_TONES: Final = {
    Quality.GREEN: Tone.GOOD,
    Quality.YELLOW: Tone.WARN,
    Quality.RED: Tone.BAD,
    Quality.UNKNOWN: Tone.CALM,
}
_UP: Final = tuple(
    Tick(height, QUALITY_WORDS[quality]) for quality, height in _HEIGHTS.items() if quality is not Quality.UNKNOWN
)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time of one quality."""

    quality: Quality
    from_ms: int
    to_ms: int


def quality_chart(
    number: str,
    quality: Quality,
    changes: Sequence[Mapping[str, Any]],
    now_ms: int,
    days: int,
    story: Sequence[Mapping[str, Any]] = (),
) -> Chart:
    """The quality of a number, as it is now and as the changes (of `GET /quality`, newest first) tell it was.

    `story`: the changes that are marked on it where they are of a sort that is.
    """
    from_ms = now_ms - days * DAY_MS
    stretches = tuple(stretches_of(number, quality, changes, from_ms, now_ms))
    marks = marks_of(story, from_ms)
    bands = tuple(_series(of, stretches, from_ms) for of in _HEIGHTS if any(s.quality is of for s in stretches))
    drawing = Drawing(
        Kind.BANDS,
        bands + series_of(marks, from_ms),
        across=tuple(_midnights(from_ms, now_ms)),
        up=_UP,
        height_px=160,
    )
    return Chart(
        f"Quality, last {days} days",
        _summary(stretches, days) + summary_of(marks),
        drawing,
        ("From (UTC)", "To (UTC)", "Quality", "For"),
        tuple(
            (day_and_clock(s.from_ms), day_and_clock(s.to_ms), QUALITY_WORDS[s.quality], span(s.to_ms - s.from_ms))
            for s in reversed(stretches)
        ),
        tuple(Key(_TONES[of], QUALITY_WORDS[of]) for of in _HEIGHTS) + keys_of(marks),
    )


def stretches_of(
    number: str, quality: Quality, changes: Sequence[Mapping[str, Any]], from_ms: int, now_ms: int
) -> Iterator[Stretch]:
    """The times of one quality each, the oldest first, without gaps."""
    turns = [
        (max(from_ms, read_time(change["at"]) or 0), _quality(change["from"]), _quality(change["to"]))
        for change in reversed(changes)
        if (change["kind"], change["key"], change["field"]) == ("number", number, "quality")
    ]
    since_ms, is_now = from_ms, turns[0][1] if turns else quality
    for at_ms, _, after in turns:
        if at_ms > since_ms:
            yield Stretch(is_now, since_ms, at_ms)
        since_ms, is_now = at_ms, after
    if now_ms > since_ms:
        yield Stretch(is_now, since_ms, now_ms)


def _quality(word: object) -> Quality:
    try:
        return Quality(str(word))
    except ValueError:
        return Quality.UNKNOWN


def _series(of: Quality, stretches: Sequence[Stretch], from_ms: int) -> Series:
    points = (
        Point(
            _HEIGHTS[of],
            f"{QUALITY_WORDS[of]}: {day_and_clock(s.from_ms)} to {day_and_clock(s.to_ms)} UTC",
            (s.from_ms - from_ms) / DAY_MS,
            (s.to_ms - from_ms) / DAY_MS,
        )
        for s in stretches
        if s.quality is of
    )
    return Series(_TONES[of], tuple(points))


def _midnights(from_ms: int, now_ms: int) -> Iterator[Tick]:
    first = -(-from_ms // DAY_MS)
    for nth in range(first, now_ms // DAY_MS + 1):
        yield Tick((nth * DAY_MS - from_ms) / DAY_MS, day(nth * DAY_MS))


def _summary(stretches: Sequence[Stretch], days: int) -> str:
    last = stretches[-1]
    if len(stretches) == 1:
        return f"{QUALITY_WORDS[last.quality]} through all of the last {days} days, as far as is known here."
    lengths = {of: sum(s.to_ms - s.from_ms for s in stretches if s.quality is of) for of in _HEIGHTS}
    parts = ", ".join(f"{QUALITY_WORDS[of]} for {span(length)}" for of, length in lengths.items() if length)
    since = day_and_clock(last.from_ms)
    return f"{QUALITY_WORDS[last.quality]} since {since} UTC. Of the last {days} days: {parts}."
