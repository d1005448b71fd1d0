"""Consent over HTTP: what a user wants is written with its evidence, in force on every node, told, and erased."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from tests.integration.edge.callers import (
    ANN,
    BOB,
    CHECKOUT,
    NUMBER,
    OPERATOR,
    OTHER_PORTFOLIO,
    PORTFOLIO,
    READER,
    SENDER,
    STRANGER,
    Caller,
    Recorder,
    template,
)
from tests.integration.edge.conftest import NodeMaker
from tests.waiting import until
from tidegate.store.scripts import StoreClient

V1 = "/gateway/v1"
USER_ID = "US.13491208655302741918"


def at(recipient: str, more: str = "/consent") -> str:
    return f"{V1}/recipients/{recipient.replace('+', '%2B').replace(' ', '%20')}{more}"


async def write(call: Caller, recipient: str = ANN, key: str = CHECKOUT, **order: Any) -> Any:
    got = await call("PUT", at(recipient), key, json=order)
    assert got.status == 200, got.raw
    return got.body


async def reason(call: Caller, to: str = ANN, category: str = "marketing", **more: str) -> str | None:
    """Why a template of this category is not sent; None when it is."""
    return (await call.send(template(to), Tidegate_Category=category, **more))["Tidegate-Reason"]


class TestWriting:
    async def test_what_was_written_is_told_with_its_evidence(self, bare: Caller) -> None:
        told = await write(bare, marketing=True, utility=False, source="web form 17", at="2023-11-14T22:13:20+01:00")

        assert (told["recipient"], told["marketing"], told["utility"], told["authentication"]) == (
            "16505551234",
            True,
            False,
            None,
        )
        assert told["portfolios"] == [
            {
                "portfolio": PORTFOLIO,
                "consent": {
                    "marketing": {"granted": True, "source": "web form 17", "at": "2023-11-14T21:13:20Z"},
                    "utility": {"granted": False, "source": "web form 17", "at": "2023-11-14T21:13:20Z"},
                },
                "zone": None,
                "held": [],
                "marketing_sent": [],
            }
        ]
        for path in (at(ANN), at(ANN, "")):
            assert (await bare("GET", path, READER)).body == told

    async def test_of_a_stranger_nothing_is_known(self, bare: Caller) -> None:
        told = (await bare("GET", at(ANN))).body

        assert (told["marketing"], told["portfolios"][0]["consent"]) == (None, {})

    @pytest.mark.parametrize(
        ("written", "read"),
        [
            pytest.param("+1 (650) 555-1234", "16505551234", id="signs between the digits"),
            pytest.param("0016505551234", "16505551234", id="00 for the plus"),
            pytest.param("+5215512345678", "+525512345678", id="a Mexican mobile with and without its 1"),
            pytest.param("554188887777", "+55 41 98888-7777", id="a Brazilian mobile with and without its 9"),
            pytest.param(USER_ID, USER_ID, id="a user id"),
        ],
    )
    async def test_one_user_in_any_spelling(self, bare: Caller, written: str, read: str) -> None:
        await write(bare, written, marketing=False)

        assert (await bare("GET", at(read))).body["marketing"] is False

    async def test_a_refusal_holds_for_a_spelling_that_may_be_the_same_phone_and_a_yes_does_not(
        self, bare: Caller
    ) -> None:
        await write(bare, "+54 9 11 2345-6789", marketing=False, utility=True)

        told = (await bare("GET", at("+541123456789"))).body

        assert (told["marketing"], told["utility"]) == (False, None)

    async def test_the_newest_word_counts_whatever_comes_last(self, bare: Caller) -> None:
        await write(bare, marketing=False, at="2024-01-02T00:00:00Z")
        await write(bare, marketing=True, at="2024-01-01T00:00:00Z")
        assert (await bare("GET", at(ANN))).body["marketing"] is False

        await write(bare, marketing=True)
        assert (await bare("GET", at(ANN))).body["marketing"] is True

    async def test_it_applies_to_every_portfolio_that_the_app_may_use(self, bare: Caller) -> None:
        await write(bare, key=OPERATOR, marketing=False)
        await write(bare, BOB, key=STRANGER, marketing=False)

        ann, bob = [(await bare("GET", at(to), OPERATOR)).body for to in (ANN, BOB)]
        assert [known["portfolio"] for known in ann["portfolios"]] == [PORTFOLIO, OTHER_PORTFOLIO]
        assert [known["consent"].keys() == {"marketing"} for known in ann["portfolios"]] == [True, True]
        # Who has refused one portfolio is told to have refused.
        assert [bool(known["consent"]) for known in bob["portfolios"]] == [False, True]
        assert bob["marketing"] is False
        assert (await bare("GET", at(BOB), CHECKOUT)).body["marketing"] is None

    async def test_a_zone_is_set_and_taken_back(self, bare: Caller) -> None:
        assert (await write(bare, zone="Asia/Tokyo"))["portfolios"][0]["zone"] == "Asia/Tokyo"
        assert (await write(bare, marketing=True))["portfolios"][0]["zone"] == "Asia/Tokyo"
        assert (await write(bare, zone=None))["portfolios"][0]["zone"] is None

    @pytest.mark.parametrize(
        "order",
        [
            pytest.param({}, id="nothing"),
            pytest.param({"source": "x"}, id="evidence of nothing"),
            pytest.param({"marketing": "yes"}, id="no truth value"),
            pytest.param({"marketing": None}, id="neither yes nor no"),
            pytest.param({"marketing": 1}, id="a number"),
            pytest.param({"service": False}, id="no category"),
            pytest.param({"marketing": True, "source": ""}, id="an empty source"),
            pytest.param({"marketing": True, "source": "a\nb"}, id="a source of two lines"),
            pytest.param({"marketing": True, "source": "x" * 501}, id="a source that is too long"),
            pytest.param({"marketing": True, "source": 5}, id="a source that is no text"),
            pytest.param({"marketing": True, "at": "yesterday"}, id="no time"),
            pytest.param({"marketing": True, "at": 1_700_000_000}, id="a time without a zone"),
            pytest.param({"marketing": True, "at": "2099-01-01T00:00:00Z"}, id="a time that lies ahead"),
            pytest.param({"marketing": True, "at": "1960-01-01T00:00:00Z"}, id="a time before there were such times"),
            pytest.param({"zone": "Europe/Atlantis"}, id="no zone"),
            pytest.param({"zone": 3}, id="a zone that is no text"),
            pytest.param([], id="no object"),
        ],
    )
    async def test_what_cannot_be_understood_is_refused_and_changes_nothing(self, bare: Caller, order: Any) -> None:
        got = await bare("PUT", at(ANN), json=order)

        assert (got.status, got.body["code"]) == (400, "bad_request")
        assert (await bare("GET", at(ANN))).body["portfolios"][0]["consent"] == {}

    @pytest.mark.parametrize(
        "recipient", ["12", "not-a-number", "+49(0)1701234567", "US.", "%D9%A1%D9%A2%D9%A31234567"]
    )
    async def test_who_is_no_user_is_refused_and_not_repeated(self, bare: Caller, recipient: str) -> None:
        for method, more in (("GET", "/consent"), ("PUT", "/consent"), ("GET", ""), ("DELETE", "")):
            got = await bare(method, f"{V1}/recipients/{recipient}{more}", json={"marketing": True})
            assert (got.status, got.body["code"]) == (400, "bad_request")
            assert recipient not in got.body["detail"]

    @pytest.mark.parametrize(
        ("method", "more", "key", "status"),
        [
            pytest.param("GET", "/consent", SENDER, 403, id="a sender does not read"),
            pytest.param("PUT", "/consent", SENDER, 200, id="a sender writes: consent is where the sends come from"),
            pytest.param("PUT", "/consent", READER, 403, id="a reader does not write"),
            pytest.param("DELETE", "", SENDER, 403, id="a sender does not erase"),
            pytest.param("DELETE", "", READER, 403, id="nor does a reader"),
            pytest.param("GET", "/consent", "tg_nobody", 401, id="a key of nobody"),
        ],
    )
    async def test_who_may_do_what(self, bare: Caller, method: str, more: str, key: str, status: int) -> None:
        assert (await bare(method, at(ANN, more), key, json={"marketing": False})).status == status

    async def test_the_log_tells_who_changed_what_and_not_of_whom(self, bare: Caller) -> None:
        with capture_logs() as lines:
            await write(bare, marketing=False, utility=True, source="asked by phone")
            await bare("DELETE", at(ANN, ""))

        written, erased = [line for line in lines if line["event"] in ("consent_written", "recipient_erased")]
        assert (written["app"], written["refused"], written["granted"]) == ("checkout", ["marketing"], ["utility"])
        assert (erased["app"], erased["kept"]) == ("checkout", ["marketing"])
        assert "5551234" not in str(lines)


class TestInForce:
    async def test_who_has_opted_out_gets_no_more_of_it_and_all_else(self, bare: Caller) -> None:
        assert await reason(bare) is None
        await write(bare, marketing=False)

        assert await reason(bare) == "opted_out"
        assert [await reason(bare, category=category) for category in ("utility", "authentication")] == [None, None]
        assert await reason(bare, BOB) is None

    async def test_who_is_asked_again_and_agrees_is_written_to(self, bare: Caller) -> None:
        await write(bare, marketing=False)
        await write(bare, marketing=True)

        assert await reason(bare) is None

    async def test_the_refusal_carries_metas_code_and_says_why(self, bare: Caller) -> None:
        await write(bare, marketing=False)

        got = await bare.send(template(), Tidegate_Category="marketing", Tidegate_Hold="queue")

        assert (got.status, got.error["code"], got["Tidegate-Verdict"]) == (400, 131050, "reject")
        assert "opted out of marketing" in got.error["error_data"]["details"]

    async def test_what_is_already_queued_is_not_sent(
        self, make_node: NodeMaker, graph: Recorder, session: aiohttp.ClientSession
    ) -> None:
        call = Caller.of(await make_node(graph.url), session)
        queued = await call.send(template(), Tidegate_Category="marketing", Tidegate_Not_Before="2099-01-01T00:00:00Z")
        assert queued.status == 400  # further ahead than anything is kept
        pause = (
            await call("POST", f"{V1}/pauses", json={"scope": {"number": NUMBER}, "reason": "x", "for": "60s"})
        ).body
        queued = await call.send(template(), Tidegate_Category="marketing")
        assert queued["Tidegate-Verdict"] == "queue"
        await write(call, marketing=False)

        await call("DELETE", f"{V1}/pauses/{pause['id']}")

        async def ended() -> bool:
            told = (await call("GET", f"{V1}/messages/{queued['Tidegate-Id']}")).body
            return (told["state"], told["reason"]) == ("failed", "opted_out")

        await until(ended)
        assert graph.requests == []

    async def test_sends_that_race_with_a_refusal_do_not_start_after_it_on_any_node(
        self, make_node: NodeMaker, graph: Recorder, session: aiohttp.ClientSession
    ) -> None:
        nodes = [Caller.of(await make_node(graph.url), session) for _ in range(3)]
        racing = [asyncio.create_task(reason(nodes[index % 3], Tidegate_Campaign=f"c{index}")) for index in range(60)]
        await write(nodes[0], marketing=False)
        started = len(graph.requests)
        racing += [asyncio.create_task(reason(node)) for node in nodes]
        reasons = await asyncio.gather(*racing)

        assert len(graph.requests) == started
        assert set(reasons[-3:]) == {"opted_out"}


class TestErasure:
    async def test_an_opt_out_outlives_the_user_without_its_evidence(self, bare: Caller) -> None:
        await write(bare, marketing=False, utility=True, zone="Asia/Tokyo", source="wrote STOP to the shop")

        got = await bare("DELETE", at(ANN, ""))

        assert (got.status, got.body) == (
            200,
            {
                "recipient": "16505551234",
                "erased": True,
                "cancelled": 0,
                "webhooks": 0,
                "rows": 0,
                "kept": ["marketing"],
            },
        )
        [known] = (await bare("GET", at(ANN))).body["portfolios"]
        assert (known["consent"].keys(), known["zone"]) == ({"marketing"}, None)
        assert known["consent"]["marketing"]["source"] == ""
        assert await reason(bare) == "opted_out"

    async def test_on_request_it_is_forgotten_too(self, bare: Caller) -> None:
        await write(bare, marketing=False)

        assert (await bare("DELETE", at(ANN, "") + "?forget=true")).body["kept"] == []

        assert (await bare("GET", at(ANN))).body["marketing"] is None
        assert (await bare("DELETE", at(ANN, "") + "?forget=yes")).status == 400

    async def test_what_is_queued_for_the_user_is_cancelled(self, bare: Caller) -> None:
        await bare("POST", f"{V1}/pauses", json={"scope": {"number": NUMBER}, "reason": "x"})
        ann, bob = [await bare.send(template(to), Tidegate_Category="marketing") for to in (ANN, BOB)]

        assert (await bare("DELETE", at(ANN, ""))).body["cancelled"] == 1

        states = [(await bare("GET", f"{V1}/messages/{sent['Tidegate-Id']}")).body["state"] for sent in (ann, bob)]
        assert states == ["cancelled", "queued"]

    async def test_no_key_of_the_store_tells_of_the_user(self, bare: Caller, client: StoreClient) -> None:
        await write(bare, marketing=True, zone="Asia/Tokyo")
        await bare.send(template())

        async def keys() -> list[bytes]:
            return [key async for key in client.scan_iter("*") if b":user:" in key or b":pair:" in key]

        assert len(await keys()) == 2

        await bare("DELETE", at(ANN, ""))

        assert await keys() == []

    async def test_erasing_whom_nobody_knows_is_no_fault(self, bare: Caller) -> None:
        for _ in range(2):
            assert (await bare("DELETE", at(ANN, ""))).body["cancelled"] == 0
