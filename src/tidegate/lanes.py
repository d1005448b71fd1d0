"""Which lanes of a portfolio a claim asks for, in which order, and for how many of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from tidegate.cloudapi.vocabulary import Category
from tidegate.hands import Hands
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
    order = _BY_URGENCY[::-1] if turn % FLOOR_EVERY == FLOOR_EVERY - 1 else _BY_URGENCY
    first = turn % len(numbers)
    lanes: dict[Lane, tuple[int, int]] = {}
    for category in order:
        places = category_places(standing.limit, category, standing.rules)
        for number in (*numbers[first:], *numbers[:first]):
            lane = Lane(number, category)
            if not standing.pauses or not _is_paused(standing, lane, now_ms):
                lanes[lane] = (hands.most(number, category, standing.number(number).throughput), places)
    return lanes


def left_some(claim: Claim, lanes: Mapping[Lane, tuple[int, int]], room: int) -> bool:
    """Whether more may be due than could be claimed: `room` was the least that was free for all."""
    if len(claim.messages) >= room:
        return True
    claimed = Counter(one.lane for one in claim.messages)
    return any(claimed[lane] >= most for lane, (most, _) in lanes.items())


def _is_paused(standing: Standing, lane: Lane, now_ms: int) -> bool:
    scopes = {("portfolio", standing.portfolio), ("category", lane.category.value)}
    if not standing.campaigns:
        # A campaign's messages may go by another of its numbers: they are asked for.
        scopes.add(("number", lane.number))
    return any(
        (pause.scope, pause.value) in scopes and (pause.until_ms is None or pause.until_ms > now_ms)
        for pause in standing.pauses
    )
