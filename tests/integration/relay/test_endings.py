"""What was promised and ends unsent is told to its app as Meta tells of a failure."""

from __future__ import annotations

import orjson
import pytest
from aiohttp import web

from tests.integration.edge.callers import ANN, CHECKOUT, OPERATOR, Answer, template
from tests.integration.relay.conftest import Counted, Town
from tests.waiting import until
from tidegate.store.keys import PortfolioKeys

OPAQUE = {"biz_opaque_callback_data": "order 7"}


async def queued(town: Town, **headers: str) -> Answer:
    """A send that waits for the end of a pause."""
    order = {"scope": {"category": "utility"}, "reason": "a test"}
    paused = await town.caller()("POST", "/gateway/v1/pauses", OPERATOR, json=order)
    answered = await town.send(template() | OPAQUE, Tidegate_Category="utility", **headers)
    assert answered["Tidegate-Verdict"] == "queue"
    town.pause = paused.body["id"]
    return answered


async def expire(town: Town, _answered: Answer) -> None:
    await town.pass_time(60)


async def cancel(town: Town, answered: Answer) -> None:
    got = await town.caller()("DELETE", f"/gateway/v1/messages/{answered['Tidegate-Id']}", CHECKOUT)
    assert got.status == 200


async def refuse(town: Town, _answered: Answer) -> None:
    async def no(_request: web.Request, _raw: bytes) -> web.StreamResponse:
        body = {"error": {"message": "no", "type": "OAuthException", "code": 131_026}}
        return web.json_response(body, status=400)

    town.graph.answer = no
    await resume(town)


async def opt_out(town: Town, _answered: Answer) -> None:
    order = {"marketing": False, "utility": False, "source": "a test"}
    got = await town.caller()("PUT", f"/gateway/v1/recipients/%2B{ANN[1:]}/consent", OPERATOR, json=order)
    assert got.status == 200
    await resume(town)


async def resume(town: Town) -> None:
    await town.caller()("DELETE", f"/gateway/v1/pauses/{town.pause}", OPERATOR)


@pytest.mark.parametrize(
    ("end", "code", "details"),
    [
        pytest.param(expire, 131_000, "its deadline passed while it was queued (rule expired)", id="it expires"),
        pytest.param(cancel, 131_000, "cancelled by checkout", id="it is cancelled"),
        pytest.param(refuse, 131_026, "Meta answered 131026", id="Meta refuses it when its turn has come"),
        pytest.param(opt_out, 131_050, "opted_out", id="its user has opted out when its turn has come"),
    ],
)
async def test_a_queued_send_that_ends_unsent_is_reported_as_failed(
    town: Town, gets: Counted, end, code, details
) -> None:
    await town.node()
    answered = await queued(town, Tidegate_Expires="30")

    await end(town, answered)
    await gets(town.checkout, 1)

    [got] = town.checkout.got
    assert got.is_signed
    assert orjson.loads(got.raw)["entry"][0]["id"] == "102290129340398"
    assert got.value["metadata"] == {"display_phone_number": "15550783881", "phone_number_id": "106540352242922"}
    told = got.status
    assert (told["id"], told["status"], told["recipient_id"]) == (answered["Tidegate-Id"], "failed", ANN[1:])
    assert (told["biz_opaque_callback_data"], told["timestamp"].isdecimal()) == ("order 7", True)
    [error] = told["errors"]
    assert (error["code"], error["title"]) == (code, error["message"])
    assert details in error["error_data"]["details"]


async def test_it_is_reported_once_by_whichever_node(town: Town, gets: Counted) -> None:
    await town.node()
    await town.node()
    answered = await queued(town)
    await cancel(town, answered)
    await gets(town.checkout, 1)

    async def is_done() -> bool:
        relays = town.nodes[0].services.relays
        waits = (await relays.backlog("lucky-shrub", "checkout")).waiting
        return not waits and not await relays.ended("lucky-shrub", 10)

    await until(is_done)
    assert len(town.checkout.got) == 1


async def test_one_that_cannot_be_read_keeps_no_other_from_being_reported(town: Town, gets: Counted) -> None:
    node = await town.node()
    keys = PortfolioKeys("lucky-shrub")
    await node.connection.client.hset(keys.message("m1"), "state", "a newer release's")
    await node.connection.client.zadd(keys.relay("ended"), {"m1": 1})
    answered = await queued(town)
    await cancel(town, answered)

    await gets(town.checkout, 1)
    assert town.checkout.got[0].status["id"] == answered["Tidegate-Id"]


async def test_of_a_send_whose_app_has_no_webhook_nothing_is_reported(town: Town) -> None:
    node = await town.node()
    order = {"scope": {"category": "utility"}, "reason": "a test"}
    await town.caller()("POST", "/gateway/v1/pauses", OPERATOR, json=order)
    answered = await town.send(template(), "tg_sender", Tidegate_Category="utility")
    assert answered["Tidegate-Verdict"] == "queue"

    await town.caller()("DELETE", f"/gateway/v1/messages/{answered['Tidegate-Id']}", OPERATOR)

    assert await node.services.relays.ended("lucky-shrub", 10) == []


async def test_a_direct_send_that_meta_refuses_is_told_by_its_answer_alone(town: Town) -> None:
    node = await town.node()

    async def no(_request: web.Request, _raw: bytes) -> web.StreamResponse:
        body = {"error": {"message": "no", "type": "OAuthException", "code": 131_026}}
        return web.json_response(body, status=400)

    town.graph.answer = no
    answered = await town.send(template())
    assert answered.status == 400
    await node.services.gateway.settled(5)

    assert await node.services.relays.ended("lucky-shrub", 10) == []
