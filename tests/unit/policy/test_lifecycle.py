"""The life of a message is one table, and the table is complete."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tidegate.cloudapi.vocabulary import MessageStatus
from tidegate.policy.lifecycle import FROM_STATUS, RANK, State


def test_every_state_has_a_rank() -> None:
    assert set(RANK) == set(State)


def test_every_status_of_the_platform_leads_to_a_state() -> None:
    assert set(FROM_STATUS) == {status.value for status in MessageStatus}


def test_a_message_climbs_from_queued_to_read() -> None:
    way = (State.QUEUED, State.SENDING, State.UNKNOWN, State.ACCEPTED, State.SENT, State.DELIVERED, State.READ)

    assert all(RANK[lower] < RANK[higher] for lower, higher in pairwise(way))


@pytest.mark.parametrize(
    ("stronger", "weaker"),
    [
        pytest.param(State.DELIVERED, State.FAILED, id="delivered beats failed: one device of several may fail"),
        pytest.param(State.FAILED, State.SENT, id="failed beats sent"),
        pytest.param(State.FAILED, State.UNKNOWN, id="failed settles what was unknown"),
        pytest.param(State.EXPIRED, State.READ, id="no status revives what expired in the queue"),
        pytest.param(State.CANCELLED, State.READ, id="nor what was cancelled in it"),
    ],
)
def test_which_state_wins(stronger: State, weaker: State) -> None:
    assert RANK[stronger] > RANK[weaker]


def test_no_two_states_of_a_sent_message_are_equal() -> None:
    # A status is applied when its rank is higher: equal ranks would make one of the two deaf to the other.
    reachable = [RANK[state] for state in State if state not in (State.EXPIRED, State.CANCELLED)]

    assert len(set(reachable)) == len(reachable)


def test_a_voice_note_that_was_played_was_read() -> None:
    assert FROM_STATUS["played"] is State.READ
