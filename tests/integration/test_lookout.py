"""What an idle node asks of its store, and what it notices all the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from loadtest.deployment import NUMBER, PORTFOLIO, Deployment
from tests.integration.test_dispatcher import PAUSE, a_message, paused
from tests.waiting import until
from tidegate.app import Node, build
from tidegate.gateway import Held
from tidegate.settings import Settings
from tidegate.simulator.server import Simulator, run_simulator
from tidegate.store.embedded import socket_url
from tidegate.store.scripts import StoreClient

#: Portfolios that nobody sends for, beside the one that is.
IDLE = 24


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    made = await run_simulator(config=Deployment().platform)
    yield made
    await made.stop()


@pytest.fixture
async def node(client: StoreClient, valkey_socket: str, simulator: Simulator) -> AsyncIterator[Node]:
    made = await build(_settings(socket_url(valkey_socket), simulator.url))
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def nodes(node: Node) -> AsyncIterator[tuple[Node, Node]]:
    second = await build(node.settings)
    await second.start()
    yield node, second
    await second.stop()


def _settings(store_url: str, upstream_url: str) -> Settings:
    settings = Deployment().settings(store_url, upstream_url)
    [portfolio] = settings.portfolios
    [waba] = portfolio.wabas
    [number] = waba.numbers
    idle = []
    for index in range(1, IDLE + 1):
        its_number = number.model_copy(update={"id": f"{int(NUMBER.id) + index}"})
        its_waba = waba.model_copy(update={"id": f"{int(waba.id) + index}", "numbers": (its_number,)})
        idle.append(portfolio.model_copy(update={"id": f"idle-{index}", "wabas": (its_waba,)}))
    return settings.model_copy(update={"portfolios": (portfolio, *idle)})


def calls(node: Node) -> Counter[str]:
    """How often each script was run for this node, and answered."""
    told = text_string_to_metric_families(node.services.metrics.exposition().decode())
    [family] = [one for one in told if one.name == "tidegate_store_seconds"]
    return Counter({one.labels["script"]: int(one.value) for one in family.samples if one.name.endswith("_count")})


async def test_portfolios_with_nothing_in_their_queues_are_looked_at_together_and_asked_for_nothing(
    node: Node,
) -> None:
    async def asked_in(glances: int) -> Counter[str]:
        """What was asked while it looked so often."""
        before = calls(node)

        async def has_looked() -> bool:
            return calls(node)["glance"] >= before["glance"] + glances

        await until(has_looked)
        return calls(node) - before

    # What is first read of Graph goes into the standings, and whoever has another one is looked at from near.
    for _ in range(4):
        if not (await asked_in(8))["claim"]:
            break
    asked = await asked_in(8)

    # Each portfolio was once claimed from at each of these looks, and reaped each second.
    assert asked["claim"] + asked["reap"] <= 2 * asked["glance"]
    ages = node.services.dispatcher.looked_at_ms
    assert len(ages) == IDLE + 1
    assert node.services.clock.monotonic_ms() - min(ages.values()) < 10_000, "those that are left alone count as seen"


async def test_what_another_node_queued_and_can_not_send_any_more_goes(
    nodes: tuple[Node, Node], simulator: Simulator
) -> None:
    first, _ = nodes
    await paused(first, PAUSE)
    assert isinstance(await first.services.gateway.submit(a_message(first, "+15550100001")), Held)
    await first.services.dispatcher.stop()

    await paused(first, None)

    async def was_sent() -> bool:
        return len(simulator.world.book.accepted) == 1

    await until(was_sent)


async def test_what_runs_out_of_time_in_a_queue_that_nobody_touches_ends(nodes: tuple[Node, Node]) -> None:
    first, second = nodes
    await paused(first, PAUSE)
    message = a_message(first, "+15550100001")
    held = replace(message, deadline_ms=first.services.clock.now_ms() + 1_000)
    assert isinstance(await first.services.gateway.submit(held), Held)

    async def has_expired() -> bool:
        record = await second.services.messages.find(PORTFOLIO, held.message_id)
        return record is not None and record.state.value == "expired"

    await until(has_expired)
