"""A row's fate is one byte that tells the same as its message's record."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tidegate.policy.campaign.fate import IN_HAND, OF_STATE, OPEN, Fate, final
from tidegate.policy.campaign.phase import Phase
from tidegate.policy.lifecycle import RANK, State


def test_fates_are_in_the_order_of_the_message_s_states() -> None:
    ordered = sorted(State, key=lambda state: OF_STATE[state])

    assert all(RANK[lower] <= RANK[higher] for lower, higher in pairwise(ordered))


def test_what_is_in_hand_may_still_change() -> None:
    assert set(IN_HAND) < set(OPEN)


def test_a_fate_is_told_in_the_words_of_a_message_s_state() -> None:
    assert {fate.word for fate in Fate} == {state.value for state in State} | {"pending"}


@pytest.mark.parametrize(
    ("fate", "phase", "expected"),
    [
        pytest.param(Fate.PENDING, Phase.RUNNING, Fate.PENDING, id="a row that waits for its turn is pending"),
        pytest.param(Fate.PENDING, Phase.FINISHED, Fate.EXPIRED, id="one that never had a turn expired"),
        pytest.param(Fate.PENDING, Phase.CANCELLED, Fate.CANCELLED, id="one whose campaign was cancelled is cancelled"),
        pytest.param(Fate.SENT, Phase.FINISHED, Fate.SENT, id="what was sent was sent"),
    ],
)
def test_how_a_fate_is_told(fate: Fate, phase: Phase, expected: Fate) -> None:
    assert final(fate, phase) is expected
