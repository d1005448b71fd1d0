"""Every kind of message of Meta's pages is read; what is none is refused by its path and rule."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.cloudapi.message_cases import ABSENT, MESSAGES, REFUSED, TO, a_body, a_message
from tidegate.cloudapi.messages import (
    BadMessage,
    ReadReceipt,
    RecipientKind,
    Request,
    TemplateRef,
    parse_send,
    read_send,
    serialise,
)
from tidegate.cloudapi.vocabulary import Category, MessageType


def parse(body: object) -> Request | ReadReceipt:
    return parse_send(json.dumps(body).encode())


def parse_request(body: object) -> Request:
    request = parse(body)
    assert isinstance(request, Request)
    return request


@pytest.mark.parametrize(("type_", "content"), MESSAGES.values(), ids=MESSAGES)
def test_every_type_is_read_and_written_unchanged(type_: str, content: object) -> None:
    body = a_message(type_, content)
    request = parse_request(body)
    assert request.type is MessageType(type_)
    assert request.is_template is (type_ == "template")
    assert json.loads(serialise(request, None)) == body


def test_the_recorded_sends_are_read(recorded: Callable[[str], Any]) -> None:
    sends = recorded("api_send_requests")
    named = parse_request(sends["template_named_params"])
    assert named == Request(
        kind=RecipientKind.PHONE,
        recipient="16505551234",
        recipient_input="+16505551234",
        type=MessageType.TEMPLATE,
        template=TemplateRef("order_confirmation", "en_US"),
        category=None,
        opaque="cmp=orders;attempt=1",
        read=sends["template_named_params"],
    )
    assert parse_request(sends["template_positional_header_button"]).template == TemplateRef(
        "black_friday_offer", "en_US"
    )
    assert parse_request(sends["text"]).is_free_form
    direct = parse_request(sends["direct_send_utility_text"])
    assert direct.category is Category.UTILITY
    assert direct.is_direct_send
    group = parse_request(sends["group_text"])
    assert (group.kind, group.recipient) == (RecipientKind.GROUP, sends["group_text"]["to"])


def test_a_recorded_read_receipt_is_no_send(recorded: Callable[[str], Any]) -> None:
    body = recorded("api_send_requests")["mark_read_typing"]
    assert parse(body) == ReadReceipt(body)


def test_the_recorded_marketing_send_names_two_recipients_and_is_refused(
    recorded: Callable[[str], Any],
) -> None:
    body = recorded("api_send_requests")["marketing_messages_endpoint"]
    with pytest.raises(BadMessage, match="both are given") as caught:
        parse(body)
    assert (caught.value.code, caught.value.reason) == (100, "invalid_recipient")


@pytest.mark.parametrize("left_out", ["to", "recipient"])
def test_a_marketing_send_to_one_recipient_is_read(left_out: str, recorded: Callable[[str], Any]) -> None:
    body = recorded("api_send_requests")["marketing_messages_endpoint"]
    del body[left_out]
    request = parse_request(body)
    assert request.kind is (RecipientKind.PHONE if left_out == "recipient" else RecipientKind.BSUID)
    written = json.loads(serialise(request, "o"))
    assert written["product_policy"] == "CLOUD_API_FALLBACK"
    assert written["message_activity_sharing"] is True


def test_a_user_id_and_a_null_phone_are_one_recipient() -> None:
    request = parse_request(a_body(to=None, recipient="US.13491208655302741918"))
    assert (request.kind, request.recipient) == (RecipientKind.BSUID, "US.13491208655302741918")
    assert request.recipient_input == request.recipient
    assert json.loads(serialise(request, None))["to"] is None


def test_the_same_number_in_both_places_is_one_recipient() -> None:
    assert parse_request(a_body(recipient=TO)).recipient == "16505551234"


def test_the_type_is_text_unless_said_otherwise() -> None:
    assert parse_request(a_body(type=ABSENT)).type is MessageType.TEXT


@pytest.mark.parametrize("to", ["16505551234", "+1 650-555-1234", "(+1) 650 555 1234", "0016505551234"], ids=repr)
def test_a_number_is_sent_with_its_country_code_and_reported_as_given(to: str) -> None:
    request = parse_request(a_body(to=to))
    assert (request.recipient, request.recipient_input) == ("16505551234", to)
    assert json.loads(serialise(request, None))["to"] == "+16505551234"
    assert request.body["to"] == to


@pytest.mark.parametrize("kind", ["phone", "bsuid", "group"])
def test_the_callback_data_is_replaced_and_nothing_else(kind: str) -> None:
    recipients: dict[str, dict[str, Any]] = {
        "phone": {"to": TO},
        "bsuid": {"to": ABSENT, "recipient": "US.1"},
        "group": {"to": "Z3JvdXA=", "recipient_type": "group"},
    }
    body = a_body(**recipients[kind], biz_opaque_callback_data="mine", future={"a": [1, None]})
    request = parse_request(body)
    assert request.opaque == "mine"
    assert json.loads(serialise(request, "tg1.a.b")) == {**body, "biz_opaque_callback_data": "tg1.a.b"}
    assert json.loads(serialise(request, None)) == body
    assert request.body == body


def test_what_is_written_anew_is_compact() -> None:
    request = read_send(a_body(type=ABSENT))
    assert isinstance(request, Request)
    written = serialise(request, "o")
    assert written == (
        b'{"messaging_product":"whatsapp","to":"+16505551234","text":{"body":"Hello"},"biz_opaque_callback_data":"o"}'
    )


def test_a_template_cannot_claim_a_category() -> None:
    body = a_message("template", {"name": "a", "language": {"code": "en"}})
    assert parse_request({**body, "category": "authentication"}).category is None


@pytest.mark.parametrize("word", ["utility", "UTILITY", "authentication", "marketing"])
def test_a_direct_send_claims_its_category(word: str) -> None:
    assert parse_request(a_body(category=word)).category is Category(word.lower())


@pytest.mark.parametrize(("body", "path"), REFUSED.values(), ids=REFUSED)
def test_is_refused_with_its_path(body: object, path: str) -> None:
    with pytest.raises(BadMessage) as caught:
        parse(body)
    assert caught.value.code == 100
    assert caught.value.details.startswith(f"{path}: ")
    about_recipient = path in {"to", "recipient", "to, recipient", "recipient_type"}
    assert caught.value.reason == ("invalid_recipient" if about_recipient else None)


@pytest.mark.parametrize("recipient", [ABSENT, "US.13491208655302741918"], ids=["alone", "in both places"])
def test_a_user_id_in_the_place_of_the_phone_is_refused_with_an_explanation(recipient: object) -> None:
    with pytest.raises(BadMessage, match="belongs in recipient") as caught:
        parse(a_body(to="US.13491208655302741918", recipient=recipient))
    assert (caught.value.code, caught.value.reason) == (100, "invalid_recipient")


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b'{"to":"1","to":"2"}', b"\xef\xbb\xbf{}", b'{"a":NaN}', b'{"a":"\\ud800"}', b"[" * 100_000],
    ids=["empty", "cut off", "a key twice", "a byte order mark", "NaN", "half a surrogate pair", "too deep"],
)
def test_a_body_that_is_not_strict_json_is_refused(raw: bytes) -> None:
    with pytest.raises(BadMessage) as caught:
        parse_send(raw)
    assert (caught.value.code, caught.value.reason) == (100, None)
    assert caught.value.details.startswith("body: ")


@pytest.mark.parametrize("key", ["to", "recipient", "type", "template", "text", "interactive"])
def test_a_message_cannot_pass_as_a_read_receipt(key: str) -> None:
    receipt = {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.x"}
    with pytest.raises(BadMessage, match="status: must not stand beside"):
        parse({**receipt, key: {}})


def test_a_null_status_is_no_status() -> None:
    assert parse_request(a_body(status=None)).is_free_form


@pytest.mark.parametrize("body", [body for body, _ in REFUSED.values()], ids=REFUSED)
def test_a_refusal_quotes_nothing_that_was_sent(body: Any) -> None:
    secret = "+4917012345"
    if isinstance(body, dict):
        body = {
            key: secret if isinstance(value, str) and key != "messaging_product" else value
            for key, value in body.items()
        }
    with pytest.raises(BadMessage) as caught:
        parse({"messaging_product": "whatsapp", **body, "type": secret} if isinstance(body, dict) else secret)
    assert secret not in str(caught.value)
    assert "4917012345" not in caught.value.details


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=9), children, max_size=3),
    max_leaves=8,
)
KEYS = [
    "messaging_product",
    "to",
    "recipient",
    "recipient_type",
    "type",
    "text",
    "template",
    "contacts",
    "status",
]
KEYS += ["category", "context", "biz_opaque_callback_data", "image", "interactive", "location"]
WORDS = ["whatsapp", TO, "US.1", "group", "text", "template", "contacts", "read", "utility", "image"]
hostile_bodies = st.dictionaries(
    st.sampled_from(KEYS),
    st.sampled_from(WORDS)
    | json_values
    | st.dictionaries(st.sampled_from(["body", "name", "language", "id", "code"]), json_values, max_size=3),
    max_size=8,
).map(lambda body: {"messaging_product": "whatsapp", **body})


@given(hostile_bodies | json_values)
def test_any_json_is_a_message_a_receipt_or_refused(body: object) -> None:
    try:
        parsed = parse(body)
    except BadMessage:
        return
    if isinstance(parsed, Request):
        assert json.loads(serialise(parsed, "o"))["biz_opaque_callback_data"] == "o"


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(BadMessage):
        parse_send(raw)
