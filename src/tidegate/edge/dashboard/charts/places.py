"""The limit: which of its places are taken, and when they come free again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tidegate.edge.dashboard.charts.chart import Chart, Key
from tidegate.edge.dashboard.charts.drawing import Drawing, Kind, Point, Series, Tone
from tidegate.edge.dashboard.charts.times import clock, day_and_clock
from tidegate.policy.instant import read_time

_HOUR_MS: Final = 3_600_000
#: Hours of the clock that the next 24 hours touch.
_HOURS: Final = 25


def places_chart(capacity: Mapping[str, Any]) -> Chart:
    """The places of a portfolio's limit by what they are for now, from what `GET /portfolios/{id}/capacity` tells."""
    used, limit, left = capacity["used"], capacity["messaging_limit"], capacity["available"]
    if limit is None:
        return Chart("Places", f"The limit is unlimited; {used:,} recipients were reached in the last 24 hours.", None)
    parts = (
        (Tone.FIRST, "used", used),
        (Tone.GOOD, "free for everything", left["marketing"]),
        (Tone.SECOND, "kept for utility and login codes", left["utility"] - left["marketing"]),
        (Tone.THIRD, "kept for login codes", left["authentication"] - left["utility"]),
        (Tone.CALM, "headroom, never used", capacity["headroom"]),
    )
    drawing = Drawing(
        Kind.ROWS,
        tuple(Series(tone, (Point(count, f"{words}: {count:,}"),)) for tone, words, count in parts),
        labels=("",),
        height_px=56,
    )
    told = "; ".join(f"{words}: {count:,}" for _, words, count in parts if count)
    return Chart(
        "Places",
        f"Of {limit:,} places: {told}.",
        drawing,
        ("Places", "Count"),
        tuple((words, f"{count:,}") for _, words, count in parts),
        tuple(Key(tone, words) for tone, words, _ in parts),
    )


def releases_chart(capacity: Mapping[str, Any], waiting: int) -> Chart:
    """The places that come free in the next 24 hours, from what `GET /portfolios/{id}/capacity` tells, against the
    messages that wait for one.
    """
    title = "Places coming free, next 24 hours"
    if capacity["unlimited"]:
        return Chart(title, "The limit is unlimited: nothing waits for a place.", None)
    now_ms = read_time(capacity["as_of"]) or 0
    first = now_ms // _HOUR_MS
    places = [0] * _HOURS
    for release in capacity["releases"]:
        nth = (read_time(release["at"]) or 0) // _HOUR_MS - first
        if 0 <= nth < _HOURS:
            places[nth] += release["places"]
    if not any(places):
        return Chart(title, f"No place comes free in the next 24 hours; {_waiting(waiting)}.", None)
    taken, left = [], waiting
    for free in places:
        taken.append(min(free, left))
        left -= taken[-1]
    starts = [(first + nth) * _HOUR_MS for nth in range(_HOURS)]
    hours = [day_and_clock(at_ms) for at_ms in starts]
    spare = [free - took for free, took in zip(places, taken, strict=True)]
    rows = [
        (hour, free, took, max(0, waiting - sum(taken[: nth + 1])))
        for nth, (hour, free, took) in enumerate(zip(hours, places, taken, strict=True))
    ]
    drawing = Drawing(
        Kind.COLUMNS,
        (
            Series(Tone.FIRST, _points(hours, taken, "for what waits")),
            Series(Tone.GOOD, _points(hours, spare, "left over")),
        ),
        labels=tuple(clock(at_ms) for at_ms in starts),
    )
    return Chart(
        title,
        _summary(hours, places, waiting, left),
        drawing,
        ("Hour (UTC)", "Come free", "For what waits", "Still waiting after it"),
        tuple((hour, f"{free:,}", f"{took:,}", f"{after:,}") for hour, free, took, after in rows),
        (Key(Tone.FIRST, "for what waits"), Key(Tone.GOOD, "left over")),
    )


def _points(hours: list[str], counts: list[int], words: str) -> tuple[Point, ...]:
    return tuple(
        Point(count, f"{hour} UTC: {count:,} {words}" if count else "")
        for hour, count in zip(hours, counts, strict=True)
    )


def _waiting(waiting: int) -> str:
    if not waiting:
        return "nothing waits for one"
    return f"{waiting:,} messages wait for one" if waiting > 1 else "1 message waits for one"


def _summary(hours: list[str], places: list[int], waiting: int, left: int) -> str:
    told = f"{sum(places):,} places come free; {_waiting(waiting)}"
    if not waiting:
        return f"{told}."
    if left:
        return f"{told}: {left:,} of them find no place within 24 hours."
    done, nth = 0, 0
    while done < waiting:
        done += places[nth]
        nth += 1
    return f"{told}: there is a place for all of them in the hour from {hours[nth - 1]} UTC at the latest."
