"""Which lanes of a portfolio a claim asks for, in which order, and for how many of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from tidegate.cloudapi.vocabulary import Category
from tidegate.hands import MORE_FOR, Hands
from tidegate.pacer import FLOOR_EVERY
from tidegate.policy.capacity import category_places
from tidegate.policy.standing import Standing
from tidegate.store.send_queue import Claim, Lane

_BY_URGENCY = tuple(sorted(Category, key=lambda category: category.priority))


def open_lanes(
    standing: Standing, numbers: Sequence[str], hands: Hands, turn: int, now_ms: int
) -> Mapping[Lane, tuple[int, int]]:
    """The lanes that are not paused: most messages to claim of each, and places that its category may fill.

    The urgent come first; of so many claims that left something behind (`turn`) one begins with the least urgent.
    Whoever comes first may fill the room: so it is another number each time.
    """
    if not numbers:
        return {}
    closed = {(one.scope, one.value) for one in standing.pauses if one.until_ms is None or one.until_ms > now_ms}
    if ("portfolio", standing.portfolio) in closed:
        return {}
    order = _BY_URGENCY[::-1] if turn % FLOOR_EVERY == FLOOR_EVERY - 1 else _BY_URGENCY
    first = turn % len(numbers)
    most_of = [
        (number, hands.most(number, standing.number(number).throughput))
        for number in (*numbers[first:], *numbers[:first])
        # A campaign's messages may go by another of its numbers: they are asked for.
        if standing.campaigns or ("number", number) not in closed
    ]
    lanes: dict[Lane, tuple[int, int]] = {}
    for category in order:
        if ("category", category.value) not in closed:
            places, more = category_places(standing.limit, category, standing.rules), MORE_FOR[category]
            for number, most in most_of:
                lanes[Lane(number, category)] = (max(0, most + more), places)
    return lanes


def left_some(claim: Claim, lanes: Mapping[Lane, tuple[int, int]], room: int) -> bool:
    """Whether more may be due than could be claimed: `room` was the least that was free for all."""
    if len(claim.messages) >= room:
        return True
    claimed = Counter(one.lane for one in claim.messages)
    return any(claimed[lane] >= most for lane, (most, _) in lanes.items())
