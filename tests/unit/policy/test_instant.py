"""Times as they are written and read (RFC 3339)."""

from __future__ import annotations

import pytest

from tidegate.policy.instant import read_time, write_time, write_time_up

NINE_MS = 1_795_251_600_000


def test_a_time_is_written_by_the_second_and_never_too_early_where_somebody_waits_for_it() -> None:
    assert (write_time(NINE_MS + 999), write_time_up(NINE_MS)) == ("2026-11-21T09:00:00Z",) * 2
    assert write_time_up(NINE_MS + 1) == "2026-11-21T09:00:01Z"
    assert (write_time(-1), write_time(10**18)) == ("1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z")


@pytest.mark.parametrize(
    ("text", "at_ms"),
    [
        pytest.param("2026-11-21T10:00:00.25+01:00", NINE_MS + 250, id="with its offset and a fraction"),
        pytest.param("2026-11-21 09:00:00z", NINE_MS, id="in small letters"),
        pytest.param("2026-11-21T09:00:00", None, id="without an offset"),
        pytest.param("2026-02-30T09:00:00Z", None, id="on a day that there is not"),
    ],
)
def test_a_time_is_read(text: str, at_ms: int | None) -> None:
    assert read_time(text) == at_ms
