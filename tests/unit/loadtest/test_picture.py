"""A rollout's picture: what is drawn of which samples."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadtest.picture import draw
from loadtest.series import Sample, Series

HOUR_MS = 3_600_000
SERIES = Series(
    250,
    199,
    [
        Sample(0, 0, 0, 0, 500, 0, "UNKNOWN"),
        Sample(HOUR_MS, 199, 3, 1, 301, 202, "GREEN"),
        Sample(25 * HOUR_MS, 398, 75, 1, 102, 205, "RED"),
    ],
)


@pytest.mark.parametrize("limit", [pytest.param(250, id="with a limit"), pytest.param(-1, id="without one")])
def test_the_picture_names_what_it_shows(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "rollout.svg"
    draw(Series(limit, SERIES.most, SERIES.samples), "500 recipients", path)
    text = path.read_text()
    for words in ("500 recipients", "sent (campaign)", "waiting in the queue", "refused by Meta", "login codes"):
        assert f"<!-- {words} -->" in text
    assert ("<!-- messaging limit -->" in text) is (limit >= 0)
    assert "UNKNOWN &gt; GREEN &gt; RED" in text


def test_the_same_run_gives_the_same_picture(tmp_path: Path) -> None:
    first, second = tmp_path / "first.svg", tmp_path / "second.svg"
    draw(SERIES, "500 recipients", first)
    draw(SERIES, "500 recipients", second)
    assert first.read_bytes() == second.read_bytes()
