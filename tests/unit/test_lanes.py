"""Which lanes are asked for: those that are not paused, the urgent first, each number in its turn, nobody starved."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.factories import NOW_MS, PORTFOLIO, make_standing
from tidegate.cloudapi.vocabulary import Category
from tidegate.hands import Hands
from tidegate.lanes import Turns, left_some, open_lanes
from tidegate.pacer import FLOOR_EVERY
from tidegate.policy.standing import NumberStanding, Pause, Standing
from tidegate.store.send_queue import Claim, Claimed, Lane

NUMBERS = ("1", "2")
STANDING = make_standing(numbers={number: NumberStanding(number) for number in NUMBERS})


def order(turn: int, standing: Standing = STANDING, turns: Turns | None = None) -> list[str]:
    return [str(lane) for lane in open_lanes(standing, turns or Turns(NUMBERS), Hands(), turn, NOW_MS)]


def claimed(*lanes: str) -> tuple[Claimed, ...]:
    return tuple(Claimed(f"m{n}", 1, Lane.read(lane), b"", b"", 0) for n, lane in enumerate(lanes))


def test_the_urgent_come_first_and_of_so_many_turns_the_least_urgent_once() -> None:
    first = [order(turn)[0].partition(":")[2] for turn in range(FLOOR_EVERY)]
    assert first == ["authentication"] * (FLOOR_EVERY - 1) + ["marketing"]


def test_a_claim_begins_behind_the_last_number_that_gave_anything() -> None:
    turns = Turns(("1", "2", "3", "4"))

    def numbers() -> list[str]:
        return [lane.partition(":")[0] for lane in order(0, turns=turns) if lane.endswith("marketing")]

    turns.pass_on(claimed("1:marketing", "1:marketing", "2:marketing"))
    assert numbers() == ["3", "4", "1", "2"]
    turns.pass_on(())
    assert numbers() == ["3", "4", "1", "2"]
    turns.pass_on(claimed("3:marketing", "4:marketing", "1:marketing"))
    assert numbers() == ["2", "3", "4", "1"]


def test_whose_turn_it_is_in_one_category_is_nothing_to_another() -> None:
    turns = Turns(NUMBERS)
    for _ in range(FLOOR_EVERY):
        # A number whose codes fill the room each time.
        turns.pass_on(claimed("1:authentication"))
    assert order(0, turns=turns)[::2] == ["2:authentication", "1:utility", "1:marketing"]
    assert order(FLOOR_EVERY - 1, turns=turns)[0] == "1:marketing"


@pytest.mark.parametrize(
    ("scope", "value", "left"),
    [
        pytest.param("portfolio", PORTFOLIO, 0, id="the portfolio's pause closes all lanes"),
        pytest.param("category", "marketing", 4, id="a category's pause closes those of the category"),
        pytest.param("number", "1", 3, id="a number's pause closes those of the number"),
        pytest.param("number", "3", 6, id="another number's pause closes none"),
    ],
)
@pytest.mark.parametrize("is_over", [False, True], ids=["in force", "over"])
def test_paused_lanes_are_not_asked_for(scope: str, value: str, left: int, is_over: bool) -> None:
    until_ms = NOW_MS if is_over else NOW_MS + 1
    pause = Pause("p", scope, value, "a test", 0, until_ms, "ops")
    lanes = order(0, replace(STANDING, pauses=(pause,)))
    assert len(lanes) == (6 if is_over else left)


def test_who_has_no_numbers_asks_for_nothing() -> None:
    assert open_lanes(STANDING, Turns(()), Hands(), 0, NOW_MS) == {}


@pytest.mark.parametrize(
    ("messages", "most", "room", "left"),
    [
        pytest.param(2, 3, 3, False, id="a lane that gave less than was asked for is empty"),
        pytest.param(3, 3, 9, True, id="one that gave all may have more"),
        pytest.param(2, 9, 2, True, id="where the room is filled there may be more"),
        pytest.param(0, 0, 9, True, id="of a number that is full nothing is known"),
    ],
)
def test_what_may_be_left(messages: int, most: int, room: int, left: bool) -> None:
    lane = Lane("1", Category.MARKETING)
    assert left_some(Claim(NOW_MS, 0, None, claimed(*[str(lane)] * messages)), {lane: (most, -1)}, room) is left
