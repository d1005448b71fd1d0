"""What is known of a user decides on sends to them, end to end: by any name, at night, and too often."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from tests.integration.edge.callers import (
    ANN,
    BOB,
    NUMBER,
    OPERATOR,
    WABA,
    Answer,
    Caller,
    Recorder,
    accepted,
    signed,
    template,
    text,
)
from tests.waiting import until

V1 = "/gateway/v1"
USER_ID = "US.13491208655302741918"


async def in_force(call: Caller, **rules: Any) -> None:
    got = await call("PUT", f"{V1}/rules", OPERATOR, json={"rules": {"pacing_wait": "100ms", **rules}})
    assert got.status == 200, got.raw


async def store_time(call: Caller) -> datetime:
    now_ms = (await call("GET", f"{V1}/testing/clock", OPERATOR)).body["now_ms"]
    return datetime.fromtimestamp(now_ms / 1000, UTC)


async def advance(call: Caller, seconds: float) -> None:
    await call("POST", f"{V1}/testing/clock", OPERATOR, json={"advance_s": seconds})


async def marketing(call: Caller, to: str = ANN, **more: str) -> Answer:
    return await call.send(template(to), Tidegate_Category="marketing", **more)


async def to_user_id(call: Caller, category: str = "marketing") -> Answer:
    body = template() | {"recipient": USER_ID}
    del body["to"]
    return await call.send(body, Tidegate_Category=category)


async def ends_as(call: Caller, sent: Answer, state: str) -> None:
    async def ended() -> bool:
        return bool((await call("GET", f"{V1}/messages/{sent['Tidegate-Id']}")).body["state"] == state)

    await until(ended)


async def says(call: Caller, value: dict[str, Any], field: str = "messages") -> None:
    """A webhook of Meta's."""
    metadata = {"display_phone_number": "15550783881", "phone_number_id": NUMBER}
    whole = {"messaging_product": "whatsapp", "metadata": metadata, **value}
    body = {
        "object": "whatsapp_business_account",
        "entry": [{"id": WABA, "changes": [{"field": field, "value": whole}]}],
    }
    raw = json.dumps(body).encode()
    assert (await call("POST", "/webhooks/whatsapp", None, data=raw, headers=signed(raw))).status == 200


async def writes(call: Caller, words: str = "Hi", **names: str) -> None:
    """The user writes in."""
    at_s = str(int((await store_time(call)).timestamp()))
    message = {"id": f"wamid.{words}", "timestamp": at_s, "type": "text", "text": {"body": words}, **names}
    await says(call, {"messages": [message]})


def night(now: datetime, hours: float) -> dict[str, str]:
    """Quiet hours from an hour ago until so many hours from now, by a clock that shows UTC."""
    begin, end = now - timedelta(hours=1), now + timedelta(hours=hours)
    return {"from": f"{begin:%H:%M}", "to": f"{end:%H:%M}"}


async def test_what_comes_at_night_goes_in_the_morning(bare: Caller, graph: Recorder) -> None:
    await in_force(bare, quiet_hours=night(await store_time(bare), 2))
    await bare("PUT", f"{V1}/recipients/{ANN}/consent", json={"zone": "UTC"})

    held = await marketing(bare)
    assert (held["Tidegate-Verdict"], held["Tidegate-Reason"]) == ("queue", "quiet_hours")
    assert (await bare.send(template(), Tidegate_Category="authentication"))["Tidegate-Verdict"] == "send"
    assert len(graph.requests) == 1

    await advance(bare, 2 * 3_600)
    await ends_as(bare, held, "accepted")


async def test_what_would_happen_at_night_is_told_at_night(bare: Caller, graph: Recorder) -> None:
    await in_force(bare, quiet_hours=night(await store_time(bare), 2))
    await bare("PUT", f"{V1}/recipients/{ANN}/consent", json={"zone": "UTC"})

    async with asyncio.timeout(30):
        told = (await bare("POST", f"{V1}/decide?number={NUMBER}", json=template(ANN))).body
        dry = await marketing(bare, Tidegate_Dry_Run="true")

    assert (told["verdict"], told["reason"]) == ("queue", "quiet_hours")
    assert (dry["Tidegate-Verdict"], dry["Tidegate-Reason"]) == ("queue", "quiet_hours")
    assert graph.requests == []


async def test_it_expires_rather_than_going_out_at_night(bare: Caller, graph: Recorder) -> None:
    await in_force(bare, quiet_hours=night(await store_time(bare), 2))
    await bare("PUT", f"{V1}/recipients/{ANN}/consent", json={"zone": "UTC"})

    held = await marketing(bare, Tidegate_Expires="600")
    refused = await marketing(bare, Tidegate_Hold="reject")
    await advance(bare, 601)

    await ends_as(bare, held, "expired")
    assert (refused.status, refused.error["code"]) == (400, 131049)
    assert graph.requests == []


async def test_a_cap_on_how_often_counts_all_of_a_user_s_names(bare: Caller, graph: Recorder) -> None:
    await in_force(bare, frequency_cap={"per_day": 2})
    await writes(bare, **{"from": ANN[1:], "from_user_id": USER_ID})

    assert [(await marketing(bare))["Tidegate-Verdict"], (await to_user_id(bare))["Tidegate-Verdict"]] == [
        "send",
        "send",
    ]
    third, fourth = await marketing(bare), await to_user_id(bare)

    assert [third["Tidegate-Reason"], fourth["Tidegate-Reason"]] == ["frequency_cap", "frequency_cap"]
    assert (await marketing(bare, BOB))["Tidegate-Verdict"] == "send"
    assert (await to_user_id(bare, "utility"))["Tidegate-Verdict"] == "send"
    await advance(bare, 86_400)
    await ends_as(bare, third, "accepted")


async def test_of_sends_at_once_no_more_go_than_the_cap_allows(bare: Caller, graph: Recorder) -> None:
    await in_force(bare, frequency_cap={"per_day": 3})

    verdicts = [sent["Tidegate-Verdict"] for sent in await asyncio.gather(*(marketing(bare) for _ in range(12)))]

    assert set(verdicts) == {"send", "queue"}
    assert verdicts.count("send") == len(graph.requests) <= 3

    async def as_many_as_may() -> bool:
        # On a busy machine one that was admitted may begin too late; then what it took of the cap is given back.
        if len(graph.requests) < 3:
            await marketing(bare)
        return len(graph.requests) == 3

    await until(as_many_as_may)
    assert (await marketing(bare))["Tidegate-Verdict"] == "queue"
    assert len(graph.requests) == 3


async def test_what_meta_refuses_does_not_count(bare: Caller, graph: Recorder) -> None:
    async def refuse(_request: web.Request, _raw: bytes) -> web.Response:
        error = {"message": "(#132000) parameters", "type": "OAuthException", "code": 132000, "fbtrace_id": "x"}
        return web.json_response({"error": error}, status=400)

    await in_force(bare, frequency_cap={"per_day": 1})
    graph.answer = refuse
    assert (await marketing(bare)).status == 400

    async def take(_request: web.Request, _raw: bytes) -> web.Response:
        return web.json_response(accepted())

    graph.answer = take

    async def is_sent() -> bool:
        # What was noted is taken back off the way of the answer.
        sent = await marketing(bare, Tidegate_Hold="reject")
        return sent["Tidegate-Verdict"] == "send"

    await until(is_sent)


async def test_where_an_opt_in_is_required_a_send_needs_one(bare: Caller) -> None:
    await in_force(bare, consent={})
    assert (await marketing(bare))["Tidegate-Reason"] == "no_opt_in"
    assert (await bare.send(template(), Tidegate_Category="utility"))["Tidegate-Verdict"] == "send"

    await bare("PUT", f"{V1}/recipients/{ANN}/consent", json={"marketing": True, "source": "form 17"})

    assert (await marketing(bare))["Tidegate-Verdict"] == "send"
    assert (await marketing(bare, BOB))["Tidegate-Reason"] == "no_opt_in"


@pytest.mark.parametrize("known_as", [{"from": ANN[1:]}, {"from_user_id": USER_ID}], ids=["the number", "the user id"])
async def test_an_opt_out_by_one_name_holds_for_the_others(bare: Caller, known_as: dict[str, str]) -> None:
    await writes(bare, **{"from": ANN[1:], "from_user_id": USER_ID})
    assert (await marketing(bare))["Tidegate-Verdict"] == (await to_user_id(bare))["Tidegate-Verdict"] == "send"

    await writes(bare, "STOP", **known_as)

    assert (await marketing(bare))["Tidegate-Reason"] == (await to_user_id(bare))["Tidegate-Reason"] == "opted_out"
    assert (await bare.send(text()))["Tidegate-Verdict"] == "send"


async def test_a_preference_of_an_id_that_was_seen_with_a_number_stops_sends_to_the_number(bare: Caller) -> None:
    await writes(bare, **{"from": ANN[1:], "from_user_id": USER_ID})
    at_s = int((await store_time(bare)).timestamp())
    stop = {"user_id": USER_ID, "category": "marketing_messages", "value": "stop", "timestamp": at_s, "detail": "x"}

    await says(bare, {"user_preferences": [stop]}, "user_preferences")
    assert (await marketing(bare))["Tidegate-Reason"] == "opted_out"

    await says(bare, {"user_preferences": [stop | {"value": "resume", "timestamp": at_s + 1}]}, "user_preferences")
    await advance(bare, 5)
    assert (await marketing(bare))["Tidegate-Verdict"] == "send"


async def test_a_stop_whose_time_cannot_be_read_holds_until_a_newer_word(bare: Caller) -> None:
    at_s = int((await store_time(bare)).timestamp())
    stop = {"wa_id": ANN[1:], "category": "marketing_messages", "value": "stop", "timestamp": 1.5, "detail": "x"}

    await says(bare, {"user_preferences": [stop]}, "user_preferences")
    assert (await marketing(bare))["Tidegate-Reason"] == "opted_out"

    await advance(bare, 60)
    await says(bare, {"user_preferences": [stop | {"value": "resume", "timestamp": at_s + 30}]}, "user_preferences")
    assert (await marketing(bare))["Tidegate-Verdict"] == "send"


async def test_a_new_number_does_not_make_an_opt_out_forgotten(bare: Caller) -> None:
    await bare("PUT", f"{V1}/recipients/{ANN}/consent", json={"marketing": False})
    system = {"type": "user_changed_number", "body": "x", "wa_id": BOB[1:]}
    at_s = str(int((await store_time(bare)).timestamp()))
    message = {"from": ANN[1:], "id": "wamid.1", "timestamp": at_s, "type": "system", "system": system}

    await says(bare, {"messages": [message]})

    assert (await marketing(bare, BOB))["Tidegate-Reason"] == "opted_out"
