"""A store that takes calls and answers none: login codes go all the same, in their time."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator

import pytest

from loadtest.deployment import PORTFOLIO
from tests.integration.house import House, a_house, sent, used, works_again
from tests.waiting import until
from tidegate.app import Node
from tidegate.cloudapi.vocabulary import Category
from tidegate.errors import StoreNotAsked, StoreUnavailable
from tidegate.gateway import Forwarded, Unavailable

pytestmark = pytest.mark.impatient


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with a_house() as made:
        made.rules = {"headroom": 0, "reserve": {"authentication": 0.4, "utility": 0}}
        yield made


async def test_login_codes_go_while_the_store_hangs(house: House) -> None:
    node = await house.node()

    async def has_places() -> bool:
        return node.services.gateway._admission._offline.places(PORTFOLIO) == 4

    await until(has_places)
    assert house.server is not None
    os.kill(house.server.pid, signal.SIGSTOP)
    try:
        code = await sent(node, "+15550100001", Category.AUTHENTICATION, hold=False)
        offer = await sent(node, "+15550100002", Category.MARKETING)
    finally:
        os.kill(house.server.pid, signal.SIGCONT)

    assert isinstance(code, Forwarded)
    assert isinstance(offer, Unavailable)
    assert house.accepted == 1
    await works_again(house, node)

    async def is_known() -> bool:
        return await reported(node) and await used(node) == 1

    await until(is_known)


async def reported(node: Node) -> bool:
    return not node.recovery.journals[0].of(PORTFOLIO).offline


async def test_what_is_refused_while_the_store_is_known_to_be_away_leaves_nothing_to_be_taken_back(
    house: House,
) -> None:
    node = await house.node()
    await house.end_store()

    async def is_away() -> bool:
        return isinstance(await ask(node), StoreNotAsked)

    await until(is_away)
    left = len(node.services.gateway._settling._writing)
    answers = [await sent(node, f"+1555020{n:04}") for n in range(50)]

    assert all(isinstance(answer, Unavailable) for answer in answers)
    assert len(node.services.gateway._settling._writing) <= left
    await house.start_store()


async def ask(node: Node) -> StoreUnavailable | None:
    try:
        await node.services.ledger.books(PORTFOLIO)
    except StoreUnavailable as fault:
        return fault
    return None
