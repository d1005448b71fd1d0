"""Statuses told to a node whose calls go by a wire: what is begun in one step, and who finishes what goes wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from loadtest.deployment import NUMBER, PORTFOLIO, WABA
from tests.integration.house import House, a_house, sent
from tidegate.app import Node
from tidegate.gateway import Forwarded
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import script


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with a_house() as made:
        yield made


async def sent_to(node: Node, users: int) -> list[str]:
    """So many sends that are settled: their ids."""
    told = [await sent(node, f"+1555010{n:04}") for n in range(users)]
    assert all(isinstance(one, Forwarded) for one in told)
    await node.services.gateway.settled(5)
    return [one.message_id for one in told if isinstance(one, Forwarded)]


def delivered(house: House, send: int, **changes: Any) -> dict[str, Any]:
    accepted = house.simulator.world.book.accepted[send]
    at_s = house.simulator.world.now_ms // 1000
    told = {"id": accepted.wamid, "status": "delivered", "timestamp": str(at_s), "recipient_id": f"1555010{send:04}"}
    return told | {"biz_opaque_callback_data": accepted.opaque} | changes


async def tell(node: Node, *statuses: dict[str, Any], number: str = NUMBER.id) -> None:
    metadata = {"display_phone_number": NUMBER.display_phone_number, "phone_number_id": number}
    value = {"messaging_product": "whatsapp", "metadata": metadata, "statuses": list(statuses)}
    entry = {"id": WABA.id, "changes": [{"field": "messages", "value": value}]}
    await node.services.signals.receive({"object": "whatsapp_business_account", "entry": [entry]})


async def states(node: Node, ids: list[str]) -> list[str]:
    found = [await node.services.messages.find(PORTFOLIO, id_) for id_ in ids]
    return [one.state if one is not None else "" for one in found]


async def test_one_that_breaks_takes_no_other_of_its_call_with_it(house: House) -> None:
    node = await house.node()
    ids = await sent_to(node, 3)
    with house.look() as look:
        look.set(PortfolioKeys(PORTFOLIO).message(ids[1]), "damaged")

        await tell(node, *(delivered(house, n) for n in range(3)))

    assert await states(node, [ids[0], ids[2]]) == ["delivered", "delivered"]
    assert b'tidegate_webhook_faults_total{kind="StatusUpdate"} 1.0' in node.services.metrics.exposition()


async def test_a_store_that_forgot_its_scripts_is_told_the_script_again(house: House) -> None:
    node = await house.node()
    ids = await sent_to(node, 2)
    with house.look() as look:
        look.script_flush()

        await tell(node, *(delivered(house, n) for n in range(2)))

        assert look.script_exists(script("refresh").sha) == [True]
    assert await states(node, ids) == ["delivered", "delivered"]


async def test_of_statuses_of_another_number_the_store_is_asked_nothing(house: House) -> None:
    node = await house.node()
    await sent_to(node, 1)
    with house.look() as look:
        # Whatever the node does meanwhile, of all that is asked this one script is looked for.
        look.config_set("slowlog-max-len", 10_000)
        look.config_set("slowlog-log-slower-than", 0)

        await tell(node, delivered(house, 0, biz_opaque_callback_data="theirs", id="wamid.theirs"), number="1")

        asked = [entry["command"] for entry in look.slowlog_get(10_000)]
    assert asked
    assert not any(script("refresh").sha.encode() in command for command in asked)
