"""The store is away: login codes and replies go on, by what each node knows itself, and the limit still holds."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
from msgspec.structs import replace

from loadtest.deployment import APP, LOGIN_CODE, NUMBER, PORTFOLIO, WABA
from tests.faultproxy import Door, FaultProxy
from tests.integration.house import LIMIT, House, a_house, a_message, sent, used, works_again
from tests.ports import free_port
from tests.waiting import until
from tidegate.app import Node
from tidegate.cloudapi.messages import RecipientKind, Request, parse_send
from tidegate.cloudapi.vocabulary import Category
from tidegate.edge.door.keyring import Keyring
from tidegate.edge.grants import Grants
from tidegate.edge.graph.drafts import Draft
from tidegate.edge.graph.face import Graph
from tidegate.edge.graph.once import SendClaim
from tidegate.edge.graph.send_options import SendOptions
from tidegate.edge.replies import Reply
from tidegate.errors import StoreUnavailable
from tidegate.gateway import Forwarded, Refused, Unavailable
from tidegate.gateway.wishes import Wishes
from tidegate.policy.capacity import whole_places
from tidegate.policy.rules import Hold
from tidegate.store.idempotency import Entry
from tidegate.store.ledger import Inbound

#: Half of what is reserved for authentication may be leased: 4 of 8 places.
RULES = {"headroom": 0, "reserve": {"authentication": 0.4, "utility": 0}, "hold": {"utility": "reject"}}
LEASED = whole_places(0.4, LIMIT) // 2


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with a_house() as made:
        yield made


async def leased(node: Node, places: int) -> None:
    async def has_them() -> bool:
        return node.services.gateway._admission._offline.places(PORTFOLIO) == places

    await until(has_them)


async def a_code(node: Node, n: int) -> bool:
    answer = await sent(node, f"+1555010{n:04}", Category.AUTHENTICATION, hold=False)
    assert isinstance(answer, Forwarded | Unavailable | Refused)
    return isinstance(answer, Forwarded)


async def reported(node: Node) -> None:
    async def nothing_left() -> bool:
        return not node.recovery.journals[0].of(PORTFOLIO).offline

    await until(nothing_left)


class TestLoginCodes:
    async def test_go_on_places_that_were_paid_for_and_no_further(self, house: House) -> None:
        house.rules = RULES
        node = await house.node()
        await leased(node, LEASED)
        assert await a_code(node, 0)
        await house.end_store()

        went = [await a_code(node, n) for n in range(1, LEASED + 3)]

        assert went == [True] * LEASED + [False] * 2
        assert await a_code(node, 0), "who is counted takes no further place"
        assert await a_code(node, 1)
        await house.start_store()
        await works_again(house, node)
        await reported(node)
        assert await used(node) == 1 + LEASED
        await leased(node, LEASED)

    async def test_are_not_shared_with_nodes_that_are_gone(self, house: House) -> None:
        house.rules = RULES
        for _ in range(2):
            await house.end(await house.node())
        node = await house.node()
        await leased(node, LEASED // 3)

        assert node.services.steerable is not None
        await node.services.steerable.advance(200_000)

        await leased(node, LEASED)

    async def test_fill_the_whole_limit_when_the_store_is_there(self, house: House) -> None:
        house.rules = RULES
        first, second = await house.node(), await house.node()
        await leased(first, LEASED // 2)
        await leased(second, LEASED // 2)

        went = await asyncio.gather(*(a_code((first, second)[n % 2], n) for n in range(LIMIT + 5)))

        assert sum(went) == LIMIT
        assert await used(first) == LIMIT

    async def test_never_exceed_the_limit_where_one_node_is_cut_off(self, house: House) -> None:
        house.rules = RULES
        port = free_port()
        house.options["port"] = str(port)
        await house.end_store(signal.SIGTERM)
        await house.start_store()
        proxy = FaultProxy(("127.0.0.1", port))
        await proxy.start()
        near = await house.node()
        far = await house.node(url=f"redis://127.0.0.1:{proxy.address[1]}/0")
        await leased(near, LEASED // 2)
        await leased(far, LEASED // 2)
        await proxy.set_door(Door.SHUT)
        proxy.reset_all()

        there = [await a_code(near, n) for n in range(LIMIT + 3)]
        cut_off = [await a_code(far, 100 + n) for n in range(LIMIT + 3)]

        assert sum(there) == LIMIT - LEASED // 2, "what the other may fill on its own is nobody else's"
        assert sum(cut_off) == LEASED // 2
        await proxy.set_door(Door.OPEN)
        await works_again(house, far)
        await reported(far)
        assert await used(near) == LIMIT
        await proxy.stop()

    async def test_of_a_node_that_restarts_are_known_from_its_journal(self, house: House, tmp_path: Path) -> None:
        house.rules = RULES
        node = await house.node(tmp_path)
        await leased(node, LEASED)
        await house.end_store()
        assert await a_code(node, 1)
        await house.end(node)
        await house.start_store()

        again = await house.node(tmp_path)
        await reported(again)

        assert await used(again) == 1

    async def test_of_a_node_that_does_not_come_back_are_told_by_its_neighbour(
        self, house: House, tmp_path: Path
    ) -> None:
        house.rules = RULES
        first, second = await house.node(tmp_path), await house.node(tmp_path)
        await leased(second, LEASED // 2)
        await house.end_store()
        assert await a_code(second, 1)
        for node in (first, second):
            await house.end(node)
        await house.start_store()

        again = await house.node(tmp_path)
        await leased(again, LEASED // 2)

        assert again.recovery.journals[0].node == first.recovery.journals[0].node
        assert await used(again) == 1

    async def test_are_given_back_by_a_node_that_sends_nothing(self, house: House) -> None:
        house.rules = RULES
        first, idle = await house.node(), await house.node()
        await leased(first, LEASED // 2)
        await leased(idle, LEASED // 2)

        assert [await a_code(first, n) for n in range(LIMIT)] == [True] * LIMIT

    async def test_are_not_sent_to_whom_refuses_them(self, house: House) -> None:
        house.rules = RULES
        node = await house.node()
        await leased(node, LEASED)
        name = node.services.gateway._identity.of(RecipientKind.PHONE, "15550100001")
        await node.services.users.refuse(PORTFOLIO, name, None, "by hand", node.services.clock.now_ms())
        await house.end_store()

        assert not await a_code(node, 1)
        assert await a_code(node, 2)
        await house.start_store()


class TestOthers:
    async def test_replies_go_in_a_window_that_this_node_knows_of(self, house: House) -> None:
        node = await house.node()
        name = node.services.gateway._identity.of(RecipientKind.PHONE, "15550100001")
        inbound = Inbound(PORTFOLIO, name, NUMBER.id, node.services.clock.now_ms())
        await node.services.ledger.open_window(inbound)
        await house.end_store()

        assert isinstance(await sent(node, "+15550100001", None), Forwarded)
        assert isinstance(await sent(node, "+15550100002", None), Unavailable)
        assert isinstance(await sent(node, "+15550100001", Category.MARKETING), Unavailable)
        assert isinstance(await sent(node, "+15550100001", Category.UTILITY), Forwarded)
        assert isinstance(await sent(node, "+15550100002", Category.UTILITY), Unavailable)
        await house.start_store()

    async def test_replies_go_in_a_window_of_which_the_store_told_this_node(self, house: House) -> None:
        first, node = await house.node(), await house.node()
        name = node.services.gateway._identity.of(RecipientKind.PHONE, "15550100001")
        inbound = Inbound(PORTFOLIO, name, NUMBER.id, node.services.clock.now_ms())
        await first.services.ledger.open_window(inbound)
        began_ms = node.services.clock.monotonic_ms()
        assert isinstance(await sent(node, "+15550100001", Category.UTILITY), Forwarded)
        asked_ms = node.services.gateway._admission._offline.heard_of[PORTFOLIO].asked_ms
        await house.end_store()

        assert isinstance(await sent(node, "+15550100001", None), Forwarded)
        assert asked_ms is not None
        assert asked_ms >= began_ms, "it was there when it was asked of that send"
        await house.start_store()

    async def test_what_comes_out_of_the_queue_waits_for_the_store(self, house: House) -> None:
        house.rules = RULES
        node = await house.node()
        await leased(node, LEASED)
        message = a_message(node, "+15550100001", Category.AUTHENTICATION, hold=True)
        await house.end_store()

        assert isinstance(await node.services.gateway.submit(message), Forwarded)
        claimed = a_message(node, "+15550100002", Category.AUTHENTICATION, hold=True)
        answer = await node.services.gateway.submit(replace(claimed, queued=True))
        assert isinstance(answer, Unavailable)
        await house.start_store()

    async def test_what_has_claimed_to_be_the_only_one_of_its_kind_waits_for_the_store(self, house: House) -> None:
        house.rules = RULES
        node = await house.node()
        await leased(node, LEASED)
        message = a_message(node, "+15550100001", Category.AUTHENTICATION, hold=False)
        entry = Entry(PORTFOLIO, "shop:same", "", message.message_id)
        # What it had taken before went back with its first round: it did not start in time.
        claim = SendClaim(entry=entry, is_taken=True, request=message.request, services=node.services)
        await house.end_store()

        answer = await node.services.gateway.submit(replace(message, claim=claim))

        assert isinstance(answer, Unavailable), "who repeats it asks another node, which knows nothing of this one's"
        assert await a_code(node, 1)
        await house.start_store()

    async def test_so_does_what_has_a_key_of_its_own_that_was_claimed_before(self, house: House) -> None:
        house.rules = RULES
        node = await house.node()
        await leased(node, LEASED)
        services = node.services
        grants = Grants(services.settings, services.credentials)
        keyring = Keyring(services.keys, services.settings.server, services.clock, services.metrics)
        sends = Graph(services, keyring, grants)._sends
        template = {"name": LOGIN_CODE, "language": {"code": "en_US"}}
        body = {"messaging_product": "whatsapp", "to": "+15550100001", "type": "template", "template": template}
        request = parse_send(orjson.dumps(body))
        assert isinstance(request, Request)
        options = SendOptions(Wishes(hold=Hold.REJECT), idempotency_key="login-1")
        sender, _ = sends._senders[APP, f"{NUMBER.id}/messages"]
        draft = Draft(sender, request, options, f"/v25.0/{NUMBER.id}/messages", orjson.dumps(body))

        async def the_store_goes_first(draft: Draft, message_id: str, now_ms: int) -> Reply:
            await house.end_store()
            return await sends._submit(draft, message_id, now_ms)

        reply = await sends._once.answer(draft, services.gateway.new_id(PORTFOLIO), the_store_goes_first)

        assert (reply.status, reply.headers["Tidegate-Reason"]) == (503, "store_unavailable")
        assert await a_code(node, 1)
        assert house.accepted == 1
        await house.start_store()


async def test_a_refusal_that_comes_while_the_store_is_away_is_written_down_when_it_is_back(house: House) -> None:
    node = await house.node()
    await house.end_store()
    name = node.services.gateway._identity.of(RecipientKind.PHONE, "15550100001")
    at_ms = node.services.clock.now_ms()
    node.services.users.remember_refusal(PORTFOLIO, name, Category.MARKETING, "the user's own message", at_ms)
    await house.start_store()
    await works_again(house, node)

    async def is_known() -> bool:
        return (await node.services.users.read(PORTFOLIO, name)).opted_out(Category.MARKETING)

    await until(is_known)


async def test_a_webhook_that_can_not_be_kept_is_heeded_and_asked_for_again(house: House) -> None:
    node = await house.node()
    await house.end_store()
    user, at_s = "16505551234", str(node.services.clock.now_ms() // 1000)
    message = {"from": user, "id": "wamid.STOP", "timestamp": at_s, "type": "text", "text": {"body": "STOP"}}
    value: dict[str, object] = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": NUMBER.display_phone_number, "phone_number_id": NUMBER.id},
        "contacts": [{"wa_id": user}],
        "messages": [message],
    }
    body = {"object": "whatsapp_business_account", "entry": [{"id": WABA.id, "changes": [change(value)]}]}

    with pytest.raises(StoreUnavailable):
        await node.services.signals.receive(body)

    assert isinstance(await sent(node, f"+{user}", None), Forwarded), "the window that the message opened"
    await house.start_store()
    await works_again(house, node)
    name = node.services.gateway._identity.of(RecipientKind.PHONE, user)

    async def is_known() -> bool:
        return (await node.services.users.read(PORTFOLIO, name)).opted_out(Category.MARKETING)

    await until(is_known)


def change(value: dict[str, object]) -> dict[str, object]:
    return {"field": "messages", "value": value}
