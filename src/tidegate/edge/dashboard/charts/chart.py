"""A chart: a drawing, what it says in words, and the same as a table; and the picture that is made of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from tidegate.edge.dashboard.charts.drawing import Drawing, Tone, svg

#: Widths that text of 12 px is read at, on a desk and on a phone, and how many labels there is room for.
_WIDE: Final = (880, 12)
_NARROW: Final = (350, 5)
_MOST_KEPT: Final = 64


@dataclass(frozen=True, slots=True)
class Key:
    """What a tone of the drawing stands for."""

    tone: Tone
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart. `summary`: what it shows, in a sentence. `head` and `rows`: its figures, as a table of texts.

    `drawing` None: there is nothing to draw, and the summary says why.
    """

    title: str
    summary: str
    drawing: Drawing | None
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    keys: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart that was drawn, for a desk and for a phone: SVG to be put into a page as it is; empty for no drawing."""

    chart: Chart
    wide: str
    narrow: str


async def draw(chart: Chart) -> Picture:
    """Draw it; in a thread: it takes longer than a send should wait."""
    return await asyncio.to_thread(drawn, chart)


@lru_cache(_MOST_KEPT)
def drawn(chart: Chart) -> Picture:
    """Draw it; the same chart again is the same picture."""
    if chart.drawing is None:
        return Picture(chart, "", "")
    return Picture(chart, svg(chart.drawing, *_WIDE), svg(chart.drawing, *_NARROW))
