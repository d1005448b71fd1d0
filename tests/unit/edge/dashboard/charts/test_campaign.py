"""A campaign's steps, drawn as shares of each step's recipients."""

from typing import Any

import pytest

from tidegate.edge.control.campaign_progress import FATES
from tidegate.edge.dashboard.charts.campaign import steps_chart


def step(name: str, **counts: int) -> dict[str, Any]:
    return {"name": name, "progress": dict.fromkeys(FATES, 0) | counts}


def test_every_fate_of_a_recipient_is_drawn() -> None:
    chart = steps_chart({"steps": [step("all", **dict.fromkeys(FATES, 1))]})
    assert chart.rows == (("all", "10", "1", "1", "2", "2", "3", "1"),)
    assert chart.drawing is not None
    assert sum(series.points[0].value or 0 for series in chart.drawing.series) == pytest.approx(1)


def test_a_step_is_a_row_of_its_own_length_and_the_first_stands_on_top() -> None:
    chart = steps_chart({"steps": [step("1 %", read=6, failed=4), step("100 %", pending=990)]})
    assert chart.summary == "Of 1,000 recipients: 6 read, 4 not reached, 990 to come."
    assert chart.drawing is not None
    assert chart.drawing.labels == ("2", "1")
    assert [[point.value for point in series.points] for series in chart.drawing.series if series.tone == "good"] == [
        [0, 0.6]
    ]


def test_a_step_that_nobody_is_in_is_empty() -> None:
    chart = steps_chart({"steps": [step("1 %"), step("100 %", pending=5)]})
    assert chart.drawing is not None
    assert [point.value for point in chart.drawing.series[-1].points] == [1.0, 0]


def test_without_an_audience_there_is_nothing_to_draw() -> None:
    assert steps_chart({"steps": [step("1 %"), step("100 %")]}).drawing is None
