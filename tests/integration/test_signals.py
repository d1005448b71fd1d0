"""Standing: read from Graph at the start, moved by webhooks, judged by their own time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from loadtest.deployment import NUMBER, PORTFOLIO, WABA, Deployment
from tests.waiting import until
from tidegate.app import Node, build
from tidegate.cloudapi.vocabulary import UNLIMITED, Category, Quality, TemplateStatus
from tidegate.policy.standing import Standing
from tidegate.simulator.faults import Fault, On, Then
from tidegate.simulator.server import Simulator, run_simulator
from tidegate.store.embedded import socket_url
from tidegate.store.leases import Leases
from tidegate.store.scripts import StoreClient

OFFER = (WABA.id, "black_friday_offer", "en_US")


class World:
    """A node, the simulated platform, and webhooks of one's own making."""

    def __init__(self, node: Node, simulator: Simulator) -> None:
        self.node = node
        self.simulator = simulator

    async def standing(self) -> Standing:
        return await self.node.services.standings.current(PORTFOLIO)

    async def receive(self, field: str, value: dict[str, Any], at_s: int | None = None) -> None:
        entry: dict[str, Any] = {"id": WABA.id, "changes": [{"field": field, "value": value}]}
        if at_s is not None:
            entry["time"] = at_s
        await self.node.services.signals.receive({"object": "whatsapp_business_account", "entry": [entry]})

    async def limit(self, wire: object, at_s: int | None = None) -> int:
        await self.receive("business_capability_update", {"max_daily_conversations_per_business": wire}, at_s)
        return (await self.standing()).limit


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    made = await run_simulator(config=Deployment(limit=2_000).platform)
    yield made
    await made.stop()


@pytest.fixture
async def world(client: StoreClient, valkey_socket: str, simulator: Simulator) -> AsyncIterator[World]:
    node = await build(Deployment(limit=250).settings(socket_url(valkey_socket), simulator.url))
    await node.start()
    yield World(node, simulator)
    await node.stop()


async def test_a_start_reads_limit_number_and_templates_from_graph(world: World) -> None:
    standing = await world.standing()
    assert (standing.limit, standing.limit_source) == (2_000, "graph")
    assert standing.number(NUMBER.id).status.connected
    offer = standing.template(*OFFER)
    assert offer is not None
    assert (offer.category, offer.status) == (Category.MARKETING, TemplateStatus.APPROVED)
    paused = standing.template(WABA.id, "winback", "en_US")
    assert paused is not None
    assert paused.status is TemplateStatus.PAUSED


async def test_a_start_without_graph_serves_with_what_is_configured_and_reads_when_it_can(
    client: StoreClient, valkey_socket: str, simulator: Simulator
) -> None:
    simulator.faults.add(Fault(then=Then.STATUS, status=503, on=On.READS))
    node = await build(Deployment(limit=250).settings(socket_url(valkey_socket), simulator.url))
    await node.start()

    async def was_read() -> bool:
        return (await node.services.standings.current(PORTFOLIO)).limit == 2_000

    await until(was_read)
    await node.stop()


@pytest.mark.parametrize(
    ("wire", "limit"),
    [
        (10_000, 10_000),
        ("10000", 10_000),
        ("TIER_10K", 10_000),
        ("tier_100k", 100_000),
        (-1, UNLIMITED),
        ("UNLIMITED", UNLIMITED),
        ("TIER_UNLIMITED", UNLIMITED),
        (250, 250),
        ("TIER_1K", 1_000),
        ("TIER_50", 50),
    ],
)
async def test_every_spelling_of_a_limit_moves_it(world: World, wire: object, limit: int) -> None:
    assert await world.limit(wire, at_s=1_795_176_000) == limit


@pytest.mark.parametrize("wire", ["TIER_NOT_SET", None, "many", True], ids=repr)
async def test_a_limit_that_says_nothing_moves_nothing(world: World, wire: object) -> None:
    assert await world.limit(wire) == 2_000


async def test_an_older_webhook_that_comes_late_undoes_nothing(world: World) -> None:
    assert await world.limit(10_000, at_s=1_795_176_100) == 10_000
    assert await world.limit(2_000, at_s=1_795_176_000) == 10_000
    assert await world.limit(2_000, at_s=1_795_176_200) == 2_000


async def test_a_repeated_webhook_begins_no_new_epoch(world: World) -> None:
    await world.limit(10_000, at_s=1_795_176_100)

    async def begins_none() -> bool:
        epoch = (await world.standing()).epoch
        await world.limit(10_000, at_s=1_795_176_100)
        return (await world.standing()).epoch == epoch

    # The node itself may begin one in between: it leases places in advance.
    await until(begins_none)


async def test_a_paused_template_is_paused_and_unpaused_by_webhook(world: World) -> None:
    value = {
        "event": "PAUSED",
        "message_template_id": 1,
        "message_template_name": OFFER[1],
        "message_template_language": OFFER[2],
        "reason": "NONE",
    }
    await world.receive("message_template_status_update", value, at_s=1_795_176_000)
    offer = (await world.standing()).template(*OFFER)
    assert offer is not None
    assert offer.status is TemplateStatus.PAUSED

    await world.receive("message_template_status_update", value | {"event": "APPROVED"}, at_s=1_795_186_800)
    offer = (await world.standing()).template(*OFFER)
    assert offer is not None
    assert offer.status is TemplateStatus.APPROVED


async def test_a_template_changes_its_category_by_webhook(world: World) -> None:
    value = {
        "message_template_id": 1,
        "message_template_name": "order_confirmation",
        "message_template_language": "en_US",
        "previous_category": "UTILITY",
        "new_category": "MARKETING",
    }
    await world.receive("template_category_update", value, at_s=1_795_176_000)
    template = (await world.standing()).template(WABA.id, "order_confirmation", "en_US")
    assert template is not None
    assert template.category is Category.MARKETING


async def test_an_upgrade_of_throughput_is_taken_over(world: World) -> None:
    value = {
        "display_phone_number": NUMBER.display_phone_number,
        "event": "THROUGHPUT_UPGRADE",
        "max_daily_conversations_per_business": "TIER_UNLIMITED",
    }
    await world.receive("phone_number_quality_update", value, at_s=1_795_176_000)
    standing = await world.standing()
    assert standing.number(NUMBER.id).throughput == 1_000
    assert standing.limit == 2_000, "the word stands for throughput here, not for the limit"


@pytest.mark.parametrize(("event", "limit"), [("UPGRADE", 10_000), ("DOWNGRADE", 250)])
async def test_the_old_regimes_upgrades_and_downgrades_are_obeyed(world: World, event: str, limit: int) -> None:
    value = {"display_phone_number": NUMBER.display_phone_number, "event": event}
    tier = {10_000: "TIER_10K", 250: "TIER_250"}[limit]
    await world.receive("phone_number_quality_update", value | {"current_limit": tier}, at_s=1_795_176_000)
    assert (await world.standing()).limit == limit


async def test_another_accounts_webhook_changes_nothing(world: World) -> None:
    entry = {
        "id": "999999999999999",
        "time": 1_795_176_000,
        "changes": [
            {"field": "business_capability_update", "value": {"max_daily_conversations_per_business": 100_000}}
        ],
    }
    await world.node.services.signals.receive({"object": "whatsapp_business_account", "entry": [entry]})
    assert (await world.standing()).limit == 2_000


async def test_other_nodes_learn_of_a_change_by_the_epoch(
    world: World, client: StoreClient, valkey_socket: str, simulator: Simulator
) -> None:
    other = await build(Deployment(limit=250).settings(socket_url(valkey_socket), simulator.url))
    await other.start()
    await other.services.standings.current(PORTFOLIO)
    await world.limit(250, at_s=1_795_176_000)
    books = await other.services.ledger.books(PORTFOLIO)
    reloaded = await other.services.standings.reload(PORTFOLIO, books.epoch)
    await other.stop()
    assert reloaded.limit == 250


async def test_graph_is_read_again_when_the_poll_interval_has_passed(world: World) -> None:
    world.simulator.world.set_number(NUMBER.id, quality="RED")
    steerable = world.node.services.steerable
    assert steerable is not None
    await steerable.advance(6 * 3_600_000)
    world.node.services.clock.observe(await steerable.now_ms())

    async def was_read() -> bool:
        return (await world.standing()).number(NUMBER.id).quality is Quality.RED

    await until(was_read)


async def test_one_node_of_two_reads(world: World, client: StoreClient) -> None:
    mine, theirs = Leases(client, "mine"), Leases(client, "theirs")
    assert await mine.hold(PORTFOLIO, "poll", 60_000)
    assert not await theirs.hold(PORTFOLIO, "poll", 60_000)
    assert await mine.hold(PORTFOLIO, "poll", 60_000), "and keeps the duty"
