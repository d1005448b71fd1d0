"""Which lanes are asked for: those that are not paused, the urgent first, each number in its turn, nobody starved."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.factories import NOW_MS, PORTFOLIO, make_standing
from tidegate.cloudapi.vocabulary import Category
from tidegate.hands import Hands
from tidegate.lanes import left_some, open_lanes
from tidegate.pacer import FLOOR_EVERY
from tidegate.policy.standing import NumberStanding, Pause, Standing
from tidegate.store.send_queue import Claim, Claimed, Lane

NUMBERS = ("1", "2")
STANDING = make_standing(numbers={number: NumberStanding(number) for number in NUMBERS})


def order(turn: int, standing: Standing = STANDING) -> list[str]:
    return [str(lane) for lane in open_lanes(standing, NUMBERS, Hands(), turn, NOW_MS)]


def test_the_urgent_come_first_and_of_so_many_turns_the_least_urgent_once() -> None:
    first = [order(turn)[0].partition(":")[2] for turn in range(FLOOR_EVERY)]
    assert first == ["authentication"] * (FLOOR_EVERY - 1) + ["marketing"]


def test_each_number_comes_first_in_its_turn() -> None:
    assert [order(turn)[0].partition(":")[0] for turn in range(3)] == ["1", "2", "1"]


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
    assert open_lanes(STANDING, (), Hands(), 0, NOW_MS) == {}


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
    claimed = tuple(Claimed(f"m{n}", 1, lane, b"", b"", 0) for n in range(messages))
    assert left_some(Claim(NOW_MS, 0, None, claimed), {lane: (most, -1)}, room) is left
