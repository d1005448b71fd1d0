"""Rounds: ratios are of one round, and a void window is no window."""

from __future__ import annotations

import pytest

from loadtest.bench.speed.rounds import Rounds, Spread


def test_a_ratio_is_taken_within_a_round_so_that_a_slow_minute_moves_neither() -> None:
    rounds = Rounds[float]({"one": [100.0, 10.0, 50.0], "other": [50.0, 5.0, 25.0]})
    assert rounds.ratio("one", "other", float) == Spread(2.0, 2.0, 2.0)


def test_a_round_in_which_either_window_is_void_has_no_ratio() -> None:
    rounds = Rounds[float]({"one": [100.0, None, 40.0], "other": [50.0, 1.0, None]})
    assert rounds.ratio("one", "other", float) == Spread(2.0, 2.0, 2.0)


@pytest.mark.parametrize(
    ("values", "spread"),
    [
        ([3.0], Spread(3.0, 3.0, 3.0)),
        ([1.0, 3.0], Spread(2.0, 1.5, 2.5)),
        ([9.0, 1.0, 2.0, 3.0, 4.0], Spread(3.0, 2.0, 4.0)),
    ],
    ids=["one value is all there is", "of two the middle", "one that is far off moves no quartile"],
)
def test_a_spread_is_the_median_and_its_quartiles(values: list[float], spread: Spread) -> None:
    assert Spread.of(values) == spread


def test_a_candidate_whose_windows_are_all_void_is_not_there() -> None:
    rounds = Rounds[float]({"one": [None, None], "other": [1.0, None]})
    assert not rounds.has("one", "other")
    assert rounds.has("other")
