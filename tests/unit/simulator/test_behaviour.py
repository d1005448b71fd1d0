"""Delays as data."""

from __future__ import annotations

import pytest

from tidegate.simulator.behaviour import Delay, evenly, exactly


@pytest.mark.parametrize(
    ("drawn", "expected_ms"),
    [
        pytest.param(0.0, 100, id="the lowest draw gives the least delay"),
        pytest.param(0.25, 150, id="draws within a piece are even"),
        pytest.param(0.5, 200, id="a draw at a bound begins the next piece"),
        pytest.param(0.75, 600, id="the next piece begins where the last ended"),
        pytest.param(1.0, 1_000, id="no draw exceeds the longest delay"),
    ],
)
def test_a_draw_becomes_a_delay(drawn, expected_ms):
    assert Delay(((0.5, 200), (1.0, 1_000)), 100).ms(drawn) == expected_ms


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param((), id="no piece at all"),
        pytest.param(((0.5, 1),), id="shares that do not end at 1"),
        pytest.param(((0.5, 1), (0.5, 2), (1.0, 3)), id="shares that do not rise"),
        pytest.param(((0.5, 5), (1.0, 3)), id="delays that fall"),
        pytest.param(((1.0, -1),), id="a negative delay"),
    ],
)
def test_a_delay_that_makes_no_sense_is_refused(pieces):
    with pytest.raises(ValueError, match="delay"):
        Delay(pieces)


def test_an_exact_delay_does_not_depend_on_the_draw():
    assert {exactly(70).ms(drawn) for drawn in (0.0, 0.5, 0.999)} == {70}
    assert evenly(100).ms(0.5) == 50
