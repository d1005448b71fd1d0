"""The way out to an app: in order, patiently, at nobody else's cost, and by whichever node is there."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from tests.integration.edge.callers import BOB, OPERATOR, OTHER_NUMBER, OTHER_WABA, template
from tests.integration.relay.conftest import Counted, Town, inbound, messaging, status
from tests.waiting import until

DAY_S = 86_400


def of_depot(*messages: object) -> bytes:
    return messaging(number=OTHER_NUMBER, waba=OTHER_WABA, messages=list(messages))


async def refused(town: Town, times: int) -> None:
    async def is_so() -> bool:
        return len(town.depot.refused) >= times

    await until(is_so)


class TestOrder:
    async def test_a_users_updates_come_in_their_order_though_the_first_is_refused_at_first(
        self, town: Town, gets: Counted
    ) -> None:
        await town.node()
        town.depot.answer = 503
        await town.tell(of_depot(*(inbound(message_id=f"wamid.{i}") for i in range(20))))
        await refused(town, 1)
        town.depot.answer = 200
        await town.pass_time(600)

        await gets(town.depot, 20)

        assert [got.message["id"] for got in town.depot.got] == [f"wamid.{i}" for i in range(20)]

    async def test_one_users_waits_for_no_other_users(self, town: Town, gets: Counted) -> None:
        await town.node()

        async def answer(raw: bytes) -> web.Response:
            return web.Response(status=500 if b"wamid.poison" in raw else 200)

        town.depot.answer = answer
        await town.tell(of_depot(inbound(message_id="wamid.poison"), inbound(message_id="wamid.behind")))
        await town.tell(of_depot(*(inbound(message_id=f"wamid.{i}", sender=BOB) for i in range(5))))

        await gets(town.depot, 5)

        assert [got.message["id"] for got in town.depot.got] == [f"wamid.{i}" for i in range(5)]

    async def test_what_an_app_always_refuses_keeps_nothing_of_other_users_back(
        self, town: Town, gets: Counted
    ) -> None:
        await town.node()

        async def answer(raw: bytes) -> web.Response:
            return web.Response(status=500 if b"wamid.poison" in raw else 200)

        town.depot.answer = answer
        for i in range(10):
            await town.tell(of_depot(inbound(message_id=f"wamid.poison{i}", sender=f"+1650555{i:04}")))

        async def is_held() -> bool:
            backlog = await town.nodes[0].services.relays.backlog("wind-and-wool", "depot")
            return backlog.failures >= 4

        await until(is_held)
        await town.tell(of_depot(inbound(message_id="wamid.good", sender=BOB)))
        # Left alone after each of the ten, as one that is not there, it would be more than half a minute.
        await gets(town.depot, 1)

    async def test_statuses_and_messages_of_a_user_are_one_line(self, town: Town, gets: Counted) -> None:
        await town.node()
        await town.send(template())
        wamid = "wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI="
        town.checkout.answer = 503
        await town.tell(messaging(statuses=[status("sent", wamid, town.posted_opaque)]))
        await town.tell(messaging(messages=[inbound()]))
        await town.tell(messaging(statuses=[status("read", wamid, town.posted_opaque)]))
        town.checkout.answer = 200
        await town.pass_time(600)

        await gets(town.checkout, 3)

        assert [set(got.value) & {"messages", "statuses"} for got in town.checkout.got] == [
            {"statuses"},
            {"messages"},
            {"statuses"},
        ]


class TestPatience:
    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param(301, id="a redirect"),
            pytest.param(400, id="400"),
            pytest.param(410, id="410"),
            pytest.param(500, id="500"),
        ],
    )
    async def test_only_a_2xx_counts(self, town: Town, gets: Counted, answer) -> None:
        await town.node()
        town.depot.answer, town.depot.headers = answer, {"Location": town.shop.url}
        await town.tell(of_depot(inbound()))
        await refused(town, 1)
        town.depot.answer = 204
        await town.pass_time(600)

        await gets(town.depot, 1)

        assert town.shop.got == []

    async def test_an_app_that_is_down_is_left_alone_and_then_tried_with_one_line(
        self, town: Town, gets: Counted
    ) -> None:
        await town.node()
        town.depot.answer = 503
        for i in range(30):
            await town.tell(of_depot(inbound(message_id=f"wamid.{i}", sender=f"+1650555{i:04}")))

        async def is_left_alone() -> bool:
            backlog = await town.nodes[0].services.relays.backlog("wind-and-wool", "depot")
            if backlog.held_until_ms and backlog.failures >= 4 and town.depot.under_way == 0:
                return True
            await town.pass_time(3)
            return False

        await until(is_left_alone)
        town.depot.most_under_way, before = 0, len(town.depot.refused)
        await town.pass_time(900)
        await refused(town, before + 1)
        assert town.depot.most_under_way == 1

        town.depot.answer = 200
        await town.pass_time(900)
        await gets(town.depot, 30)
        assert len({got.message["id"] for got in town.depot.got}) == 30

    async def test_after_seven_days_it_is_a_dead_letter_that_can_be_tried_again(
        self, town: Town, gets: Counted
    ) -> None:
        await town.node()
        town.depot.answer = 503
        await town.tell(of_depot(inbound()))
        await refused(town, 1)
        await town.pass_time(7 * DAY_S)
        relays = town.nodes[0].services.relays

        async def is_dead() -> bool:
            return (await relays.backlog("wind-and-wool", "depot")).dead == 1

        await until(is_dead)
        [letter] = await relays.dead("wind-and-wool", "depot", 10)
        assert (letter.kind, letter.tries, letter.error) == ("messages", 1, "HTTP 503")

        town.depot.answer = 200
        assert await relays.replay("wind-and-wool", "depot", [], 10) == 1
        await gets(town.depot, 1)

    async def test_the_dead_are_forgotten_after_fourteen_days(self, town: Town) -> None:
        node = await town.node()
        town.depot.answer = 503
        await town.tell(of_depot(inbound()))
        await refused(town, 1)
        await town.pass_time(7 * DAY_S)

        async def dead(count: int) -> bool:
            return (await node.services.relays.backlog("wind-and-wool", "depot")).dead == count

        await until(lambda: dead(1))
        await town.pass_time(14 * DAY_S)
        await until(lambda: dead(0))

        assert [key async for key in node.connection.client.scan_iter(match="*relay:item:*")] == []


class TestOthers:
    async def test_an_app_that_hangs_holds_up_no_other_and_no_webhook_of_metas(self, town: Town, gets: Counted) -> None:
        await town.node('allow_private = true\ntimeout = "60s"')
        stuck = asyncio.Event()

        async def hang(_raw: bytes) -> web.Response:
            await stuck.wait()
            return web.Response()

        town.shop.answer = hang
        for i in range(40):
            assert await town.tell(messaging(messages=[inbound(message_id=f"wamid.{i}")])) == 200

        await gets(town.checkout, 40)
        assert (town.shop.got, town.shop.most_under_way) == ([], 1)
        stuck.set()

    async def test_no_more_than_so_many_are_under_way_for_one_app(self, town: Town) -> None:
        await town.node('allow_private = true\ntimeout = "60s"')
        stuck = asyncio.Event()

        async def hang(_raw: bytes) -> web.Response:
            await stuck.wait()
            return web.Response()

        town.depot.answer = hang
        for i in range(40):
            await town.tell(of_depot(inbound(message_id=f"wamid.{i}", sender=f"+1650555{i:04}")))

        async def is_full() -> bool:
            return town.depot.under_way == 16

        await until(is_full)
        stuck.set()

    async def test_beyond_what_may_wait_webhooks_are_left_out_and_counted(self, town: Town) -> None:
        await town.node("allow_private = true\nmost_waiting = 3\nmost_bytes = 5_000_000")
        town.depot.answer = 503

        assert await town.tell(of_depot(*(inbound(message_id=f"wamid.{i}") for i in range(5)))) == 200

        assert (await town.nodes[0].services.relays.backlog("wind-and-wool", "depot")).waiting == 3
        told = await town.caller()("GET", "/metrics", OPERATOR)
        assert b'tidegate_relay_webhooks_total{app="depot",outcome="left_out"} 2.0' in told.raw
        [one] = (await town.caller()("GET", "/gateway/v1/webhooks", "tg_depot")).body["apps"]
        assert (one["left_out"], one["dropped"], one["most_waiting"], one["most_bytes"]) == (2, 0, 3, 5_000_000)
        assert one["left_out_at"] is not None
        assert f'tidegate_relay_bytes{{app="depot"}} {float(one["bytes"])}'.encode() in told.raw


class TestNodes:
    async def test_another_node_delivers_what_a_node_that_ended_had_taken(self, town: Town, gets: Counted) -> None:
        first = await town.node()
        town.depot.answer = 503
        await town.tell(of_depot(*(inbound(message_id=f"wamid.{i}") for i in range(3))))
        await refused(town, 1)
        await town.end(first)
        town.depot.answer = 200
        await town.node()
        await town.pass_time(600)

        await gets(town.depot, 3)

        assert [got.message["id"] for got in town.depot.got] == ["wamid.0", "wamid.1", "wamid.2"]

    async def test_what_a_node_had_under_way_when_it_ended_is_delivered_again_when_its_lease_lapses(
        self, town: Town, gets: Counted
    ) -> None:
        first = await town.node('allow_private = true\ntimeout = "60s"')
        await town.node()

        async def hang(_raw: bytes) -> web.Response:
            await asyncio.Event().wait()
            return web.Response()

        town.depot.answer = hang
        await town.tell(of_depot(inbound()), first)

        async def is_under_way() -> bool:
            return town.depot.under_way == 1

        await until(is_under_way)
        await town.end(first)
        town.depot.answer = 200
        await town.pass_time(100)

        await gets(town.depot, 1)


class TestAddresses:
    async def test_unless_it_is_allowed_nothing_goes_to_an_address_that_is_not_public(self, town: Town) -> None:
        node = await town.node("allow_private = false", apps_at="https://localhost:8443/whatsapp")
        await town.tell(of_depot(inbound()))

        async def is_told() -> bool:
            return (await node.services.relays.backlog("wind-and-wool", "depot")).error is not None

        await until(is_told)
        backlog = await node.services.relays.backlog("wind-and-wool", "depot")
        assert backlog.error == "its address is not a public one (relay.allow_private)"
        assert (town.depot.got, town.depot.refused) == ([], [])
