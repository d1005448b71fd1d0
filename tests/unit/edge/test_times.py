"""Times on the wire are whole seconds in UTC, and are read strictly."""

from __future__ import annotations

import pytest

from tidegate.edge.times import read_time, seconds_until, write_time, write_time_up

AT_MS = 1_795_251_600_000  # 2026-11-21T09:00:00Z


@pytest.mark.parametrize(
    ("at_ms", "down", "up"),
    [
        pytest.param(AT_MS, "2026-11-21T09:00:00Z", "2026-11-21T09:00:00Z", id="a whole second is itself"),
        pytest.param(AT_MS + 1, "2026-11-21T09:00:00Z", "2026-11-21T09:00:01Z", id="one ms later"),
        pytest.param(AT_MS + 999, "2026-11-21T09:00:00Z", "2026-11-21T09:00:01Z", id="one ms before the next"),
        pytest.param(0, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", id="the beginning"),
        pytest.param(10**18, "9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z", id="beyond what can be written"),
    ],
)
def test_a_time_is_cut_and_a_promise_is_rounded_up(at_ms, down, up):
    assert (write_time(at_ms), write_time_up(at_ms)) == (down, up)


@pytest.mark.parametrize(
    ("text", "at_ms"),
    [
        pytest.param("2026-11-21T09:00:00Z", AT_MS, id="UTC"),
        pytest.param("2026-11-21t09:00:00z", AT_MS, id="in small letters"),
        pytest.param("2026-11-21 09:00:00Z", AT_MS, id="with a space"),
        pytest.param("2026-11-21T11:00:00+02:00", AT_MS, id="with an offset"),
        pytest.param("2026-11-21T09:00:00.25Z", AT_MS + 250, id="with two digits of a second"),
        pytest.param("2026-11-21T09:00:00.123456789Z", AT_MS + 123, id="with nanoseconds"),
        pytest.param("2026-11-21T09:00:00", None, id="without an offset"),
        pytest.param("2026-11-21", None, id="a date alone"),
        pytest.param("2026-02-30T09:00:00Z", None, id="a day that is none"),
        pytest.param("2026-11-21T24:00:00Z", None, id="an hour that is none"),
        pytest.param("2026-11-21T09:00:60Z", None, id="a leap second"),
        pytest.param("2026-11-21T09:00:00+99:00", None, id="an offset that is none"),
        pytest.param("٢٠٢٦-11-21T09:00:00Z", None, id="Arabic digits"),
        pytest.param("2026-11-21T09:00:00Z\n", None, id="a line break at the end"),
        pytest.param("1795251600", None, id="a number"),
    ],
)
def test_only_rfc_3339_with_an_offset_is_a_time(text, at_ms):
    assert read_time(text) == at_ms


def test_what_is_written_reads_back():
    assert read_time(write_time(AT_MS)) == AT_MS


@pytest.mark.parametrize(("until_ms", "seconds"), [(1_000, 1), (1_001, 2), (1, 1), (0, 0), (-5, 0)])
def test_seconds_to_wait_are_rounded_up_and_never_negative(until_ms, seconds):
    assert seconds_until(AT_MS + until_ms, AT_MS) == seconds
