"""An erased user is in no webhook that waits for an app or is dead; how the app's messages ended, it still learns."""

from __future__ import annotations

import asyncio

import orjson
import pytest
from aiohttp import web

from tests.integration.edge.callers import ANN, BOB, CHECKOUT, OPERATOR, template
from tests.integration.relay.conftest import Counted, Town, inbound, messaging, status
from tests.waiting import until
from tidegate.store.relays import Parcel, Room

V1 = "/gateway/v1"
PORTFOLIO = "lucky-shrub"
WAMID = "wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI="
ROOM = Room(100, 10_000_000)
OPAQUE = {"biz_opaque_callback_data": "order 7"}


async def erase(town: Town, phone: str = ANN) -> dict[str, object]:
    got = await town.caller()("DELETE", f"{V1}/recipients/{phone.replace('+', '%2B')}", OPERATOR)
    assert got.status == 200
    return dict(got.body)


async def kept_bodies(town: Town) -> list[bytes]:
    """Every body that is kept for any app, opened."""
    client, seal, opened = town.nodes[0].connection.client, town.nodes[0].services.seal, []
    async for key in client.scan_iter(match="*relay:item:*"):
        app, name = bytes(key).rsplit(b"item:", 1)[1][:-13], bytes(key)[-12:]
        sealed = await client.hget(key, "body")
        opened.append(await seal.open(f"relay:{app.decode()}:{name.hex()}", sealed))
    return opened


async def refused(town: Town, times: int = 1) -> None:
    async def is_so() -> bool:
        return len(town.checkout.refused) >= times and town.checkout.under_way == 0

    await until(is_so)


async def sent_without_an_answer(town: Town) -> str:
    """A send whose sender was given our id: Meta's answer was lost."""

    async def hang_up(request: web.Request, _raw: bytes) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    town.graph.answer = hang_up
    answered = await town.send(template() | OPAQUE)
    assert answered["Tidegate-Verdict"] == "unknown"
    return answered["Tidegate-Id"]


async def test_what_waits_keeps_how_messages_ended_and_nothing_of_the_user(town: Town, gets: Counted) -> None:
    await town.node()
    message_id = await sent_without_an_answer(town)
    opaque = town.posted_opaque
    town.checkout.answer = town.shop.answer = 503
    await town.tell(messaging(statuses=[status("sent", WAMID, opaque), status("delivered", WAMID, opaque)]))
    contacts = [{"wa_id": ANN[1:], "profile": {"name": "Ann"}}]
    await town.tell(messaging(contacts=contacts, messages=[inbound("my secret")]))
    await town.tell(messaging(messages=[inbound("of another", "wamid.bob", sender=BOB)]))
    await refused(town)

    erased = await erase(town)

    # Two statuses, and what she wrote for two apps.
    assert erased["webhooks"] == 4
    bodies = await kept_bodies(town)
    assert len(bodies) == 4
    for secret in (ANN[1:].encode(), b"Ann", b"my secret", WAMID.encode(), b"order 7"):
        assert [body for body in bodies if secret in body] == []

    town.checkout.answer = 200
    await town.pass_time(900)
    await gets(town.checkout, 3)
    told = [got.status for got in town.checkout.got if "statuses" in got.value]
    assert [(one["id"], one["status"], one["recipient_id"]) for one in told] == [
        (message_id, "sent", "0"),
        (message_id, "delivered", "0"),
    ]
    assert [got.message["text"]["body"] for got in town.checkout.got if "messages" in got.value] == ["of another"]


async def test_a_status_under_metas_own_id_goes_as_the_id_is_made_of_the_number(town: Town) -> None:
    await town.node()
    answered = await town.send(template())
    assert answered["Tidegate-Verdict"] == "send"
    town.checkout.answer = 503
    await town.tell(messaging(statuses=[status("sent", WAMID, town.posted_opaque)]))
    await refused(town)

    assert (await erase(town))["webhooks"] == 1

    assert await kept_bodies(town) == []
    asked = await town.caller()("GET", f"{V1}/messages/{answered['Tidegate-Id']}", CHECKOUT)
    assert asked.body["state"] == "sent"


async def test_dead_letters_and_those_of_an_app_that_is_not_served_any_more_go_too(town: Town) -> None:
    node = await town.node()
    town.checkout.answer = town.shop.answer = 503
    await town.tell(messaging(messages=[inbound("my secret")]))
    await refused(town)
    await town.pass_time(7 * 86_400)
    relays = node.services.relays

    async def are_dead() -> bool:
        return all([(await relays.backlog(PORTFOLIO, app)).dead == 1 for app in ("checkout", "shop")])

    await until(are_dead)
    line = await line_of(town)
    await relays.take(PORTFOLIO, [Parcel("gone", b"n" * 12, line, 1, "messages", b"my secret")], ROOM)

    assert (await erase(town))["webhooks"] == 3

    assert await kept_bodies(town) == []
    for app in ("checkout", "shop", "gone"):
        backlog = await relays.backlog(PORTFOLIO, app)
        assert (backlog.waiting, backlog.dead, backlog.kept_bytes) == (0, 0, 0)


async def line_of(town: Town) -> str:
    """The line of the user who wrote."""
    async for key in town.nodes[0].connection.client.scan_iter(match="*relay:item:checkout:*"):
        return (await town.nodes[0].connection.client.hget(key, "line")).decode()
    raise AssertionError("nothing is kept")


async def test_an_app_learns_the_end_of_what_was_queued_for_the_user_and_not_for_whom(
    town: Town, gets: Counted
) -> None:
    await town.node()
    order = {"scope": {"category": "utility"}, "reason": "a test"}
    await town.caller()("POST", f"{V1}/pauses", OPERATOR, json=order)
    answered = await town.send(template() | OPAQUE, Tidegate_Category="utility")
    assert answered["Tidegate-Verdict"] == "queue"

    assert (await erase(town))["cancelled"] == 1
    await gets(town.checkout, 1)

    [got] = town.checkout.got
    assert (got.status["id"], got.status["status"]) == (answered["Tidegate-Id"], "failed")
    assert got.status["errors"][0]["error_data"]["details"].startswith("its recipient was erased by operator")


@pytest.mark.parametrize(
    "was_kept", [pytest.param(True, id="kept before the erasure"), pytest.param(False, id="read before it, kept after")]
)
async def test_an_end_that_is_told_while_the_user_is_erased_names_nobody(town: Town, was_kept: bool) -> None:
    node = await town.node()
    town.checkout.answer = 503
    order = {"scope": {"category": "utility"}, "reason": "a test"}
    await town.caller()("POST", f"{V1}/pauses", OPERATOR, json=order)
    answered = await town.send(template() | OPAQUE, Tidegate_Category="utility")
    read = await node.services.messages.find(PORTFOLIO, answered["Tidegate-Id"])
    assert read is not None
    endings = node.services.relay._endings
    if was_kept:
        await endings._tell(read, 1)
        await erase(town)
    else:
        await erase(town)
        await endings._tell(read, 1)

    bodies = await kept_bodies(town)
    assert bodies
    assert [body for body in bodies if ANN[1:].encode() in body or b"order 7" in body] == []
    [told] = orjson.loads(bodies[0])["entry"][0]["changes"][0]["value"]["statuses"]
    assert (told["id"], told["recipient_id"]) == (answered["Tidegate-Id"], "0")


async def test_erased_while_its_webhook_is_on_its_way_nothing_of_it_is_left(town: Town) -> None:
    node = await town.node()
    reached: list[bytes] = []
    let_go = asyncio.Event()

    async def slow(raw: bytes) -> web.Response:
        reached.append(raw)
        await let_go.wait()
        return web.Response(status=503)

    town.checkout.answer = slow
    await sent_without_an_answer(town)
    await town.tell(messaging(messages=[inbound("my secret")]))
    await town.tell(messaging(statuses=[status("sent", WAMID, town.posted_opaque)]))

    async def is_under_way() -> bool:
        return len(reached) == 1

    await until(is_under_way)
    await erase(town)
    let_go.set()
    await refused(town)

    async def is_answered() -> bool:
        return (await node.services.relays.backlog(PORTFOLIO, "checkout")).failures > 0

    await until(is_answered)
    assert [body for body in await kept_bodies(town) if b"my secret" in body] == []
    client = node.connection.client
    for key in [key async for key in client.scan_iter(match="*relay:item:*")]:
        assert await client.hexists(key, "body"), "what was answered for was not brought back"
