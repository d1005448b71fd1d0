"""What is left of a status when its recipient was erased."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tidegate.cloudapi.erased_status import status_id, status_of_nobody

METADATA = {"display_phone_number": "15550783881", "phone_number_id": "106540352242922"}
PHONE = "16505551234"
FULL = {
    "id": "tg00000000-0",
    "status": "failed",
    "timestamp": "1790000000",
    "type": "message",
    "recipient_id": PHONE,
    "recipient_user_id": "US.13491208655302741918",
    "recipient_identity_key_hash": "hash",
    "biz_opaque_callback_data": f"order of {PHONE}",
    "conversation": {"id": "c1", "origin": {"type": "utility"}},
    "pricing": {"billable": True, "pricing_model": "PMP", "category": "utility"},
    "errors": [{"code": 131_026, "title": "Message undeliverable", "error_data": {"details": f"+{PHONE} is gone"}}],
    "a key of a newer version": PHONE,
}


def body(**more: Any) -> bytes:
    value = {
        "messaging_product": "whatsapp",
        "metadata": METADATA,
        "contacts": [{"wa_id": PHONE, "profile": {"name": "Ann"}}],
        "statuses": [FULL | more],
    }
    entry = {"id": "102290129340398", "changes": [{"value": value, "field": "messages"}], "time": 1_790_000_000}
    return orjson.dumps({"object": "whatsapp_business_account", "entry": [entry]})


def test_how_the_message_ended_stays_and_for_whom_it_was_goes() -> None:
    told = status_of_nobody(body(), "m1")

    [entry] = orjson.loads(told)["entry"]
    [change] = entry["changes"]
    assert (entry["id"], entry["time"], change["field"]) == ("102290129340398", 1_790_000_000, "messages")
    assert change["value"] == {
        "messaging_product": "whatsapp",
        "metadata": METADATA,
        "statuses": [
            {
                "id": "m1",
                "recipient_id": "0",
                "status": "failed",
                "timestamp": "1790000000",
                "type": "message",
                "pricing": FULL["pricing"],
                "errors": [{"code": 131_026, "title": "Message undeliverable", "error_data": {"details": "0 is gone"}}],
            }
        ],
    }
    assert PHONE.encode() not in told


def test_again_it_changes_nothing() -> None:
    once = status_of_nobody(body(), "m1")

    assert status_of_nobody(once, "m1") == once


@pytest.mark.parametrize(
    ("more", "told"),
    [
        pytest.param({}, "tg00000000-0", id="the one that it has"),
        pytest.param({"id": "wamid.x"}, "wamid.x", id="Meta's"),
        pytest.param({"id": None}, "None", id="none that can be read is nobody's"),
    ],
)
def test_a_status_tells_under_which_id_it_goes(more: dict[str, Any], told: str) -> None:
    assert status_id(body(**more)) == told


def test_a_status_without_errors_gets_none() -> None:
    told = orjson.loads(body())
    told["entry"][0]["changes"][0]["value"]["statuses"][0].pop("errors", None)

    [entry] = orjson.loads(status_of_nobody(orjson.dumps(told), "m1"))["entry"]

    assert "errors" not in entry["changes"][0]["value"]["statuses"][0]
