"""Webhooks that the store kept from being applied to their end: what follows from them follows when they come again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.factories import make_ledger, make_status
from tests.integration.edge.callers import ANN, NUMBER, PORTFOLIO, WABA, Caller, signed, template
from tests.waiting import until
from tidegate.store.scripts import StoreClient

MARKETING = {"Tidegate_Category": "marketing"}


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        pytest.param(131050, "opted_out", id="the user wants no more marketing"),
        pytest.param(131049, "user_marketing_limit", id="the user has had enough of it"),
    ],
)
async def test_a_failure_that_got_no_further_than_the_books_is_acted_on_when_it_comes_again(
    bare: Caller, client: StoreClient, code: int, reason: str
) -> None:
    sent = await bare.send(template(), **MARKETING)
    now_ms = (await bare("GET", "/gateway/v1/testing/clock")).body["now_ms"]
    message_id, wamid = sent["Tidegate-Id"] or "", sent.body["messages"][0]["id"]
    at_ms = now_ms // 1_000 * 1_000

    async def is_written() -> bool:
        return bool((await bare("GET", f"/gateway/v1/messages/{message_id}")).body["state"] == "accepted")

    # This webhook brings no word of ours along: it is known by Meta's id alone.
    await until(is_written)
    refreshed = await make_ledger(client, PORTFOLIO).refresh(
        make_status(message_id, "failed", at_ms, portfolio=PORTFOLIO, wamid=wamid)
    )
    assert refreshed.changed

    entry: dict[str, Any] = {"id": wamid, "status": "failed", "timestamp": str(at_ms // 1_000)}
    entry |= {"recipient_id": ANN.removeprefix("+"), "errors": [{"code": code, "title": "no"}]}
    value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": NUMBER}, "statuses": [entry]}
    changes = [{"field": "messages", "value": value}]
    raw = json.dumps({"object": "whatsapp_business_account", "entry": [{"id": WABA, "changes": changes}]}).encode()
    told = await bare("POST", "/webhooks/whatsapp", None, data=raw, headers=signed(raw))

    assert told.status == 200
    assert (await bare.send(template(), Tidegate_Hold="reject", **MARKETING))["Tidegate-Reason"] == reason
