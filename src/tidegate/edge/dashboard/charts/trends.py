"""Figures of the days (`GET /kpis?by=day`): how many were sent, what share of them arrived, how long things took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tidegate.edge.dashboard.charts.chart import Chart, Key
from tidegate.edge.dashboard.charts.drawing import Drawing, Kind, Point, Series, Tone
from tidegate.edge.dashboard.charts.times import span

_RATES: Final = (
    (Tone.GOOD, "delivered", "delivery_rate"),
    (Tone.FIRST, "read", "read_rate"),
    (Tone.BAD, "failed", "failure_rate"),
    (Tone.WARN, "opted out", "opt_out_rate"),
)
_QUANTILES: Final = ((Tone.FIRST, "half within", "p50_s"), (Tone.THIRD, "95 % within", "p95_s"))
_MINUTE_S: Final = 60

Row = Mapping[str, Any]


def sent_chart(days: Sequence[Row]) -> Chart:
    """How many were sent on each day."""
    counts = tuple(day["sent"] for day in days)
    title = "Sent by day"
    if not any(counts):
        return Chart(title, "Nothing was sent in these days.", None)
    best = max(range(len(days)), key=lambda nth: counts[nth])
    return Chart(
        title,
        f"{sum(counts):,} were sent; most on {days[best]['day']}: {counts[best]:,}.",
        Drawing(
            Kind.COLUMNS,
            (
                Series(
                    Tone.FIRST,
                    tuple(
                        Point(count, f"{day['day']}: {count:,} sent") for day, count in zip(days, counts, strict=True)
                    ),
                ),
            ),
            labels=_labels(days),
        ),
        ("Day (UTC)", "Sent", "Delivered", "Read", "Failed", "Opted out"),
        tuple(
            (day["day"], *(f"{day[name]:,}" for name in ("sent", "delivered", "read", "failed", "opted_out")))
            for day in days
        ),
    )


def rates_chart(days: Sequence[Row], total: Row) -> Chart:
    """What share of each day's sends was delivered, read, failed, and was answered by an opt-out."""
    title = "Rates by day"
    if all(day[name] is None for day in days for _, _, name in _RATES):
        return Chart(title, "There is nothing to tell a rate of.", None)
    told = ", ".join(f"{words} {share(total[name])}" for _, words, name in _RATES)
    return Chart(
        title,
        f"In all of these days: {told}.",
        Drawing(
            Kind.LINES,
            tuple(
                Series(tone, tuple(_point(day, day[name], f"{words} {share(day[name])}") for day in days))
                for tone, words, name in _RATES
            ),
            labels=_labels(days),
            is_share=True,
        ),
        ("Day (UTC)", *(words.capitalize() for _, words, _ in _RATES)),
        tuple((day["day"], *(share(day[name]) for _, _, name in _RATES)) for day in days),
        tuple(Key(tone, words) for tone, words, _ in _RATES),
    )


def spans_chart(title: str, name: str, days: Sequence[Row], total: Row) -> Chart:
    """How long something took: half of the times, and 95 in 100, stayed within."""
    if not any(_quantile(day, name, key) for day in days for _, _, key in _QUANTILES):
        return Chart(title, "Nothing was timed in these days.", None)
    told = ", ".join(f"{words} {length(_quantile(total, name, key))}" for _, words, key in _QUANTILES)
    return Chart(
        f"{title}, in minutes",
        f"In all of these days: {told}.",
        Drawing(
            Kind.LINES,
            tuple(
                Series(tone, tuple(_timed(day, _quantile(day, name, key), words) for day in days))
                for tone, words, key in _QUANTILES
            ),
            labels=_labels(days),
        ),
        ("Day (UTC)", *(words.capitalize() for _, words, _ in _QUANTILES)),
        tuple((day["day"], *(length(_quantile(day, name, key)) for _, _, key in _QUANTILES)) for day in days),
        tuple(Key(tone, words) for tone, words, _ in _QUANTILES),
    )


def hours_chart(hours: Sequence[Row]) -> Chart:
    """At which hours of the day users write, and how long they wait then."""
    title = "When users write"
    asked = tuple(hour["asked"] for hour in hours)
    if not any(asked):
        return Chart(title, "Nobody wrote in these days.", None)
    peak = max(range(len(hours)), key=lambda nth: asked[nth])
    labels = tuple(f"{hour['hour']:02}:00" for hour in hours)
    points = tuple(
        Point(count, f"{label} UTC: {count:,}" if count else "") for label, count in zip(labels, asked, strict=True)
    )
    return Chart(
        title,
        f"{sum(asked):,} times; most from {labels[peak]} UTC: {asked[peak]:,}.",
        Drawing(Kind.COLUMNS, (Series(Tone.FIRST, points),), labels=labels),
        ("Hour (UTC)", "Wrote", "Answered", "Answered after, on average"),
        tuple(
            (label, f"{hour['asked']:,}", f"{hour['answered']:,}", length(hour["mean_s"]))
            for label, hour in zip(labels, hours, strict=True)
        ),
    )


def share(rate: float | None) -> str:
    """A rate as people read it; a dash where nothing was counted."""
    if rate is None:
        return "–"
    return f"{rate:.1%}" if 0 < rate < 0.1 else f"{rate:.0%}"


def length(seconds: float | None) -> str:
    """A time in seconds as people read it; a dash where nothing was timed."""
    if seconds is None:
        return "–"
    return f"{seconds:.1f} s" if seconds < 10 else span(int(seconds * 1000))


def _labels(days: Sequence[Row]) -> tuple[str, ...]:
    return tuple(str(day["day"])[5:] for day in days)


def _point(day: Row, value: float | None, words: str) -> Point:
    return Point(value, f"{day['day']}: {words}")


def _timed(day: Row, seconds: float | None, words: str) -> Point:
    minutes = None if seconds is None else seconds / _MINUTE_S
    return _point(day, minutes, f"{words} {length(seconds)}")


def _quantile(row: Row, name: str, key: str) -> float | None:
    of = row[name]
    return None if of is None else of[key]
