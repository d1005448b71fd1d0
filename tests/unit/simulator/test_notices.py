"""Webhook bodies: the same keys as Meta's samples, times cut to seconds, signed over the exact bytes."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest

from tidegate.simulator import notices
from tidegate.simulator.config import DEFAULT_PORTFOLIO
from tidegate.simulator.estate import Estate
from tidegate.simulator.identity import user_by_any
from tidegate.simulator.notices import Webhook, envelope, signature

ESTATE = Estate((DEFAULT_PORTFOLIO,), 0)
NUMBER = ESTATE.numbers["106540352242922"]
TEMPLATE = ESTATE.wabas["102290129340398"].templates["black_friday_offer", "en_US"]
ANN = user_by_any("16505551234")
AT_MS = 1_795_176_000_999

PRICE = {"billable": True, "pricing_model": "PMP", "type": "regular", "category": "utility"}
ERROR = {"code", "title", "message", "error_data", "href"}
STATUS = {"id", "status", "timestamp", "recipient_id", "recipient_user_id", "biz_opaque_callback_data", "pricing"}


def sent(**more):
    return notices.status(NUMBER, ANN, AT_MS, wamid="wamid.x", name="sent", opaque="id", **more)


def test_a_status_has_the_keys_of_version_24():
    value = sent(pricing=PRICE).value
    assert set(value) == {"messaging_product", "metadata", "contacts", "statuses"}
    assert set(value["statuses"][0]) == STATUS
    assert set(value["contacts"][0]) == {"profile", "wa_id", "user_id"}


def test_a_failure_has_errors_no_contacts_and_no_user_id():
    value = notices.status(NUMBER, ANN, AT_MS, wamid="wamid.x", name="failed", opaque="id", code=131026).value
    assert "contacts" not in value
    assert set(value["statuses"][0]) == STATUS - {"recipient_user_id", "pricing"} | {"errors"}
    assert set(value["statuses"][0]["errors"][0]) == ERROR


def test_a_failure_of_a_send_to_a_user_id_names_the_user_id():
    told = notices.status(NUMBER, ANN, AT_MS, wamid="w", name="failed", opaque=None, code=131026, by_user_id=True)
    assert told.value["statuses"][0]["recipient_user_id"] == ANN.user_id


@pytest.mark.parametrize(
    ("webhook", "field", "keys"),
    [
        pytest.param(
            notices.capability("1", 2_000, AT_MS),
            "business_capability_update",
            {"max_daily_conversations_per_business", "max_phone_numbers_per_waba"},
            id="a new limit",
        ),
        pytest.param(
            notices.template_status(TEMPLATE, "PAUSED", AT_MS, "FIRST_PAUSE", "…"),
            "message_template_status_update",
            {
                "event",
                "message_template_id",
                "message_template_name",
                "message_template_language",
                "message_template_category",
                "reason",
                "other_info",
            },
            id="a paused template",
        ),
        pytest.param(
            notices.template_quality(TEMPLATE, "GREEN", AT_MS),
            "message_template_quality_update",
            {
                "previous_quality_score",
                "new_quality_score",
                "message_template_id",
                "message_template_name",
                "message_template_language",
            },
            id="a template's quality",
        ),
        pytest.param(
            notices.template_category(TEMPLATE, "UTILITY", AT_MS),
            "template_category_update",
            {
                "message_template_id",
                "message_template_name",
                "message_template_language",
                "previous_category",
                "new_category",
            },
            id="a template's category",
        ),
        pytest.param(
            notices.preference(NUMBER, ANN, "stop", AT_MS),
            "user_preferences",
            {"messaging_product", "metadata", "contacts", "user_preferences"},
            id="a user's choice",
        ),
    ],
)
def test_other_webhooks_have_the_keys_of_metas_samples(webhook, field, keys):
    assert (webhook.field, set(webhook.value)) == (field, keys)


def test_a_users_message_names_him_by_phone_and_id():
    value = notices.inbound(NUMBER, ANN, {"type": "text", "text": {"body": "Hi"}}, AT_MS, "wamid.x").value
    assert set(value["messages"][0]) == {"from", "from_user_id", "id", "timestamp", "type", "text"}


def test_times_are_whole_seconds_cut_off():
    assert sent().value["statuses"][0]["timestamp"] == "1795176000"
    entry = json.loads(envelope([notices.capability("1", 250, AT_MS)]))["entry"][0]
    assert entry["time"] == 1795176000


def test_an_envelope_joins_neighbours_of_one_account_and_keeps_the_order():
    changes = [sent(), sent(), notices.capability("2", 250, AT_MS), sent()]
    entries = json.loads(envelope(changes))["entry"]
    assert [(entry["id"], len(entry["changes"])) for entry in entries] == [
        ("102290129340398", 2),
        ("2", 1),
        ("102290129340398", 1),
    ]
    assert ["time" in entry for entry in entries] == [False, True, False]


def test_a_body_is_escaped_to_ascii_and_signed_over_its_exact_bytes():
    body = envelope([Webhook(0, "1", "messages", {"text": "äöå 😀"}, dated=False)])
    assert b"\\u00e4\\u00f6\\u00e5 \\ud83d\\ude00" in body
    expected = hmac.new(b"app-secret", body, hashlib.sha256).hexdigest()
    assert signature(body, "app-secret") == f"sha256={expected}"
