"""Webhooks of Meta's, handed to the apps that they concern: whose, in which words, and only once."""

from __future__ import annotations

import asyncio

import orjson
import pytest
from aiohttp import web

from tests.integration.edge.callers import ANN, BOB, OTHER_NUMBER, OTHER_WABA, template
from tests.integration.relay.conftest import SHOP, Counted, Town, delivery, inbound, messaging, status
from tests.integration.relay.listener import Listener
from tests.waiting import until
from tidegate.cloudapi.webhooks import read_body

WAMID = "wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI="


async def in_peace(town: Town, *apps: Listener) -> None:
    """Return once nothing waits for anybody: what has not come by then never will."""

    async def is_empty() -> bool:
        relays = town.nodes[0].services.relays
        names = [("lucky-shrub", "checkout"), ("lucky-shrub", "shop"), ("wind-and-wool", "depot")]
        backlogs = [await relays.backlog(*name) for name in names]
        return not any(backlog.waiting for backlog in backlogs)

    await until(is_empty)


class TestStatuses:
    async def test_a_status_goes_to_the_app_that_sent_the_message_and_to_no_other(
        self, town: Town, gets: Counted
    ) -> None:
        await town.node()
        await town.send(template(), SHOP)
        assert await town.tell(messaging(statuses=[status("sent", WAMID, town.posted_opaque)])) == 200

        await gets(town.shop, 1)
        await in_peace(town)

        [got] = town.shop.got
        assert got.is_signed
        assert (got.field, got.value["messaging_product"]) == ("messages", "whatsapp")
        assert got.value["metadata"] == {"display_phone_number": "15550783881", "phone_number_id": "106540352242922"}
        assert got.status == status("sent", WAMID)
        assert (town.checkout.got, town.depot.got) == ([], [])

    async def test_its_senders_own_callback_data_is_given_back(self, town: Town, gets: Counted) -> None:
        await town.node()
        await town.send(template() | {"biz_opaque_callback_data": "order 7"})
        await town.tell(messaging(statuses=[status("delivered", WAMID, town.posted_opaque)]))

        await gets(town.checkout, 1)

        assert town.checkout.got[0].status["biz_opaque_callback_data"] == "order 7"

    async def test_of_an_unknown_outcome_it_has_the_id_that_the_sender_was_given(
        self, town: Town, gets: Counted
    ) -> None:
        await town.node()

        async def hang_up(request: web.Request, _raw: bytes) -> web.StreamResponse:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()

        town.graph.answer = hang_up
        answered = await town.send(template())
        assert answered["Tidegate-Verdict"] == "unknown"
        await town.tell(messaging(statuses=[status("delivered", WAMID, town.posted_opaque)]))

        await gets(town.checkout, 1)

        assert town.checkout.got[0].status["id"] == answered["Tidegate-Id"]

    async def test_one_that_comes_before_the_answer_waits_for_the_id_that_its_sender_will_be_given(
        self, town: Town, gets: Counted
    ) -> None:
        await town.node()
        come = asyncio.Event()

        async def late(_request: web.Request, _raw: bytes) -> web.StreamResponse:
            await come.wait()
            return web.json_response({}, status=500)

        town.graph.answer = late
        sending = asyncio.ensure_future(town.send(template()))

        async def is_posted() -> bool:
            return bool(town.graph.requests)

        await until(is_posted)
        await town.tell(messaging(statuses=[status("failed", WAMID, town.posted_opaque)]))
        come.set()
        answered = await sending

        await gets(town.checkout, 1)

        assert answered["Tidegate-Verdict"] == "unknown"
        assert town.checkout.got[0].status["id"] == answered["Tidegate-Id"]

    async def test_of_a_queued_send_it_has_the_gateways_id(self, town: Town, gets: Counted) -> None:
        node = await town.node()
        order = {"scope": {"category": "utility"}, "reason": "a test"}
        paused = await town.caller()("POST", "/gateway/v1/pauses", "tg_operator", json=order)
        answered = await town.send(template(), Tidegate_Category="utility")
        assert answered["Tidegate-Verdict"] == "queue"
        await town.caller()("DELETE", f"/gateway/v1/pauses/{paused.body['id']}", "tg_operator")

        async def is_posted() -> bool:
            return bool(town.graph.requests)

        await until(is_posted)
        await node.services.gateway.settled(5)
        await town.tell(messaging(statuses=[status("sent", WAMID, town.posted_opaque)]))

        await gets(town.checkout, 1)

        assert town.checkout.got[0].status["id"] == answered["Tidegate-Id"]

    async def test_of_a_message_sent_past_the_gateway_it_goes_to_all_apps_of_the_number_as_it_came(
        self, town: Town, gets: Counted
    ) -> None:
        await town.node()
        told = status("sent", "wamid.elsewhere", "not ours")
        await town.tell(messaging(statuses=[told]))

        await gets(town.checkout, 1)
        await gets(town.shop, 1)

        assert (town.checkout.got[0].status, town.shop.got[0].status) == (told, told)
        assert town.depot.got == []


class TestMessages:
    async def test_a_users_message_goes_to_every_app_of_the_number(self, town: Town, gets: Counted) -> None:
        await town.node()
        contacts = [{"profile": {"name": "Ann"}, "wa_id": ANN[1:]}, {"profile": {"name": "Bob"}, "wa_id": BOB[1:]}]
        both = [inbound(), inbound(message_id="wamid.bob", sender=BOB)]
        await town.tell(messaging(contacts=contacts, messages=both))

        for app in (town.checkout, town.shop):
            await gets(app, 2)
            told = {got.message["id"]: got for got in app.got}
            assert told["wamid.in"].message == both[0]
            assert told["wamid.in"].value["contacts"] == contacts[:1]
            assert told["wamid.bob"].value["contacts"] == contacts[1:]
        assert town.depot.got == []

    @pytest.mark.parametrize(
        ("part", "path"),
        [
            pytest.param({"context": {"from": "15550783881", "id": WAMID}}, ("context", "id"), id="a reply"),
            pytest.param(
                {"type": "reaction", "reaction": {"message_id": WAMID, "emoji": "+"}},
                ("reaction", "message_id"),
                id="a reaction",
            ),
        ],
    )
    async def test_what_a_user_answers_to_is_named_as_its_sender_knows_it(
        self, town: Town, gets: Counted, part, path
    ) -> None:
        await town.node()

        async def no_proof(_request: web.Request, _raw: bytes) -> web.StreamResponse:
            return web.json_response({}, status=500)

        town.graph.answer = no_proof
        answered = await town.send(template())
        await town.tell(messaging(statuses=[status("sent", WAMID, town.posted_opaque)]))
        await town.tell(messaging(messages=[inbound(**part)]))

        await gets(town.checkout, 2)
        await gets(town.shop, 1)

        own, other = town.checkout.got[1].message, town.shop.got[0].message
        assert own[path[0]][path[1]] == answered["Tidegate-Id"]
        assert other[path[0]][path[1]] == WAMID


class TestAccounts:
    async def test_an_event_of_an_account_goes_to_every_app_with_a_number_of_it(
        self, town: Town, gets: Counted
    ) -> None:
        await town.node()
        value = {"event": "ACCOUNT_UPDATE", "anything": [1, {"new": True}]}
        raw = delivery("a_field_of_tomorrow", value, OTHER_WABA, time=1_790_000_000)
        assert await town.tell(raw) == 200

        await gets(town.depot, 1)
        await in_peace(town)

        assert orjson.loads(town.depot.got[0].raw) == orjson.loads(raw)
        assert (town.checkout.got, town.shop.got) == ([], [])

    async def test_of_an_account_that_is_nobodys_nothing_is_relayed(self, town: Town) -> None:
        await town.node()

        assert await town.tell(messaging(number="999", waba="998", messages=[inbound()])) == 200
        assert await town.tell(delivery("account_update", {"event": "X"}, "998")) == 200

        await in_peace(town)
        assert [app.got for app in (town.checkout, town.shop, town.depot)] == [[], [], []]

    async def test_what_cannot_be_told_takes_nothing_else_with_it(self, town: Town, gets: Counted) -> None:
        node = await town.node()
        raw = messaging(messages=[inbound(), inbound(message_id="wamid.in2")])
        raw = raw.replace(b'"type":"text"', b'"type":"text","more":' + b"[" * 250 + b"]" * 250, 1)
        assert await town.tell(raw) == 200

        await gets(town.shop, 1)
        assert town.shop.got[0].message["id"] == "wamid.in2"
        told = node.services.metrics.exposition().decode()
        assert 'tidegate_webhook_faults_total{kind="Update"} 1.0' in told


class TestOnce:
    async def test_a_delivery_of_metas_that_comes_again_is_not_relayed_again(self, town: Town, gets: Counted) -> None:
        await town.node()
        other = await town.node()
        raw = messaging(messages=[inbound(), inbound("more", "wamid.in2")])

        assert [await town.tell(raw), await town.tell(raw, other)] == [200, 200]
        await town.tell(messaging(messages=[inbound("more", "wamid.in2"), inbound("last", "wamid.in3")]))

        await gets(town.checkout, 3)
        await in_peace(town)
        assert [got.message["id"] for got in town.checkout.got] == ["wamid.in", "wamid.in2", "wamid.in3"]

    async def test_a_users_messages_stay_in_order_whatever_has_to_be_looked_up_for_one(
        self, town: Town, gets: Counted
    ) -> None:
        node = await town.node()
        first = inbound("first", "wamid.0", context={"id": WAMID})
        raws = [messaging(messages=[first])]
        raws += [messaging(messages=[inbound("later", f"wamid.{number}")]) for number in range(1, 20)]
        await asyncio.gather(*(node.services.relay.receive(read_body(raw)) for raw in raws))

        await gets(town.shop, 20)
        assert [got.message["id"] for got in town.shop.got] == [f"wamid.{number}" for number in range(20)]

    async def test_what_is_delivered_is_not_kept(self, town: Town, gets: Counted) -> None:
        node = await town.node()
        await town.tell(messaging(number=OTHER_NUMBER, waba=OTHER_WABA, messages=[inbound()]))
        await gets(town.depot, 1)
        await in_peace(town)

        kept = [key async for key in node.connection.client.scan_iter(match="*relay:item:*")]
        lines = [key async for key in node.connection.client.scan_iter(match="*relay:line:*")]

        assert (kept, lines) == ([], [])

    async def test_texts_and_users_are_not_to_be_read_in_the_store(self, town: Town) -> None:
        town.depot.answer = 503
        node = await town.node()
        await town.tell(messaging(number=OTHER_NUMBER, waba=OTHER_WABA, messages=[inbound("a secret of Ann's")]))

        dumped = b""
        async for key in node.connection.client.scan_iter():
            dumped += key + (await node.connection.client.dump(key) or b"")

        assert b"relay:item:depot" in dumped
        assert b"secret" not in dumped
        assert ANN[1:].encode() not in dumped
