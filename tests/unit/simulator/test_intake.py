"""What Meta makes of a send's body."""

from __future__ import annotations

import pytest

from tidegate.simulator.answers import Answer
from tidegate.simulator.intake import ReadReceipt, Send, read_send

TEXT = {"messaging_product": "whatsapp", "to": "+16505551234", "text": {"body": "Hi"}}
TEMPLATE = {
    "messaging_product": "whatsapp",
    "to": "+16505551234",
    "type": "template",
    "template": {"name": "login_code", "language": {"code": "en_US"}},
}


def test_a_text_is_the_default_type():
    send = read_send(TEXT)
    assert isinstance(send, Send)
    assert (send.type, send.template, send.by_user_id, send.opaque) == ("text", None, False, None)


def test_a_template_is_known_by_name_and_language():
    send = read_send(TEMPLATE | {"biz_opaque_callback_data": "x" * 512})
    assert isinstance(send, Send)
    assert (send.template, send.opaque) == (("login_code", "en_US"), "x" * 512)


def test_to_wins_over_recipient():
    send = read_send(TEXT | {"recipient": "US.1"})
    assert isinstance(send, Send)
    assert (send.user.wa_id, send.by_user_id) == ("16505551234", False)


def test_a_read_receipt_needs_a_message_id():
    receipt = {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.x"}
    assert isinstance(read_send(receipt), ReadReceipt)
    answer = read_send({"messaging_product": "whatsapp", "status": "read"})
    assert isinstance(answer, Answer)
    assert answer.code == 100


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param([], 100, id="a list"),
        pytest.param({}, 100, id="nothing"),
        pytest.param(TEXT | {"messaging_product": "sms"}, 100, id="another product"),
        pytest.param(TEXT | {"to": None}, 100, id="no recipient"),
        pytest.param(TEXT | {"to": 16505551234}, 100, id="a recipient that is a number"),
        pytest.param(TEXT | {"to": "nobody"}, 131009, id="a recipient that is no phone"),
        pytest.param(TEXT | {"to": None, "recipient": "?"}, 131009, id="a user id that is none"),
        pytest.param(TEXT | {"type": "telegram"}, 131051, id="an unknown type"),
        pytest.param(TEXT | {"type": 5}, 100, id="a type that is no text"),
        pytest.param(TEXT | {"type": "image"}, 131008, id="a type without its block"),
        pytest.param(TEXT | {"type": "contacts", "contacts": {}}, 131008, id="contacts that are no list"),
        pytest.param(TEXT | {"recipient_type": "group"}, 100, id="a group"),
        pytest.param(TEXT | {"biz_opaque_callback_data": "x" * 513}, 100, id="opaque data of 513 characters"),
        pytest.param(TEXT | {"biz_opaque_callback_data": 5}, 100, id="opaque data that is no text"),
        pytest.param(TEXT | {"category": "marketing"}, 100, id="a Direct Send of marketing"),
        pytest.param(TEMPLATE | {"template": {"name": "x"}}, 131008, id="a template without language"),
        pytest.param(TEMPLATE | {"template": {"language": {"code": "x"}}}, 131008, id="a template without name"),
    ],
)
def test_a_wrong_body_is_refused(body, code):
    answer = read_send(body)
    assert isinstance(answer, Answer)
    assert answer.code == code


def test_a_send_shows_no_phone_number_in_its_repr():
    assert "16505551234" not in repr(read_send(TEXT))
