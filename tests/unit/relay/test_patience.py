"""Waits between tries: they grow, they end somewhere, and chance spreads them."""

from __future__ import annotations

import pytest

from tidegate.relay.patience import app_hold_ms, line_wait_ms, most_line_wait_ms


@pytest.mark.parametrize(
    ("tries", "wait_ms"), [(0, 2_000), (1, 4_000), (10, 2_048_000), (11, 3_600_000), (10_000, 3_600_000)]
)
def test_a_line_waits_twice_as_long_each_time_up_to_an_hour(tries: int, wait_ms: int) -> None:
    assert line_wait_ms(tries, 0) == wait_ms


@pytest.mark.parametrize(
    ("failures", "hold_ms"), [(1, 0), (3, 0), (4, 1_000), (5, 2_000), (12, 256_000), (13, 300_000), (9_999, 300_000)]
)
def test_an_app_is_left_alone_from_its_fourth_failure_on_for_up_to_five_minutes(failures: int, hold_ms: int) -> None:
    assert app_hold_ms(failures, None, 0) == hold_ms


@pytest.mark.parametrize(
    ("failures", "asked_ms", "hold_ms"),
    [
        pytest.param(3, None, 0, id="not at first"),
        pytest.param(4, None, 250, id="a moment"),
        pytest.param(9_999, None, 250, id="never more than a moment"),
        pytest.param(9_999, 30_000, 30_000, id="unless it asks for more"),
    ],
)
def test_an_app_that_is_there_and_refuses_is_asked_for_others_soon(
    failures: int, asked_ms: int | None, hold_ms: int
) -> None:
    assert app_hold_ms(failures, asked_ms, 0, is_refusal=True) == hold_ms


@pytest.mark.parametrize(
    ("failures", "hold_ms", "is_refusal", "most_ms"),
    [
        pytest.param(1, 0, False, 3_600_000, id="one failed, others may not"),
        pytest.param(
            13, 300_000, False, 300_000, id="of an app that is not there: no longer than the app is left alone"
        ),
        pytest.param(3, 0, True, 3_600_000, id="refused, where others were taken"),
        pytest.param(4, 250, True, 300_000, id="refused, as all others were"),
    ],
)
def test_what_a_line_waits_at_most(failures: int, hold_ms: int, is_refusal: bool, most_ms: int) -> None:
    assert most_line_wait_ms(failures, hold_ms, is_refusal=is_refusal) == most_ms


def test_chance_takes_up_to_a_half() -> None:
    assert line_wait_ms(0, 0.5) == 1_500
    assert app_hold_ms(4, None, 0.9999) >= 500


@pytest.mark.parametrize(
    ("failures", "asked_ms", "hold_ms"),
    [
        pytest.param(1, 30_000, 30_000, id="it counts at the first failure"),
        pytest.param(12, 30_000, 256_000, id="it makes no hold shorter"),
        pytest.param(1, 86_400_000, 300_000, id="it can't ask for more than the longest hold"),
    ],
)
def test_what_an_app_asks_for_is_heeded(failures: int, asked_ms: int, hold_ms: int) -> None:
    assert app_hold_ms(failures, asked_ms, 0) == hold_ms
