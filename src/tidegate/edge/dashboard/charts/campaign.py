"""A campaign's steps: of each, what became of its recipients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tidegate.edge.dashboard.charts.chart import Chart, Key
from tidegate.edge.dashboard.charts.drawing import Drawing, Kind, Point, Series, Tick, Tone

#: What the counts of a step's progress are drawn as, from what is reached to what is not begun.
_PARTS: Final = (
    (Tone.GOOD, "read", ("read",)),
    (Tone.SECOND, "delivered", ("delivered",)),
    (Tone.FIRST, "sent", ("sent", "unknown")),
    (Tone.WARN, "on its way", ("queued", "sending")),
    (Tone.BAD, "not reached", ("failed", "expired", "cancelled")),
    (Tone.CALM, "to come", ("pending",)),
)
_ROW_PX: Final = 34
_AXIS_PX: Final = 40


def steps_chart(campaign: Mapping[str, Any]) -> Chart:
    """The steps of a campaign as `GET /campaigns/{id}` tells it."""
    steps = campaign["steps"]
    counts = [{words: sum(step["progress"][w] for w in of) for _, words, of in _PARTS} for step in steps]
    totals = [sum(count.values()) for count in counts]
    head = ("Step", "Recipients", *(words for _, words, _ in _PARTS))
    rows = tuple(
        (step["name"], f"{total:,}", *(f"{count:,}" for count in of_step.values()))
        for step, total, of_step in zip(steps, totals, counts, strict=True)
    )
    if not any(totals):
        return Chart("Progress by step", "There is no audience yet.", None)
    drawing = Drawing(
        Kind.ROWS,
        tuple(
            Series(
                tone,
                # Rows are drawn from below.
                tuple(
                    Point(of_step[words] / total if total else 0, f"{step['name']}: {of_step[words]:,} {words}")
                    for step, total, of_step in reversed(list(zip(steps, totals, counts, strict=True)))
                ),
            )
            for tone, words, _ in _PARTS
        ),
        labels=tuple(f"{nth}" for nth in range(len(steps), 0, -1)),
        up=tuple(Tick(share / 4, f"{share / 4:.0%}") for share in range(5)),
        height_px=_AXIS_PX + _ROW_PX * len(steps),
        is_share=True,
    )
    return Chart(
        "Progress by step",
        _summary(counts, totals),
        drawing,
        head,
        rows,
        tuple(Key(tone, words) for tone, words, _ in _PARTS),
    )


def _summary(counts: list[dict[str, int]], totals: list[int]) -> str:
    in_all = sum(totals)
    told = ", ".join(
        f"{count:,} {words}" for _, words, _ in _PARTS if (count := sum(of_step[words] for of_step in counts))
    )
    return f"Of {in_all:,} recipients: {told}."
