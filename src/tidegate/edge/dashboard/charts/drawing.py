"""A drawing as values, and its SVG: pygal's, in our words.

pygal brings a style sheet, a script and ids along; none of them may be in a page that lets through no inline style and
no inline script. `svg` takes the picture alone, and names each series by its tone, which the style sheet colours.
"""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

_SVG: Final = "{http://www.w3.org/2000/svg}"
#: What a picture is made of. Everything else that is drawn is left out.
_TAGS: Final = frozenset(f"{_SVG}{tag}" for tag in ("svg", "g", "rect", "path", "circle", "text", "title"))
_ATTRIBUTES: Final = frozenset(("x", "y", "width", "height", "d", "cx", "cy", "r", "viewBox", "transform", "class"))
#: Parts for pointing and touching that need pygal's script.
_SCRIPTED: Final = frozenset({"tooltip-overlay", "text-overlay"})
_SERIES: Final = re.compile(r"serie-([0-9]+)")
_DECIMALS: Final = re.compile(r"(\.[0-9])[0-9]+")

#: As the style sheet writes them: pygal leaves room for labels by it.
_TEXT_PX: Final = 12
_MARGIN_PX: Final = 6


class Kind(StrEnum):
    """How values are drawn."""

    #: One stack of values a label, upright.
    COLUMNS = "columns"
    #: One stack of values a label, lying.
    ROWS = "rows"
    #: Stretches along the x axis, of any height.
    BANDS = "bands"
    #: One line a series; a value that is missing interrupts it.
    LINES = "lines"


class Tone(StrEnum):
    """What a series means, or else which of several it is; the style sheet has a colour for each."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    CALM = "calm"
    FIRST = "1"
    SECOND = "2"
    THIRD = "3"
    FOURTH = "4"
    FIFTH = "5"


@dataclass(frozen=True, slots=True)
class Point:
    """One value, and what is told where it is pointed at; `start` and `end` are those of a band, on the x axis."""

    value: float | None
    told: str = ""
    start: float = 0.0
    end: float = 0.0


@dataclass(frozen=True, slots=True)
class Series:
    """Values that belong together: one for each label, or the bands of one tone."""

    tone: Tone
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """A label at a value of an axis."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is drawn. `labels`: of columns, rows and lines; `across`: ticks of bands; `up`: ticks of the values, where
    round ones will not do.

    `height_px` at a width of 880; a narrow picture has the same. `is_share`: values are shares of 1, told as per cent.
    """

    kind: Kind
    series: tuple[Series, ...]
    labels: tuple[str, ...] = ()
    across: tuple[Tick, ...] = ()
    up: tuple[Tick, ...] = ()
    height_px: int = 220
    is_share: bool = False


def svg(drawing: Drawing, width_px: int, most_labels: int) -> str:
    """The picture as an `svg` element; `most_labels` of the x axis are written."""
    chart = _chart(drawing, width_px, most_labels)
    for one in drawing.series:
        chart.add(None, [_value(drawing.kind, point) for point in one.points], allow_interruptions=True)
    root = ET.fromstring(chart.render(is_unicode=True))
    tones = [one.tone for one in drawing.series]
    picture = ET.Element("svg", {"viewBox": f"0 0 {width_px} {drawing.height_px}", "class": f"drawn {drawing.kind}"})
    picture.extend(_kept(root, tones))
    return ET.tostring(picture, encoding="unicode")


def _chart(drawing: Drawing, width_px: int, most_labels: int) -> Any:
    # Only who looks at a chart pays for what draws it: some 15 MiB and 0.1 s.
    import pygal
    from pygal.style import Style

    # It puts a finder of modules behind all others, for maps, in a form that Python warns of with every later import.
    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != pygal.__name__]
    kinds = {
        Kind.COLUMNS: pygal.StackedBar,
        Kind.ROWS: pygal.HorizontalStackedBar,
        Kind.BANDS: pygal.Histogram,
        Kind.LINES: pygal.Line,
    }
    chart = kinds[drawing.kind](
        width=width_px,
        height=drawing.height_px,
        margin=_MARGIN_PX,
        spacing=6,
        style=Style(label_font_size=_TEXT_PX, major_label_font_size=_TEXT_PX),
        show_legend=False,
        js=(),
        include_x_axis=True,
        show_minor_x_labels=False,
        dots_size=4,
        max_scale=5,
        truncate_label=-1,
        value_formatter=_per_cent if drawing.is_share else _count,
    )
    if drawing.labels:
        chart.x_labels = list(drawing.labels)
        chart.x_labels_major_every = 1 if drawing.kind is Kind.ROWS else -(-len(drawing.labels) // most_labels)
    if drawing.across:
        every = -(-len(drawing.across) // most_labels)
        chart.x_labels = [{"value": tick.at, "label": tick.text} for tick in drawing.across[::every]]
        chart.show_minor_x_labels = True
    if drawing.up:
        chart.y_labels = [{"value": tick.at, "label": tick.text} for tick in drawing.up]
    return chart


def _value(kind: Kind, point: Point) -> Any:
    if point.value is None:
        return None
    value = (point.value, point.start, point.end) if kind is Kind.BANDS else point.value
    return {"value": value, "tooltip": point.told} if point.told else value


def _count(value: Any) -> str:
    # A band's value is a list, and told in its own words.
    return f"{value:,.10g}" if isinstance(value, int | float) else ""


def _per_cent(value: Any) -> str:
    return f"{value:.0%}" if value == 0 or value >= 0.1 else f"{value:.1%}"


def _kept(parent: ET.Element, tones: list[Tone]) -> Iterator[ET.Element]:
    """What of the children is part of the picture; the titles of the whole and of the axes are told beside it."""
    names_itself = parent.tag == f"{_SVG}svg" or parent.get("class") == "guides"
    for child in parent:
        words = child.get("class", "").split()
        if child.tag not in _TAGS or not _SCRIPTED.isdisjoint(words) or (names_itself and child.tag == f"{_SVG}title"):
            continue
        kept = ET.Element(child.tag.removeprefix(_SVG), _attributes(child, tones))
        kept.text = child.text
        kept.extend(_kept(child, tones))
        if len(kept) > 0 or kept.tag != "g":
            yield kept


def _attributes(element: ET.Element, tones: list[Tone]) -> dict[str, str]:
    kept = {name: value for name, value in element.attrib.items() if name in _ATTRIBUTES and value}
    if "class" in kept:
        kept["class"] = _SERIES.sub(lambda found: f"tone-{tones[int(found[1])]}", kept["class"])
    return {name: value if name == "class" else _DECIMALS.sub(r"\1", value) for name, value in kept.items()}
