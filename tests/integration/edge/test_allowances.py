"""Warm-ups and budgets end to end: what a caller is told, what Meta bills, what a wallet holds."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiohttp import web

from tests.integration.edge.callers import (
    NUMBER,
    OTHER_WABA,
    READER,
    SENDER,
    STRANGER,
    WABA,
    Answer,
    Caller,
    Recorder,
    signed,
    template,
    text,
)
from tests.waiting import until

V1 = "/gateway/v1"
WALLET = f"{V1}/wallets/{WABA}"
MARKET = {"prefixes": ["*"], "marketing": "2", "utility": "1", "authentication": "1", "service": "0.5"}
BUDGET = {"rate_card": [{"currency": "EUR", "markets": {"all": MARKET}}]}
PATIENT = {"pacing_wait": "1s", "service_window": {"mode": "off"}}


def marketing(user: int) -> dict[str, Any]:
    return template(to=f"+1650555{user:04}")


async def rule(call: Caller, **tables: Any) -> None:
    put = await call("PUT", f"{V1}/rules", json=PATIENT | tables)
    assert put.status == 200, put.raw


async def send(call: Caller, body: dict[str, Any], **headers: str) -> Answer:
    return await call.send(body, **{"Tidegate_Category": "marketing"} | headers)


async def pay(call: Caller, amount: Any, reference: str, **more: Any) -> Answer:
    return await call("POST", f"{WALLET}/top-ups", json={"amount": amount, "reference": reference} | more)


async def told_status(call: Caller, sent: Answer, status: str, pricing: dict[str, Any] | None = None) -> None:
    """Meta's webhook for a message that the recording stand-in took, once its id of it is written down."""

    async def is_written() -> bool:
        return bool((await call("GET", f"{V1}/messages/{sent['Tidegate-Id']}")).body["state"] == "accepted")

    await until(is_written)
    entry: dict[str, Any] = {
        "id": sent.body["messages"][0]["id"],
        "status": status,
        "timestamp": str((await call("GET", f"{V1}/testing/clock")).body["now_ms"] // 1000),
        "recipient_id": "16505550001",
    }
    if pricing is not None:
        entry["pricing"] = pricing
    value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": NUMBER}, "statuses": [entry]}
    changes = [{"field": "messages", "value": value}]
    raw = json.dumps({"object": "whatsapp_business_account", "entry": [{"id": WABA, "changes": changes}]}).encode()
    assert (await call("POST", "/webhooks/whatsapp", None, data=raw, headers=signed(raw))).status == 200


class TestWarmUp:
    async def test_what_is_too_much_for_a_first_day_goes_on_the_second(self, bare: Caller, graph: Recorder) -> None:
        await rule(bare, warm_up={"start": 2}, max_wait={"marketing": "7d"})

        answers = [await send(bare, marketing(user)) for user in range(6)]

        assert [one["Tidegate-Verdict"] for one in answers] == ["send"] * 2 + ["queue"] * 4
        assert {one["Tidegate-Reason"] for one in answers[2:]} == {"warm_up"}
        assert answers[2]["Tidegate-Until"] is not None
        assert (await send(bare, marketing(0)))["Tidegate-Verdict"] == "send", "who was reached today is not new"

        await bare("POST", f"{V1}/testing/clock", json={"advance_s": 86_401})

        async def all_went() -> bool:
            return len(graph.requests) == 7

        # Four wait, and twice as many as yesterday may go.
        await until(all_went)

    async def test_a_refusal_says_until_when(self, bare: Caller) -> None:
        await rule(bare, warm_up={"start": 1, "scopes": ["number"]})
        await send(bare, marketing(1))

        refused = await send(bare, marketing(2), Tidegate_Hold="reject")

        assert (refused.status, refused.error["code"], refused["Tidegate-Reason"]) == (400, 131048, "warm_up")
        assert "this number warms up" in refused.error["error_data"]["details"]

    async def test_in_shadow_it_is_counted_and_told(self, bare: Caller) -> None:
        await rule(bare, warm_up={"start": 1, "mode": "shadow", "scopes": ["number"]})

        assert {(await send(bare, marketing(user)))["Tidegate-Verdict"] for user in range(3)} == {"send"}

        told = await bare(
            "POST",
            f"{V1}/decide?number={NUMBER}",
            json=marketing(9),
            headers={"Tidegate-Category": "marketing"},
        )
        [answer] = [one for one in told.body["guardrails"] if one["guardrail"] == "warm_up"]
        assert (told.body["verdict"], answer["mode"], answer["reason"]) == ("send", "shadow", "warm_up")
        metrics = (await bare("GET", "/metrics", None)).raw.decode()
        assert 'tidegate_shadow_objections_total{reason="warm_up"} 2.0' in metrics

    async def test_in_shadow_a_send_that_waits_for_its_turn_is_counted_once(self, bare: Caller) -> None:
        await rule(bare, warm_up={"start": 1, "mode": "shadow", "scopes": ["number"]})

        sent = await asyncio.gather(*(send(bare, marketing(user)) for user in range(9)))

        assert {one["Tidegate-Verdict"] for one in sent} == {"send"}
        metrics = (await bare("GET", "/metrics", None)).raw.decode()
        assert 'tidegate_shadow_objections_total{reason="warm_up"} 8.0' in metrics


class TestBudget:
    async def test_what_is_spent_is_spent(self, bare: Caller) -> None:
        await rule(bare, budget=BUDGET | {"amount": "5"})

        answers = [await send(bare, marketing(user), Tidegate_Hold="reject") for user in range(3)]

        assert [one["Tidegate-Verdict"] for one in answers] == ["send", "send", "reject"]
        assert (answers[2].error["code"], answers[2]["Tidegate-Reason"]) == (131042, "budget")
        cheaper = await send(bare, template(to="+16505550009"), Tidegate_Category="utility")
        assert cheaper["Tidegate-Verdict"] == "send"
        assert (await bare.send(text(to="+16505550009")))["Tidegate-Verdict"] == "send", "replies are never stopped"

    async def test_what_meta_bills_takes_the_place_of_what_was_reserved(self, bare: Caller) -> None:
        await rule(bare, budget=BUDGET | {"amount": "2"})
        sent = await send(bare, marketing(1))
        assert (await send(bare, marketing(2)))["Tidegate-Verdict"] == "queue"

        pricing = {"billable": True, "pricing_model": "PMP", "type": "regular", "category": "utility"}
        await told_status(bare, sent, "sent", pricing)

        left = await send(bare, template(to="+16505550003"), Tidegate_Category="utility")
        assert left["Tidegate-Verdict"] == "send"

    async def test_what_fails_is_given_back(self, bare: Caller) -> None:
        await rule(bare, budget=BUDGET | {"amount": "2"})
        sent = await send(bare, marketing(1))
        await told_status(bare, sent, "failed")

        assert (await send(bare, marketing(2)))["Tidegate-Verdict"] == "send"

    async def test_what_the_cloud_api_refuses_is_given_back(self, bare: Caller, graph: Recorder) -> None:
        await rule(bare, budget=BUDGET | {"amount": "2"})

        async def refuse(request: web.Request, raw: bytes) -> web.StreamResponse:
            return web.json_response({"error": {"code": 131009, "message": "a bad value"}}, status=400)

        graph.answer = refuse
        assert (await send(bare, marketing(1))).status == 400
        graph.answer = None

        async def goes() -> bool:
            return (await send(bare, marketing(2), Tidegate_Hold="reject"))["Tidegate-Verdict"] == "send"

        await until(goes)

    async def test_included_conversations_are_counted_and_told(self, bare: Caller) -> None:
        await rule(bare, budget=BUDGET | {"amount": "0", "included_conversations": 3})
        health = f"{V1}/numbers/{NUMBER}/health"
        assert (await bare("GET", health)).body["included_conversations"] == 3

        await bare.send(text())

        assert (await bare("GET", health)).body["included_conversations"] == 2
        assert (await bare("GET", health)).body["wallet_balance"] is None


class TestWallet:
    async def test_it_is_empty_at_first(self, bare: Caller) -> None:
        told = await bare("GET", WALLET, READER)

        assert told.status == 200
        assert {key: told.body[key] for key in ("waba", "currency", "topped_up", "balance", "in_use")} == {
            "waba": WABA,
            "currency": None,
            "topped_up": "0.00",
            "balance": "0.00",
            "in_use": False,
        }

    async def test_what_waits_for_money_goes_when_there_is_some(self, bare: Caller, graph: Recorder) -> None:
        await rule(bare, budget=BUDGET | {"wallet": True})
        held = await send(bare, marketing(1))
        assert (held["Tidegate-Verdict"], held["Tidegate-Reason"], held["Tidegate-Until"]) == ("queue", "budget", None)

        paid = await pay(bare, "2.50", "INV-1")

        assert (paid.status, paid.body["applied"]) == (201, True)
        assert (paid.body["amount"], paid.body["topped_up"]) == ("2.50", "2.50")

        async def it_went() -> bool:
            return len(graph.requests) == 1

        await until(it_went)
        told = (await bare("GET", WALLET)).body
        assert (told["currency"], told["topped_up"], told["balance"], told["in_use"]) == ("EUR", "2.50", "0.50", True)
        assert (await bare("GET", f"{V1}/numbers/{NUMBER}/health")).body["wallet_balance"] == "0.50"

    async def test_a_payment_counts_once(self, bare: Caller) -> None:
        await pay(bare, "10", "INV-1")

        again, other = await pay(bare, 10, "INV-1"), await pay(bare, "11", "INV-1")

        assert (again.status, again.body["applied"], again.body["topped_up"]) == (200, False, "10.00")
        assert (other.status, other.body["code"]) == (409, "conflict")
        assert "10.00" in other.body["detail"]

    async def test_who_paid_is_told(self, bare: Caller) -> None:
        await pay(bare, "10", "INV-1")

        async def told(key: str) -> list[dict[str, Any]]:
            changes = (await bare("GET", f"{V1}/quality", key)).body["changes"]
            return [one for one in changes if one["kind"] == "wallet"]

        [change] = await told(READER)
        assert (change["key"], change["to"], change["cause"]) == (WABA, 10_000_000, "topped up by checkout: INV-1")
        assert await told(STRANGER) == []

    @pytest.mark.parametrize(
        "body",
        [
            pytest.param({}, id="nothing"),
            pytest.param({"amount": "1"}, id="no reference"),
            pytest.param({"amount": "1", "reference": "a", "currency": "EUR"}, id="an unknown member"),
            pytest.param({"amount": "0", "reference": "a"}, id="nothing to put in"),
            pytest.param({"amount": "-1", "reference": "a"}, id="less than nothing"),
            pytest.param({"amount": "1e3", "reference": "a"}, id="a number that is not spelled out"),
            pytest.param({"amount": "٣", "reference": "a"}, id="digits of another script"),
            pytest.param({"amount": None, "reference": "a"}, id="no amount"),
            pytest.param({"amount": True, "reference": "a"}, id="a truth for an amount"),
            pytest.param({"amount": "9000000001", "reference": "a"}, id="more than there is"),
            pytest.param({"amount": "1", "reference": " "}, id="an empty reference"),
            pytest.param({"amount": "1", "reference": "a\nb"}, id="a reference of two lines"),
            pytest.param({"amount": "1", "reference": "a" * 129}, id="a reference that is too long"),
            pytest.param({"amount": "1", "reference": 7}, id="a reference that is no text"),
        ],
    )
    async def test_a_payment_that_can_not_be_read(self, bare: Caller, body: Any) -> None:
        refused = await bare("POST", f"{WALLET}/top-ups", json=body)

        assert (refused.status, refused.body["code"]) == (400, "bad_request")

    async def test_no_wallet_holds_more_than_can_be_reckoned(self, bare: Caller) -> None:
        await pay(bare, "9000000000", "INV-1")

        refused = await pay(bare, "0.000001", "INV-2")

        assert (refused.status, refused.body["code"]) == (400, "bad_request")

    @pytest.mark.parametrize(
        ("key", "method", "status"),
        [
            pytest.param(READER, "POST", 403, id="a reader pays"),
            pytest.param(SENDER, "POST", 403, id="a sender pays"),
            pytest.param(SENDER, "GET", 403, id="a sender looks"),
            pytest.param(STRANGER, "GET", 404, id="a stranger looks"),
            pytest.param(STRANGER, "POST", 404, id="a stranger pays"),
        ],
    )
    async def test_whose_it_is(self, bare: Caller, key: str, method: str, status: int) -> None:
        path = WALLET if method == "GET" else f"{WALLET}/top-ups"

        answer = await bare(method, path, key, json={"amount": "1", "reference": "a"} if method == "POST" else None)

        assert answer.status == status

    async def test_an_account_that_is_not_the_apps_does_not_exist(self, bare: Caller) -> None:
        assert (await bare("GET", f"{V1}/wallets/{OTHER_WABA}")).status == 404
        assert (await bare("GET", f"{V1}/wallets/{OTHER_WABA}", STRANGER)).status == 200
