"""Durations as they are written and held."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.policy.duration import LONGEST_MS, read_duration, write_duration


@pytest.mark.parametrize(
    ("written", "span_ms"),
    [
        pytest.param("90s", 90_000, id="seconds"),
        pytest.param("10m", 600_000, id="minutes"),
        pytest.param("24h", 86_400_000, id="hours"),
        pytest.param("7d", 604_800_000, id="days"),
        pytest.param("250ms", 250, id="milliseconds"),
        pytest.param("1.5h", 5_400_000, id="a part of an hour"),
        pytest.param(" 5 m ", 300_000, id="with spaces"),
        pytest.param(30, 30_000, id="a number of seconds"),
        pytest.param(0.25, 250, id="a part of a second"),
        pytest.param("30", 30_000, id="a number of seconds as text"),
        pytest.param(0, 0, id="nothing"),
        pytest.param("3660d", LONGEST_MS, id="the longest"),
    ],
)
def test_a_duration_is_read(written: Any, span_ms: int) -> None:
    assert read_duration(written) == span_ms


@pytest.mark.parametrize(
    "written",
    [
        "",
        "s",
        "5 parsecs",
        "-1s",
        -1,
        "1h30m",
        "1e3",
        1e300,
        float("nan"),
        float("inf"),
        True,
        None,
        [],
        "٣s",
        "1.s",
        "5\n5",
        "9" * 5000,
        10**400,
        "3661d",
    ],
    ids=lambda written: repr(written)[:20],
)
def test_what_is_no_duration_is_refused_without_being_repeated(written: Any) -> None:
    with pytest.raises(ValueError, match=r"^must (be a duration|not be longer)"):
        read_duration(written)


@given(st.integers(min_value=0, max_value=LONGEST_MS))
def test_what_is_written_reads_back_as_the_same_span(span_ms: int) -> None:
    assert read_duration(write_duration(span_ms)) == span_ms


def test_the_shortest_spelling_is_written() -> None:
    assert [write_duration(ms) for ms in (0, 1, 1_000, 90_000, 7_200_000, 172_800_000)] == [
        "0s",
        "1ms",
        "1s",
        "90s",
        "2h",
        "2d",
    ]
