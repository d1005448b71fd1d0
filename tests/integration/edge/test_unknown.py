"""Sends of unknown outcome over HTTP: what is told of them, what their status does, when they are tried once more."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from tests.integration.edge.callers import (
    ANN,
    BOB,
    NUMBER,
    OPERATOR,
    PORTFOLIO,
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
from tidegate.store import message_record
from tidegate.store.keys import PortfolioKeys
from tidegate.store.ledger import UNRESOLVED_MS
from tidegate.store.scripts import StoreClient

V1 = "/gateway/v1"
A_QUARTER_S = UNRESOLVED_MS // 1_000
AGAIN = {"Tidegate_Category": "utility", "Tidegate_Delivery": "at_least_once"}


@dataclass
class Stage:
    """A node before a stand-in for Graph that answers those in `lost` with nothing that proves anything."""

    call: Caller
    graph: Recorder
    lost: set[str] = field(default_factory=lambda: {ANN})

    async def answer(self, _request: web.Request, raw: bytes) -> web.StreamResponse:
        to = json.loads(raw)["to"]
        if to in self.lost:
            return web.Response(status=502, text="<html>Bad Gateway", content_type="text/html")
        return web.json_response(accepted(f"wamid.{len(self.graph.requests)}", to))

    def posted(self, to: str = ANN) -> list[dict[str, Any]]:
        """What Graph was sent for this user."""
        return [body for *_, raw in self.graph.requests if (body := json.loads(raw))["to"] == to]

    async def send(self, to: str = ANN, *, opaque: str | None = None, **headers: str) -> Answer:
        more = {} if opaque is None else {"biz_opaque_callback_data": opaque}
        return await self.call.send(template(to, **more), **{"Tidegate_Category": "utility"} | headers)

    async def told(self, sent: Answer, key: str | None = None) -> dict[str, Any]:
        keys = () if key is None else (key,)
        return dict((await self.call("GET", f"{V1}/messages/{sent['Tidegate-Id']}", *keys)).body)

    async def later(self, seconds: int) -> None:
        assert (await self.call("POST", f"{V1}/testing/clock", json={"advance_s": seconds})).status == 200

    async def status(self, posted: dict[str, Any], word: str, wamid: str = "wamid.x") -> None:
        """Meta's webhook of what was posted."""
        now_s = (await self.call("GET", f"{V1}/testing/clock")).body["now_ms"] // 1_000
        told = {"id": wamid, "status": word, "timestamp": str(now_s), "recipient_id": posted["to"][1:]}
        told["biz_opaque_callback_data"] = posted["biz_opaque_callback_data"]
        value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": NUMBER}, "statuses": [told]}
        entry = {"id": WABA, "changes": [{"field": "messages", "value": value}]}
        raw = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
        assert (await self.call("POST", "/webhooks/whatsapp", None, data=raw, headers=signed(raw))).status == 200

    async def heard_of(self, wamid: str) -> None:
        """Send another message, whose status comes."""
        await self.send(BOB)
        await self.status(self.posted(BOB)[-1], "delivered", wamid)

    async def used(self) -> int:
        return int((await self.call("GET", f"{V1}/portfolios/{PORTFOLIO}/capacity")).body["used"])

    async def becomes(self, sent: Answer, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """What is told of a message as soon as this holds of it."""

        async def is_so() -> bool:
            return holds(await self.told(sent))

        await until(is_so)
        return await self.told(sent)

    async def counted(self, metric: str) -> bool:
        return f"{metric} 1.0" in (await self.call("GET", "/metrics", None)).raw.decode()


@pytest.fixture
def stage(bare: Caller, graph: Recorder) -> Stage:
    made = Stage(bare, graph)
    graph.answer = made.answer
    return made


def is_unknown(told: dict[str, Any]) -> bool:
    return bool(told["state"] == "unknown")


def is_unresolved(told: dict[str, Any]) -> bool:
    return told["unresolved"] is True


class TestUnresolved:
    async def test_what_is_unknown_for_a_quarter_of_an_hour_is_told_of_counted_and_kept_in_its_place(
        self, stage: Stage
    ) -> None:
        sent = await stage.send()
        assert sent["Tidegate-Verdict"] == "unknown"
        told = await stage.becomes(sent, is_unknown)
        assert (told["unresolved"], told["unresolved_at"], told["reason"]) == (False, None, "outcome_unknown")
        used = await stage.used()

        await stage.later(A_QUARTER_S)

        told = await stage.becomes(sent, is_unresolved)
        assert (told["state"], told["verdict"]) == ("unknown", "unknown")
        assert told["history"][-1]["state"] == "unknown"
        assert told["history"][-1]["cause"].startswith("unresolved")
        assert told["unresolved_at"] == told["history"][-1]["at"]
        assert await stage.counted("tidegate_unresolved_messages_total")
        assert (await stage.used(), len(stage.posted())) == (used, 1)

    async def test_its_status_settles_it_for_seven_days_and_it_counts_from_its_delivery(self, stage: Stage) -> None:
        sent = await stage.send()
        await stage.becomes(sent, is_unknown)
        await stage.later(A_QUARTER_S)
        await stage.becomes(sent, is_unresolved)
        await stage.later(7 * 86_400 - A_QUARTER_S)

        await stage.status(stage.posted()[0], "delivered")

        told = await stage.told(sent)
        assert (told["state"], told["unresolved"]) == ("delivered", False)
        assert told["unresolved_at"] is not None

    async def test_what_a_status_settles_before_is_never_unresolved(self, stage: Stage) -> None:
        sent = await stage.send()
        await stage.becomes(sent, is_unknown)
        await stage.status(stage.posted()[0], "sent")
        other = await stage.send()
        await stage.becomes(other, is_unknown)

        await stage.later(A_QUARTER_S)

        await stage.becomes(other, is_unresolved)
        told = await stage.told(sent)
        assert (told["state"], told["unresolved_at"]) == ("sent", None)


class TestAtLeastOnce:
    async def test_it_is_tried_once_more_under_its_id_while_statuses_of_its_number_come(
        self, stage: Stage, client: StoreClient
    ) -> None:
        sent = await stage.send(opaque="order 5", **AGAIN)
        await stage.becomes(sent, is_unknown)
        await stage.heard_of("wamid.BOB")
        used = await stage.used()
        stage.lost.clear()

        await stage.later(A_QUARTER_S)

        told = await stage.becomes(sent, lambda told: told["state"] == "accepted")
        first, second = stage.posted()
        assert first == second, "the same message, with the same proof of its id"
        assert [event["state"] for event in told["history"]] == [
            "sending", "unknown", "queued", "sending", "accepted"
        ]  # fmt: skip
        assert (told["delivery"], told["biz_opaque_callback_data"]) == ("at_least_once", "order 5")
        assert await stage.used() == used, "its place was held all the time"
        assert await stage.counted("tidegate_tried_again_messages_total")

    async def test_a_second_silence_is_the_last(self, stage: Stage) -> None:
        sent = await stage.send(**AGAIN)
        await stage.becomes(sent, is_unknown)
        await stage.heard_of("wamid.B1")
        await stage.later(A_QUARTER_S)

        async def is_tried_again() -> bool:
            return len(stage.posted()) == 2

        await until(is_tried_again)
        await stage.becomes(sent, is_unknown)
        await stage.heard_of("wamid.B2")
        await stage.later(A_QUARTER_S)
        await stage.becomes(sent, is_unresolved)
        assert len(stage.posted()) == 2

    async def test_in_a_silence_it_is_unresolved(self, stage: Stage) -> None:
        sent = await stage.send(**AGAIN)
        await stage.becomes(sent, is_unknown)
        await stage.later(A_QUARTER_S)
        await stage.becomes(sent, is_unresolved)
        assert len(stage.posted()) == 1

    async def test_a_category_may_ask_for_it_by_a_rule_and_a_send_may_not_want_it(self, stage: Stage) -> None:
        rules = {"delivery": {"marketing": "at_least_once"}}
        assert (await stage.call("PUT", f"{V1}/rules", json=rules)).status == 200
        by_rule = await stage.send(Tidegate_Category="marketing")
        declined = await stage.send(Tidegate_Category="marketing", Tidegate_Delivery="at_most_once")
        other = await stage.send()
        told = [(await stage.told(sent))["delivery"] for sent in (by_rule, declined, other)]
        assert told == ["at_least_once", "at_most_once", "at_most_once"]

    async def test_a_reply_is_never_tried_again(self, stage: Stage) -> None:
        now_s = (await stage.call("GET", f"{V1}/testing/clock")).body["now_ms"] // 1_000
        message = {"from": ANN[1:], "id": "wamid.IN", "timestamp": str(now_s), "type": "text", "text": {"body": "Hi"}}
        value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": NUMBER}, "messages": [message]}
        entry = {"id": WABA, "changes": [{"field": "messages", "value": value}]}
        raw = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
        await stage.call("POST", "/webhooks/whatsapp", None, data=raw, headers=signed(raw))

        sent = await stage.call.send(text(), Tidegate_Delivery="at_least_once")

        assert sent["Tidegate-Verdict"] == "unknown"
        assert (await stage.told(sent))["delivery"] == "at_most_once"

    async def test_another_word_is_refused(self, stage: Stage) -> None:
        refused = await stage.send(Tidegate_Delivery="exactly_once")
        assert refused.status == 400
        assert "Tidegate-Delivery" in refused.raw.decode()


class TestOpaque:
    async def test_it_is_given_back_to_its_sender_and_to_nobody_else(self, stage: Stage, client: StoreClient) -> None:
        sent = await stage.send(BOB, opaque="order 5, Müller")
        assert stage.posted(BOB)[0]["biz_opaque_callback_data"].startswith("tg1.")

        assert (await stage.told(sent))["biz_opaque_callback_data"] == "order 5, Müller"
        assert (await stage.told(sent, OPERATOR))["biz_opaque_callback_data"] is None
        stored = await message_record.read(client, PortfolioKeys(PORTFOLIO).message(sent["Tidegate-Id"] or ""))
        assert stored
        assert not any(b"order 5" in value for value in stored.values())

    async def test_it_is_kept_while_the_message_waits_and_after_its_status_came(self, stage: Stage) -> None:
        stage.lost.clear()
        await stage.call("POST", f"{V1}/pauses", json={"scope": {"number": NUMBER}, "reason": "a test"})
        sent = await stage.send(opaque="order 5")
        assert sent["Tidegate-Verdict"] == "queue"
        assert (await stage.told(sent))["biz_opaque_callback_data"] == "order 5"
        [pause] = (await stage.call("GET", f"{V1}/pauses")).body["pauses"]
        await stage.call("DELETE", f"{V1}/pauses/{pause['id']}")
        await stage.becomes(sent, lambda told: told["state"] == "accepted")

        await stage.status(stage.posted()[0], "delivered", "wamid.1")

        told = await stage.told(sent)
        assert (told["state"], told["biz_opaque_callback_data"]) == ("delivered", "order 5")

    async def test_metas_longest_is_taken_and_a_longer_one_refused_in_graphs_shape(self, stage: Stage) -> None:
        longest = "é" * 512
        assert (await stage.told(await stage.send(BOB, opaque=longest)))["biz_opaque_callback_data"] == longest
        refused = await stage.send(BOB, opaque=longest + "é")
        assert (refused.status, refused.error["code"]) == (400, 100)
        assert len(stage.posted(BOB)) == 1

    async def test_one_that_gave_none_has_none(self, stage: Stage) -> None:
        assert (await stage.told(await stage.send(BOB)))["biz_opaque_callback_data"] is None
        assert (await stage.told(await stage.send(BOB, opaque="")))["biz_opaque_callback_data"] == ""
