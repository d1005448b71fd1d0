"""Sends that the store has lost and no node remembers: their users count from what Meta tells of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from loadtest.deployment import NUMBER, PORTFOLIO, WABA
from tests.integration.house import House, a_house, emptied, sent, used, whole, works_again
from tidegate.app import Node
from tidegate.cloudapi.vocabulary import Category
from tidegate.gateway import Forwarded

DAY_MS = 86_400_000
TRANSIT_MS = 60_000


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with a_house() as made:
        yield made


async def forgotten(house: House, sends: int) -> Node:
    """A node on a store that has lost these sends, of which it never heard."""
    gone = await house.node()
    for n in range(sends):
        assert isinstance(await sent(gone, f"+1555010{n:04}"), Forwarded)
    await house.end(gone)
    await emptied(house)
    return await house.node()


def status(house: House, send: int, word: str, at_ms: int, **changes: Any) -> dict[str, Any]:
    """What Meta tells of the nth send."""
    accepted = house.simulator.world.book.accepted[send]
    told = {
        "id": accepted.wamid,
        "status": word,
        "timestamp": str(at_ms // 1000),
        "recipient_id": f"1555010{send:04}",
        "biz_opaque_callback_data": accepted.opaque,
    }
    return told | changes


async def tell(node: Node, *statuses: dict[str, Any]) -> None:
    metadata = {"display_phone_number": NUMBER.display_phone_number, "phone_number_id": NUMBER.id}
    value = {"messaging_product": "whatsapp", "metadata": metadata, "statuses": list(statuses)}
    changes = [{"field": "messages", "value": value}]
    body = {"object": "whatsapp_business_account", "entry": [{"id": WABA.id, "changes": changes}]}
    await node.services.signals.receive(body)


async def in_a(node: Node, ms: int) -> None:
    steerable = node.services.steerable
    assert steerable is not None
    await steerable.advance(ms)


async def test_deliveries_count_for_a_day_from_metas_time(house: House) -> None:
    node = await forgotten(house, 5)
    at_ms = node.services.clock.now_ms() // 1000 * 1000 - 3_600_000

    await tell(node, *(status(house, n, "delivered", at_ms) for n in range(5)))

    assert await used(node) == 5
    await tell(node, *(status(house, n, "read", at_ms + 60_000) for n in range(5)))
    assert await used(node) == 5
    await in_a(node, DAY_MS - 3_600_000 - 30_000)
    assert await used(node) == 5
    await in_a(node, 31_000)
    assert await used(node) == 0


async def test_one_that_is_on_its_way_holds_its_place_as_long_as_it_may_come(house: House) -> None:
    node = await forgotten(house, 1)
    now_ms = node.services.clock.now_ms()

    await tell(node, status(house, 0, "sent", now_ms))

    await in_a(node, 31 * DAY_MS - TRANSIT_MS)
    assert await used(node) == 1
    await in_a(node, 3 * TRANSIT_MS)
    assert await used(node) == 0


async def test_one_of_a_category_that_is_told_waits_no_longer_than_that_may(house: House) -> None:
    node = await forgotten(house, 1)
    pricing = {"billable": True, "pricing_model": "PMP", "type": "regular", "category": Category.AUTHENTICATION.value}

    await tell(node, status(house, 0, "sent", node.services.clock.now_ms(), pricing=pricing))

    await in_a(node, DAY_MS)
    assert await used(node) == 1
    await in_a(node, 900_000 + 2 * TRANSIT_MS)
    assert await used(node) == 0


async def test_told_twice_and_in_any_order_each_counts_once(house: House) -> None:
    node = await forgotten(house, 2)
    now_ms = node.services.clock.now_ms()
    words = ["read", "sent", "delivered", "sent", "read"]

    await tell(node, *(status(house, n, word, now_ms) for word in words for n in range(2)))

    assert await used(node) == 2
    accepted = house.simulator.world.book.accepted[0]
    message_id = await node.services.messages.id_of_wamid(PORTFOLIO, accepted.wamid)
    assert message_id is not None
    record = await node.services.messages.find(PORTFOLIO, message_id)
    assert record is not None
    assert record.state.value == "read"


@pytest.mark.parametrize(
    ("word", "changes", "places"),
    [
        pytest.param("delivered", {}, 1, id="delivered"),
        pytest.param("read", {}, 1, id="read, of whose delivery nobody heard"),
        pytest.param("failed", {"errors": [{"code": 131026, "title": "x"}]}, 0, id="failed for certain"),
        pytest.param("failed", {"errors": [{"code": 131000, "title": "x"}]}, 1, id="failed, which proves nothing"),
        pytest.param("delivered", {"pricing": {"category": "service", "type": "regular"}}, 0, id="a reply"),
        pytest.param(
            "delivered",
            {"pricing": {"category": "utility", "type": "free_customer_service"}},
            0,
            id="a template in an open window",
        ),
        pytest.param(
            "delivered",
            {"pricing": {"category": "utility", "type": "free_entry_point"}},
            1,
            id="a template that was free for another reason",
        ),
        pytest.param(
            "delivered", {"biz_opaque_callback_data": "tg1.x.y"}, 0, id="of whom nobody proves that it is ours"
        ),
        pytest.param("delivered", {"biz_opaque_callback_data": None}, 0, id="sent by somebody else"),
        pytest.param("delivered", {"recipient_id": None}, 0, id="to nobody"),
    ],
)
async def test_what_a_status_tells_is_read_with_care(
    house: House, word: str, changes: dict[str, Any], places: int
) -> None:
    node = await forgotten(house, 1)

    await tell(node, status(house, 0, word, node.services.clock.now_ms(), **changes))

    assert await used(node) == places


async def test_what_was_learned_is_told_again_when_the_store_loses_it_too(house: House) -> None:
    node = await forgotten(house, 3)
    await tell(node, *(status(house, n, "delivered", node.services.clock.now_ms()) for n in range(3)))

    await emptied(house)
    await works_again(house, node)
    await whole(node)

    assert await used(node) == 3
