"""So many in so long, read and written."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from tidegate.policy.consequences.rate import Often, Pace, Threshold, read_often


@pytest.mark.parametrize(
    ("written", "often", "every_ms"),
    [
        ("5/10m", Often(5, 600_000), 120_000),
        ("1/6s", Often(1, 6_000), 6_000),
        ("1000000/1ms", Often(1_000_000, 1), 1),
        ("3 in a row", Often(3, None), None),
    ],
)
def test_it_is_read_and_written_alike(written: str, often: Often, every_ms: int | None) -> None:
    assert read_often(written) == often == read_often(often)
    assert str(often) == written
    assert often.every_ms == every_ms


@pytest.mark.parametrize(
    "written",
    ["", "5", "/10m", "5/", "0/1m", "0 in a row", "-1/1m", "5/10 years", "٥/1m", "5/0s", "10000000/1m", 5, None],
)
def test_what_is_no_rate_is_refused_without_repeating_it(written: Any) -> None:
    with pytest.raises(ValueError, match="must be") as told:
        read_often(written)
    assert not written or str(written) not in str(told.value).replace("5/10m", "")


def test_a_pace_is_not_in_a_row() -> None:
    assert TypeAdapter(Threshold).validate_python("3 in a row").count == 3
    with pytest.raises(ValidationError, match="1/1m"):
        TypeAdapter(Pace).validate_python("3 in a row")
