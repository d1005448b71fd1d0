"""A drawing's SVG: a picture alone, which a page with a strict policy may hold."""

import re
import xml.etree.ElementTree as ET

import pytest

from tidegate.edge.dashboard.charts.drawing import Drawing, Kind, Point, Series, Tick, Tone, svg

HOSTILE = "</svg><script>alert(1)</script> \" ' & \u202eevil"

DRAWINGS = {
    Kind.COLUMNS: Drawing(
        Kind.COLUMNS, (Series(Tone.FIRST, (Point(3, HOSTILE), Point(0))),), labels=(HOSTILE, "11:00")
    ),
    Kind.ROWS: Drawing(
        Kind.ROWS, (Series(Tone.GOOD, (Point(0.5, HOSTILE),)),), labels=("1",), up=(Tick(1, "all"),), is_share=True
    ),
    Kind.BANDS: Drawing(
        Kind.BANDS, (Series(Tone.BAD, (Point(1, HOSTILE, 0, 2),)),), across=(Tick(1, HOSTILE),), up=(Tick(1, "Poor"),)
    ),
    Kind.LINES: Drawing(
        Kind.LINES, (Series(Tone.WARN, (Point(1, HOSTILE), Point(None), Point(2))),), labels=("a", "b", "c")
    ),
}


@pytest.mark.parametrize("kind", Kind)
def test_nothing_but_shapes_and_words_is_in_a_picture(kind: Kind) -> None:
    root = ET.fromstring(svg(DRAWINGS[kind], 350, 5))
    elements = list(root.iter())
    assert {element.tag for element in elements} <= {"svg", "g", "rect", "path", "circle", "text", "title"}
    assert not {name for element in elements for name in element.attrib} & {"style", "id", "href", "onclick"}
    assert HOSTILE in {element.text for element in elements if element.tag == "title"}


@pytest.mark.parametrize("kind", Kind)
def test_a_series_is_named_by_its_tone_for_the_style_sheet(kind: Kind) -> None:
    drawing = DRAWINGS[kind]
    assert f"tone-{drawing.series[0].tone}" in svg(drawing, 350, 5)


def test_a_missing_value_interrupts_the_line() -> None:
    def lines(*values: float | None) -> int:
        points = tuple(Point(value) for value in values)
        drawing = Drawing(Kind.LINES, (Series(Tone.FIRST, points),), labels=tuple("abcde"))
        return svg(drawing, 350, 5).count('class="line reactive')

    assert lines(1, 2, 3, 4, 5) == 1
    assert lines(1, 2, None, 4, 5) == 2


def test_no_more_labels_are_written_than_there_is_room_for() -> None:
    labels = tuple(f"h{nth}" for nth in range(24))
    drawing = Drawing(Kind.COLUMNS, (Series(Tone.FIRST, tuple(Point(1) for _ in labels)),), labels=labels)
    assert re.findall(r">(h[0-9]+)<", svg(drawing, 350, 5)) == ["h0", "h5", "h10", "h15", "h20"]
    assert len(re.findall(r">(h[0-9]+)<", svg(drawing, 880, 12))) == 12


@pytest.mark.parametrize(
    ("is_share", "value", "written"),
    [
        pytest.param(True, 0.5, "50%", id="a large share is told in whole per cent"),
        pytest.param(True, 0.012, "1.2%", id="a small share is told with its tenths"),
        pytest.param(False, 40_000, "40,000", id="a count is told with its thousands"),
    ],
)
def test_the_axis_tells_values_as_people_read_them(is_share: bool, value: float, written: str) -> None:
    drawing = Drawing(Kind.COLUMNS, (Series(Tone.FIRST, (Point(value),)),), labels=("a",), is_share=is_share)
    assert f">{written}<" in svg(drawing, 350, 5)
