"""What is marked on the chart of a number's quality."""

from typing import Any

import pytest

from tidegate.cloudapi.vocabulary import Quality
from tidegate.edge.dashboard.charts.drawing import Tone, svg
from tidegate.edge.dashboard.charts.marks import keys_of, marks_of, series_of, summary_of
from tidegate.edge.dashboard.charts.quality import DAY_MS, quality_chart
from tidegate.policy.instant import read_time, write_time

NUMBER = "106540352242922"
NOW_MS = read_time("2026-11-22T12:00:00Z") or 0
FROM_MS = NOW_MS - 30 * DAY_MS


def changed(days_ago: float, kind: str, field: str, before: Any, after: Any, key: str = "k") -> dict[str, Any]:
    at = write_time(NOW_MS - int(days_ago * DAY_MS))
    return {"at": at, "kind": kind, "key": key, "field": field, "from": before, "to": after, "cause": "a poll"}


@pytest.mark.parametrize(
    ("change", "tone"),
    [
        pytest.param(changed(2, "limit", "limit", 2_000, 10_000), Tone.FIRST, id="the limit rose"),
        pytest.param(changed(2, "number", "status", "CONNECTED", "FLAGGED"), Tone.SECOND, id="the number was flagged"),
        pytest.param(changed(2, "template", "status", "APPROVED", "PAUSED"), Tone.THIRD, id="a template was paused"),
        pytest.param(changed(2, "template", "status", "PAUSED", "APPROVED"), None, id="a template is back"),
        pytest.param(changed(2, "template", "quality", "GREEN", "YELLOW"), None, id="a template's quality"),
        pytest.param(changed(2, "breaker", "state", "closed", "open", "number_red/number/1"), Tone.FOURTH, id="opened"),
        pytest.param(changed(2, "breaker", "state", "open", "half_open", "number_red/number/1"), None, id="tried"),
        pytest.param(changed(2, "number", "quality", "GREEN", "RED"), None, id="the quality is the band itself"),
        pytest.param(changed(31, "limit", "limit", 2_000, 10_000), None, id="before the days that are shown"),
    ],
)
def test_what_is_marked(change: dict[str, Any], tone: Tone | None) -> None:
    assert [series.tone for series in series_of(marks_of([change], FROM_MS), FROM_MS)] == ([tone] if tone else [])


def test_what_happens_at_the_same_time_is_one_mark_that_tells_of_three() -> None:
    changes = [changed(3, "breaker", "state", "closed", "open", f"r{nth}/template/{nth}") for nth in range(5)]
    (series,) = series_of(marks_of(changes, FROM_MS), FROM_MS)
    (point,) = series.points
    assert point.told.startswith("19 Nov 12:00 UTC: Breaker r0 on template 0: closed to open; ")
    assert point.told.endswith("r2 on template 2: closed to open; and 2 more")
    assert point.start <= 27.0 <= point.end


def test_marks_are_counted_in_words_and_in_the_legend() -> None:
    changes = [
        changed(1, "limit", "limit", 2_000, 10_000),
        changed(5, "breaker", "state", None, "open", "a/number/1"),
        changed(6, "breaker", "state", None, "open", "b/number/1"),
    ]
    marks = marks_of(changes, FROM_MS)
    assert summary_of(marks) == " Marked: 1 change of the limit, 2 breakers opened."
    assert [(key.tone, key.text) for key in keys_of(marks)] == [
        (Tone.FIRST, "1 change of the limit"),
        (Tone.FOURTH, "2 breakers opened"),
    ]
    assert summary_of(()) == ""


def test_the_chart_of_quality_has_the_marks_above_its_bands() -> None:
    story = [changed(4, "limit", "limit", 2_000, 10_000)]
    chart = quality_chart(NUMBER, Quality.GREEN, [], NOW_MS, 30, story)
    assert chart.drawing is not None
    assert chart.summary.endswith("Marked: 1 change of the limit.")
    picture = svg(chart.drawing, 880, 12)
    assert "18 Nov 12:00 UTC: Messaging limit: 2,000 to 10,000" in picture
    assert "tone-1" in picture
