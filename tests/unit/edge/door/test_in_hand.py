"""A stop waits for all that is under way, wherever it has entered, and no longer."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager

import pytest

from tidegate.edge.door.in_hand import InHand
from tidegate.edge.door.turnstile import Turnstiles
from tidegate.metrics import Metrics
from tidegate.settings.app_keys import hash_key
from tidegate.settings.tables import App

ONE = App(name="one", key_sha256=(hash_key("one"),))


class Sent(AbstractContextManager[None]):
    """A send, which enters by no `with`."""

    def __init__(self, turnstiles: Turnstiles) -> None:
        self._own = turnstiles.of(ONE)

    def __enter__(self) -> None:
        self._own.enter()

    def __exit__(self, *_: object) -> None:
        self._own.leave()


@pytest.mark.parametrize("first", ["here", "turnstile", "send"])
@pytest.mark.parametrize("last", ["here", "turnstile", "send"])
async def test_it_ends_with_the_last_wherever_that_entered(first: str, last: str) -> None:
    turnstiles = Turnstiles(10, Metrics())
    in_hand = InHand(turnstiles.node)
    ways = {"here": in_hand, "turnstile": turnstiles.node, "send": Sent(turnstiles)}

    with ways[last]:
        with ways[first]:
            ended = asyncio.create_task(in_hand.ended())
            await asyncio.sleep(0)
        for _ in range(3):
            await asyncio.sleep(0)
        assert not ended.done()
    await asyncio.wait_for(ended, 10)


async def test_it_goes_on_for_whoever_goes_from_one_to_the_other() -> None:
    turnstiles = Turnstiles(10, Metrics())
    in_hand = InHand(turnstiles.node)

    with in_hand:
        ended = asyncio.create_task(in_hand.ended())
        await asyncio.sleep(0)
    own = turnstiles.of(ONE)
    own.enter()
    for _ in range(3):
        await asyncio.sleep(0)
    assert not ended.done()

    own.leave()
    await asyncio.wait_for(ended, 10)


async def test_where_nothing_is_under_way_it_has_ended() -> None:
    turnstiles = Turnstiles(10, Metrics())
    with turnstiles.node:
        pass
    await InHand(turnstiles.node).ended()
