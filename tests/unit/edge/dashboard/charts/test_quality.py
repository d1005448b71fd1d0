"""The quality timeline: what a number's quality was, told from the changes."""

from typing import Any

import pytest

from tidegate.cloudapi.vocabulary import Quality
from tidegate.edge.dashboard.charts.drawing import Tone
from tidegate.edge.dashboard.charts.quality import DAY_MS, Stretch, quality_chart, stretches_of
from tidegate.policy.instant import read_time, write_time

NUMBER = "106540352242922"
NOW_MS = read_time("2026-11-22T12:00:00Z") or 0
FROM_MS = NOW_MS - 30 * DAY_MS


def turned(days_ago: float, before: str | None, after: str, **others: str) -> dict[str, Any]:
    at = write_time(NOW_MS - int(days_ago * DAY_MS))
    return {"at": at, "kind": "number", "key": NUMBER, "field": "quality", "from": before, "to": after} | others


@pytest.mark.parametrize(
    ("changes", "qualities", "days"),
    [
        pytest.param([], [Quality.GREEN], [30], id="no change: what it is now it was all the time"),
        pytest.param(
            [turned(2, "YELLOW", "GREEN"), turned(10, "GREEN", "YELLOW")],
            [Quality.GREEN, Quality.YELLOW, Quality.GREEN],
            [20, 8, 2],
            id="each change ends one stretch and begins the next",
        ),
        pytest.param(
            [turned(10, None, "GREEN")],
            [Quality.UNKNOWN, Quality.GREEN],
            [20, 10],
            id="before the first rating that was read nothing is known",
        ),
        pytest.param(
            [turned(5, "GREEN", "RED", key="another"), turned(5, "CONNECTED", "FLAGGED", field="status")],
            [Quality.GREEN],
            [30],
            id="what changed of another number, or another field, is no change of quality",
        ),
        pytest.param(
            [turned(0, "GREEN", "RED")], [Quality.GREEN], [30], id="a change of this moment has no length yet"
        ),
        pytest.param([turned(5, "GREEN", "MAUVE")], [Quality.GREEN, Quality.UNKNOWN], [25, 5], id="a new word of Meta"),
    ],
)
def test_stretches(changes: list[dict[str, Any]], qualities: list[Quality], days: list[float]) -> None:
    found = list(stretches_of(NUMBER, Quality.GREEN, changes, FROM_MS, NOW_MS))
    assert [stretch.quality for stretch in found] == qualities
    assert [(stretch.to_ms - stretch.from_ms) / DAY_MS for stretch in found] == days
    assert (found[0].from_ms, found[-1].to_ms) == (FROM_MS, NOW_MS)


def test_words_and_table_say_what_the_bands_show() -> None:
    chart = quality_chart(NUMBER, Quality.RED, [turned(2, "GREEN", "RED")], NOW_MS, 30)
    assert chart.summary == "Poor since 20 Nov 12:00 UTC. Of the last 30 days: Good for 28 d, Poor for 2 d."
    assert chart.rows == (
        ("20 Nov 12:00", "22 Nov 12:00", "Poor", "2 d"),
        ("23 Oct 12:00", "20 Nov 12:00", "Good", "28 d"),
    )
    assert chart.drawing is not None
    bands = {series.tone: series.points for series in chart.drawing.series}
    assert bands.keys() == {Tone.GOOD, Tone.BAD}
    assert [(band.start, band.end, band.value) for band in bands[Tone.BAD]] == [(28.0, 30.0, 1.0)]
    assert [tick.text for tick in chart.drawing.across][:2] == ["24 Oct", "25 Oct"]


def test_a_quality_that_never_changed_is_said_to_have_been_so_all_the_time() -> None:
    chart = quality_chart(NUMBER, Quality.GREEN, [], NOW_MS, 30)
    assert chart.summary.startswith("Good through all of the last 30 days")
    assert list(stretches_of(NUMBER, Quality.GREEN, [], FROM_MS, NOW_MS)) == [Stretch(Quality.GREEN, FROM_MS, NOW_MS)]
