"""Evidence for and against a rate: what it weighs, that a null is not rejected, and that news may be late."""

from __future__ import annotations

from math import exp, inf, isclose, log
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.policy.campaign.safe_test import Cell, against_control, against_rate, log_mean, nearest

RATES = st.floats(0.001, 0.9)


def test_one_alternative_weighs_each_send_by_how_much_better_it_explains_it() -> None:
    weighed = against_rate([Cell(100, 3)], 0.01, [0.02])

    assert isclose(weighed, 3 * log(0.02 / 0.01) + 97 * log(0.98 / 0.99))


def test_news_under_way_is_no_good_news() -> None:
    young, old = against_rate([Cell(1_000, 2, 0.2)], 0.01, [0.005]), against_rate([Cell(1_000, 2)], 0.01, [0.005])

    assert young < 0 < old
    assert isclose(young, 2 * log(0.5) + 998 * log((1 - 0.005 * 0.2) / (1 - 0.01 * 0.2)))


def test_several_alternatives_are_as_good_as_their_mean() -> None:
    one, other = (against_rate([Cell(500, 9)], 0.01, [rate]) for rate in (0.02, 0.05))

    assert isclose(exp(against_rate([Cell(500, 9)], 0.01, [0.02, 0.05])), (exp(one) + exp(other)) / 2)


@pytest.mark.parametrize("rate", [0.0, 1.0, 3.0], ids=["none", "all", "more than all"])
def test_a_rate_at_the_edge_makes_no_infinite_evidence(rate: float) -> None:
    assert abs(against_rate([Cell(100, 100), Cell(100, 0)], rate, [0.5])) < inf
    assert abs(against_rate([Cell(100, 100), Cell(100, 0)], 0.5, [rate])) < inf


@given(
    sends=st.integers(1, 5_000),
    events=st.integers(0, 100),
    more=st.integers(1, 50),
    null=RATES,
    times=st.floats(1.01, 9),
)
def test_more_events_never_speak_against_a_higher_rate(
    sends: int, events: int, more: int, null: float, times: float
) -> None:
    events = min(events, sends)
    before = against_rate([Cell(sends, events)], null, [null * times])

    assert against_rate([Cell(sends + more, events + more)], null, [null * times]) >= before
    assert against_rate([Cell(sends + more, events)], null, [null * times]) <= before


@given(arm=RATES, control=RATES, weight=st.floats(0.05, 0.95), ratio=st.floats(0.2, 5))
def test_the_nearest_point_of_the_line_is_the_best_of_it(
    arm: float, control: float, weight: float, ratio: float
) -> None:
    def distance(x: float) -> float:
        def of(rate: float, at: float) -> float:
            return -rate * log(at) - (1 - rate) * log(1 - at)

        return weight * of(arm, ratio * x) + (1 - weight) * of(control, x)

    best = nearest(arm, control, weight, ratio)
    highest = min(1.0, 1 / ratio)

    assert 0 < best < highest
    assert all(distance(best) <= distance(highest * i / 50) + 1e-9 for i in range(1, 50))


def test_an_empty_arm_says_nothing() -> None:
    assert against_control(Cell(0, 0), Cell(100, 50), 1.0, [2.0], [0.01]) == 0
    assert against_control(Cell(100, 50), Cell(0, 0), 1.0, [2.0], [0.01]) == 0


def test_an_alternative_that_no_rate_allows_for_says_nothing() -> None:
    assert against_control(Cell(100, 90), Cell(100, 30), 1.0, [2.0], [0.6]) == 0


def test_no_alternatives_say_nothing() -> None:
    assert log_mean([]) == 0


def rejected(arm: float, control: float, null: float, ratios: list[float], seed: int) -> int | None:
    """After how many sends of each arm, looked at after every 50, the evidence is beyond 20; None: not by 3,000."""
    dice = Random(seed)
    in_arm = in_control = 0
    rates = [0.5 * times for times in (0.25, 0.5, 0.7, 1.0, 1.4)]
    for sends in range(50, 3_001, 50):
        in_arm += sum(dice.random() < arm for _ in range(50))
        in_control += sum(dice.random() < control for _ in range(50))
        if against_control(Cell(sends, in_arm), Cell(sends, in_control), null, ratios, rates) >= log(20):
            return sends
    return None


@pytest.mark.parametrize(
    ("arm", "control", "null", "ratios", "most", "least"),
    [
        pytest.param(0.5, 0.5, 1.0, [0.67, 0.5], 3, 0, id="as good as the control is not called worse"),
        pytest.param(0.33, 0.5, 1.0, [0.67, 0.5], 40, 40, id="two thirds of the control is called worse"),
        pytest.param(0.33, 0.5, 0.66, [0.9, 1.0], 3, 0, id="two thirds of the control is not called fine"),
        pytest.param(0.5, 0.5, 0.66, [0.9, 1.0], 40, 40, id="as good as the control is called fine"),
    ],
)
def test_against_a_control_few_are_rejected_falsely_and_all_rightly(
    arm: float, control: float, null: float, ratios: list[float], most: int, least: int
) -> None:
    found = sum(rejected(arm, control, null, ratios, seed) is not None for seed in range(40))

    assert least <= found <= most
