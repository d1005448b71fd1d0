"""Waits between tries: they grow, they end somewhere, and chance spreads them."""

from __future__ import annotations

import pytest

from tidegate.relay.patience import app_hold_ms, line_wait_ms


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
