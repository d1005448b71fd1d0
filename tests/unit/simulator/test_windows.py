"""The customer service window at its boundaries."""

from __future__ import annotations

import pytest

from tidegate.simulator.windows import WINDOW_MS, Windows


@pytest.mark.parametrize(
    ("age_ms", "is_open"),
    [
        pytest.param(0, True, id="open at the instant of the message"),
        pytest.param(1, True, id="open 1 ms later"),
        pytest.param(WINDOW_MS - 1, True, id="open 24 h less 1 ms later"),
        pytest.param(WINDOW_MS, False, id="closed at 24 h"),
        pytest.param(WINDOW_MS + 1, False, id="closed after"),
    ],
)
def test_a_window_lasts_24_hours(age_ms, is_open):
    windows = Windows()
    windows.open("n", "ann", 1_000)
    assert windows.is_open("n", "ann", 1_000 + age_ms) is is_open


def test_a_window_belongs_to_one_number_and_one_user():
    windows = Windows()
    windows.open("n", "ann", 0)
    assert not windows.is_open("other", "ann", 0)
    assert not windows.is_open("n", "bob", 0)
    assert windows.opened_ms("n", "ann") == 0
    assert windows.opened_ms("n", "bob") is None
