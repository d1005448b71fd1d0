"""A request knows what kind of message it is, and shows nobody whom it is for."""

import json

import pytest

from tidegate.cloudapi.messages import parse_send, serialise
from tidegate.cloudapi.recipients import RecipientKind
from tidegate.cloudapi.request import BadMessage, ReadReceipt, Request, TemplateRef
from tidegate.cloudapi.vocabulary import Category, MessageType


def a_request(template: TemplateRef | None, category: Category | None) -> Request:
    return Request(
        kind=RecipientKind.PHONE,
        recipient="16505551234",
        recipient_input="+1 650-555-1234",
        type=MessageType.TEMPLATE if template else MessageType.TEXT,
        template=template,
        category=category,
        opaque="for +16505551234",
        read={"to": "+16505551234"},
    )


@pytest.mark.parametrize(
    ("template", "category", "kinds"),
    [
        (TemplateRef("hello", "en_US"), None, (True, False, False)),
        (None, Category.UTILITY, (False, True, False)),
        (None, None, (False, False, True)),
    ],
    ids=["a template", "a Direct Send", "a free-form message"],
)
def test_a_message_is_of_one_kind(
    template: TemplateRef | None, category: Category | None, kinds: tuple[bool, bool, bool]
) -> None:
    request = a_request(template, category)
    assert (request.is_template, request.is_direct_send, request.is_free_form) == kinds


def test_neither_a_request_nor_a_receipt_shows_a_person() -> None:
    shown = repr(a_request(None, None)) + repr(ReadReceipt({"message_id": "wamid.16505551234"}))
    assert "555" not in shown


def test_another_body_changes_nothing_else() -> None:
    request, receipt = a_request(None, None), ReadReceipt({"message_id": "tg1"})
    request.text = b"the body as it was"

    told = request.with_body({"to": "x"})
    assert (told.body, told.text, told.recipient) == ({"to": "x"}, b"", request.recipient)
    assert receipt.with_body({"message_id": "wamid.1"}) == ReadReceipt({"message_id": "wamid.1"})


def test_a_body_that_was_let_go_is_read_from_its_text_anew() -> None:
    body = {"messaging_product": "whatsapp", "to": "16505551234", "text": {"body": "é\u2028"}}
    request = parse_send(json.dumps(body, indent=1).encode())
    assert isinstance(request, Request)
    kept = serialise(request, "tg1.a.b")

    request.let_body_go()

    assert (request.read, request.body, serialise(request, "tg1.a.b")) == (None, body, kept)
    assert request == parse_send(json.dumps(body).encode())


def test_a_body_without_a_text_is_not_let_go() -> None:
    request = a_request(None, None)
    request.let_body_go()
    assert request.body == {"to": "+16505551234"}


def test_a_request_can_be_hashed() -> None:
    assert len({a_request(None, None), a_request(None, None)}) == 1


def test_a_bad_message_says_why() -> None:
    fault = BadMessage(100, "to: is required", "invalid_recipient")
    assert (fault.code, fault.details, fault.reason, str(fault)) == (
        100,
        "to: is required",
        "invalid_recipient",
        "to: is required",
    )
    assert BadMessage(100, "x").reason is None
