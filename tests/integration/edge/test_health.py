"""`GET /numbers/{number}/health`, and what polling means for those who send."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.integration.edge.callers import (
    ANN,
    CHECKOUT,
    NUMBER,
    OPERATOR,
    OTHER_NUMBER,
    PORTFOLIO,
    READER,
    SENDER,
    STRANGER,
    WABA,
    Caller,
    signed,
    template,
)
from tests.integration.edge.conftest import NodeMaker
from tests.waiting import until
from tidegate.app import Node
from tidegate.policy.consequences.signal import Signal, Source
from tidegate.policy.reach import Subject
from tidegate.simulator.server import Simulator

V1 = "/gateway/v1"
DAY_MS = 86_400_000
OF_NUMBER = Subject(PORTFOLIO, WABA, NUMBER)


async def health(call: Caller, key: str = READER, number: str = NUMBER) -> dict[str, Any]:
    got = await call("GET", f"{V1}/numbers/{number}/health", key)
    assert got.status == 200
    return dict(got.body)


def kinds(told: dict[str, Any], part: str) -> list[str]:
    return [remark["kind"] for remark in told["campaign_readiness"][part]]


@pytest.fixture
async def node(make_node: NodeMaker, simulator: Simulator) -> Node:
    return await make_node(simulator.url)


@pytest.fixture
def call(node: Node, session: aiohttp.ClientSession) -> Caller:
    return Caller.of(node, session)


async def test_a_number_that_was_read_has_all_seven_metrics(call: Caller) -> None:
    told = await health(call)

    as_of = datetime.strptime(told.pop("as_of"), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert abs((as_of - datetime.now(UTC)).total_seconds()) < 60
    readiness, account = told.pop("campaign_readiness"), told.pop("account")
    advised = {one["metric"]: one["code"] for one in told.pop("metrics")}
    assert told == {
        "number": NUMBER,
        "waba": WABA,
        "portfolio": PORTFOLIO,
        "quality": {"word": "Good", "rating": "GREEN"},
        "account_status": "Healthy",
        "messaging_limit": 2_000,
        "unlimited": False,
        "limit_source": "graph",
        "payment_method": "unknown",
        "included_conversations": None,
        "wallet_balance": None,
        "daily_limit": {"limit": 2_000, "headroom": 100, "used": 0, "left": 1_900},
        "throughput": {"allowed": 80, "used": None, "over_s": None},
    }
    assert account.pop("since")
    found = {"waba": WABA, "review": "APPROVED", "verification": "verified", "payment_method": "unknown"}
    assert account == found
    assert [advised[metric] for metric in ("quality", "daily_limit", "review", "verification")] == [
        "quality.good",
        "daily_limit.enough",
        "review.approved",
        "verification.verified",
    ]
    assert (readiness["ready"], readiness["reasons"]) == (True, [])
    assert [note["kind"] for note in readiness["notes"]] == ["upgrade"]


async def test_what_meta_finds_of_an_account_is_told_and_kept(call: Caller) -> None:
    entry = {"id": WABA, "changes": [{"field": "account_review_update", "value": {"decision": "PENDING"}}]}
    body = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
    assert (await call("POST", "/webhooks/whatsapp", None, data=body, headers=signed(body))).status == 200

    assert (await health(call))["account"]["review"] == "PENDING"
    [account] = (await call("GET", f"{V1}/standing", READER)).body["accounts"]
    assert (account["portfolio"], account["review"], account["verification"]) == (PORTFOLIO, "PENDING", "verified")
    changes = (await call("GET", f"{V1}/quality", READER)).body["changes"]
    told = [(one["field"], one["from"], one["to"]) for one in changes if one["kind"] == "account"]
    assert told == [
        ("review", "APPROVED", "PENDING"),
        ("verification", None, "verified"),
        ("review", None, "APPROVED"),
    ]
    assert not [one for one in (await call("GET", f"{V1}/quality", STRANGER)).body["changes"] if one["key"] == WABA]


async def test_places_in_use_are_told(call: Caller) -> None:
    assert (await call.send(template(ANN))).status == 200

    daily = (await health(call))["daily_limit"]

    assert (daily["used"], daily["left"]) == (1, 1_899)


async def test_without_a_limit_nothing_is_counted_down(call: Caller) -> None:
    told = await health(call, STRANGER, OTHER_NUMBER)

    assert (told["messaging_limit"], told["unlimited"]) == (None, True)
    assert told["daily_limit"] == {"limit": None, "headroom": 0, "used": 0, "left": None}


async def test_a_breaker_restricts_the_number_and_says_why_and_until_when(call: Caller, node: Node) -> None:
    now_ms = node.services.clock.now_ms()
    spam = Signal("error.131048", OF_NUMBER, now_ms, Source.STATUS)
    await node.services.enforcement.consider([spam])

    told = await health(call)

    assert told["account_status"] == "Restricted"
    assert not told["campaign_readiness"]["ready"]
    (reason,) = told["campaign_readiness"]["reasons"]
    assert (reason["kind"], reason["rule"], reason["cause"]) == ("breaker", "spam_rate", "error.131048")
    since, until_ = (datetime.fromisoformat(reason[name]) for name in ("since", "until"))
    assert 3_600 <= (until_ - since).total_seconds() <= 3_601


async def test_a_missing_payment_method_is_told(call: Caller, node: Node) -> None:
    unpaid = Signal("error.131042", OF_NUMBER, node.services.clock.now_ms(), Source.STATUS)
    await node.services.enforcement.consider([unpaid])

    assert (await health(call))["payment_method"] == "missing"


async def test_a_flagged_number_is_told_what_it_has_to_expect(call: Caller, node: Node) -> None:
    flagged_at_ms = node.services.clock.now_ms()
    await node.services.enforcement.consider([Signal("number.event.FLAGGED", OF_NUMBER, flagged_at_ms, Source.WEBHOOK)])

    told = await health(call)

    assert told["account_status"] == "At Risk"
    assert kinds(told, "reasons") == ["breaker"]
    (expected,) = (note for note in told["campaign_readiness"]["notes"] if note["kind"] == "expected_downgrade")
    assert expected["limit"] == 1_000
    in_s = datetime.fromisoformat(expected["until"]).timestamp() - flagged_at_ms / 1_000
    assert 0 <= in_s - 7 * DAY_MS / 1_000 < 1


async def test_a_pause_by_hand_is_a_reason_and_no_sign_of_the_account(call: Caller) -> None:
    order = {"scope": {"number": NUMBER}, "reason": "wrong price", "for": "30m"}
    assert (await call("POST", f"{V1}/pauses", json=order)).status == 201

    told = await health(call)

    assert told["account_status"] == "Healthy"
    assert kinds(told, "reasons") == ["paused_by_operator"]


async def test_seven_days_after_it_was_first_seen_well_a_number_counts_as_healthy(call: Caller) -> None:
    async def outlook() -> str:
        notes = (await health(call))["campaign_readiness"]["notes"]
        return next(str(note["detail"]) for note in notes if note["kind"] == "upgrade")

    assert "for less than 7 days" in await outlook()
    assert (await call("POST", f"{V1}/testing/clock", OPERATOR, json={"advance_s": 7 * 86_400 + 1})).status == 200

    assert "has been healthy for 7 days" in await outlook()


@pytest.mark.parametrize("number", [OTHER_NUMBER, "5", "%2e%2e", WABA], ids=["another's", "nobody's", "dots", "a WABA"])
async def test_a_number_that_the_app_may_not_use_is_not_found(call: Caller, number: str) -> None:
    got = await call("GET", f"{V1}/numbers/{number}/health", CHECKOUT)

    assert (got.status, got.body["code"]) == (404, "not_found")


@pytest.mark.parametrize(("key", "status"), [(None, 401), (SENDER, 403), (READER, 200)])
async def test_health_is_for_those_who_may_read(call: Caller, key: str | None, status: int) -> None:
    assert (await call("GET", f"{V1}/numbers/{NUMBER}/health", key)).status == status


class TestPolling:
    async def test_a_number_that_turns_red_restricts_campaigns_with_the_next_poll(
        self, call: Caller, simulator: Simulator
    ) -> None:
        simulator.world.set_number(NUMBER, quality="RED")
        assert (await call("POST", f"{V1}/testing/clock", OPERATOR, json={"advance_s": 301})).status == 200

        async def is_told() -> bool:
            return "breaker" in kinds(await health(call), "reasons")

        await until(is_told)
        told = await health(call)
        assert (told["quality"], told["account_status"]) == ({"word": "Poor", "rating": "RED"}, "At Risk")
        assert {reason["rule"] for reason in told["campaign_readiness"]["reasons"]} == {"number_red", None}

    async def test_a_webhook_that_says_that_it_is_over_has_graph_asked_at_once(self, call: Caller, node: Node) -> None:
        now_s = node.services.clock.now_ms() // 1_000

        async def tell(event: str, at_s: int) -> None:
            value = {"event": event, "message_template_id": 1, "message_template_name": "order_confirmation"}
            change = {
                "field": "message_template_status_update",
                "value": value | {"message_template_language": "en_US", "reason": "NONE"},
            }
            entry = {"id": WABA, "time": at_s, "changes": [change]}
            body = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
            assert (await call("POST", "/webhooks/whatsapp", None, data=body, headers=signed(body))).status == 200

        async def state() -> str:
            standing = await node.services.standings.current(PORTFOLIO)
            breaker = standing.breakers.get(f"template_paused/template/{WABA}:en_US:order_confirmation")
            return breaker.state.value if breaker else "none"

        await tell("PAUSED", now_s - 600)
        assert await state() == "open"

        # A webhook alone makes it half open; the next regular reading is minutes away.
        await tell("APPROVED", now_s)

        async def is_closed() -> bool:
            return await state() == "closed"

        await until(is_closed)

    async def test_a_poller_that_meta_throttles_stops_no_send(
        self, make_node: NodeMaker, session: aiohttp.ClientSession
    ) -> None:
        sent: list[str] = []

        async def graph(request: web.Request) -> web.Response:
            if request.method == "GET":
                return web.json_response({"error": {"message": "slow", "code": 80007}}, status=400)
            sent.append(request.path)
            return web.json_response({"messaging_product": "whatsapp", "messages": [{"id": "wamid.1"}]})

        application = web.Application()
        application.router.add_route("*", "/{path:.*}", graph)
        runner = web.AppRunner(application, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            node = await make_node(f"http://127.0.0.1:{runner.addresses[0][1]}")
            call = Caller.of(node, session)
            standing = await node.services.standings.current(PORTFOLIO)
            assert {breaker.rule for breaker in standing.breakers} == {"management_calls"}

            got = await call.send(template(ANN), Tidegate_Category="marketing")

            assert (got.status, got["Tidegate-Verdict"]) == (200, "send")
            assert len(sent) == 1
            assert (await health(call))["account_status"] == "Healthy"
        finally:
            await runner.cleanup()
