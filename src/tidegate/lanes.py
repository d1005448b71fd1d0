"""Which lanes of a portfolio a claim asks for, in which order, and for how many of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from tidegate.cloudapi.vocabulary import Category
from tidegate.hands import MORE_FOR, Hands
from tidegate.pacer import FLOOR_EVERY
from tidegate.policy.capacity import category_places
from tidegate.policy.standing import Standing
from tidegate.store.send_queue import Claim, Claimed, Lane

_BY_URGENCY = tuple(sorted(Category, key=lambda category: category.priority))


class Turns:
    """The order of a portfolio's numbers in a claim, in each category: behind the last one that gave anything.

    Whoever comes first may fill the room. Were it nearly the same ones the next moment, they would give more than goes
    at their pace, and wait here for their turn, while others have not had theirs.
    """

    def __init__(self, numbers: Iterable[str]) -> None:
        self._order = dict.fromkeys(Category, tuple(numbers))

    def of(self, category: Category) -> tuple[str, ...]:
        """The numbers, whose turn it is first."""
        return self._order[category]

    def pass_on(self, claimed: Iterable[Claimed]) -> None:
        """These were claimed, in this order."""
        for category, number in {one.lane.category: one.lane.number for one in claimed}.items():
            order = self._order[category]
            behind = order.index(number) + 1
            self._order[category] = order[behind:] + order[:behind]


def open_lanes(
    standing: Standing, numbers: Turns, hands: Hands, turn: int, now_ms: int
) -> Mapping[Lane, tuple[int, int]]:
    """The lanes that are not paused: most messages to claim of each, and places that its category may fill.

    The urgent come first; of so many claims that left something behind (`turn`) one begins with the least urgent.
    """
    closed = {(one.scope, one.value) for one in standing.pauses if one.until_ms is None or one.until_ms > now_ms}
    if ("portfolio", standing.portfolio) in closed:
        return {}
    order = _BY_URGENCY[::-1] if turn % FLOOR_EVERY == FLOOR_EVERY - 1 else _BY_URGENCY
    most_of = {
        number: hands.most(number, standing.number(number).throughput)
        for number in numbers.of(order[0])
        # A campaign's messages may go by another of its numbers: they are asked for.
        if standing.campaigns or ("number", number) not in closed
    }
    lanes: dict[Lane, tuple[int, int]] = {}
    for category in order:
        if ("category", category.value) not in closed:
            places, more = category_places(standing.limit, category, standing.rules), MORE_FOR[category]
            for number in numbers.of(category):
                if number in most_of:
                    lanes[Lane(number, category)] = (max(0, most_of[number] + more), places)
    return lanes


def left_some(claim: Claim, lanes: Mapping[Lane, tuple[int, int]], room: int) -> bool:
    """Whether more may be due than could be claimed: `room` was the least that was free for all."""
    if len(claim.messages) >= room:
        return True
    claimed = Counter(one.lane for one in claim.messages)
    return any(claimed[lane] >= most for lane, (most, _) in lanes.items())
