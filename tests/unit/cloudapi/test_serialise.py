"""What is sent on is the body written anew, to the byte, whether all of it is written or its text is at hand."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tidegate.cloudapi.json_text import read_json
from tidegate.cloudapi.messages import BadMessage, Request, parse_send, serialise

HEAD = b'{"messaging_product":"whatsapp",'
TAIL = b'"text":{"body":"x"}}'
USER, GROUP = b"US.13491208655302741918", b"Y2FwaV9ncm91cDox"


def read(raw: bytes) -> Request:
    request = parse_send(raw)
    assert isinstance(request, Request)
    return request


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(HEAD + b'"to":"16505551234",' + TAIL, id="a number"),
        pytest.param(HEAD + b'"to": "1 (650) 555-1234",' + TAIL, id="a number as people write it"),
        pytest.param(b' {"messaging_product" : "whatsapp",\n"to":"+16505551234", ' + TAIL[:-1] + b" } \n", id="spaces"),
        pytest.param(HEAD + b'"to":"16505551234","weight":1.0e2,' + TAIL, id="a number written in another way"),
        pytest.param(HEAD + b'"recipient_type":"individual","to":"16505551234",' + TAIL, id="a user, and said so"),
        pytest.param(HEAD + b'"to":"16505551234","text":{"body":"\\"to\\":\\n"}}', id="a text with escapes"),
        pytest.param(b'{"to":"16505551234","messaging_product":"whatsapp",' + TAIL, id="another order"),
        pytest.param(HEAD + b'"recipient":"' + USER + b'",' + TAIL, id="a user's id"),
        pytest.param(HEAD + b'"recipient_type":"group","to":"' + GROUP + b'",' + TAIL, id="a group"),
    ],
)
def test_the_text_at_hand_is_put_to_use(raw: bytes) -> None:
    request = read(raw)
    anew = serialise(request.with_body(request.body), "tg1.a.b")
    assert serialise(replace(request, read={}), "tg1.a.b") == anew


def test_another_body_is_not_sent_in_the_text_of_the_first() -> None:
    request = read(HEAD + b'"to":"16505551234",' + TAIL)
    other = request.with_body(request.body | {"text": {"body": "y"}})
    assert orjson.loads(serialise(other, "tg1.a.b"))["text"] == {"body": "y"}


_WORDS = st.sampled_from(["to", '"to"', "to\\", '","to":"16505551234"', "16505551234", "é", "\u2028", "x", "}", ""])
_INNER = st.recursive(
    _WORDS | st.none(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["to", "a", "é"]), inner, max_size=2),
    max_leaves=4,
)
_BODIES = st.fixed_dictionaries(
    {"to": st.sampled_from(["16505551234", "+16505551234", "1 650 555 1234", "+1 650 555 1234"])},
    optional={
        "biz_opaque_callback_data": st.sampled_from([None, "x"]),
        "other": _INNER,
        "recipient_type": st.sampled_from([None, "individual"]),
        "category": st.none(),
    },
)


@given(_BODIES, st.randoms(use_true_random=False), st.booleans(), st.sampled_from([None, (", ", ": "), (",", ":")]))
def test_it_is_what_is_written_anew(body: dict[str, Any], chance: Any, ascii: bool, marks: Any) -> None:
    body = {"messaging_product": "whatsapp", "text": {"body": "x"}} | body
    members = list(body.items())
    chance.shuffle(members)
    text = json.dumps(dict(members), ensure_ascii=ascii, separators=marks, indent=None if marks else 1)
    request = read(text.encode())
    assert serialise(request, "tg1.a.b") == serialise(request.with_body(request.body), "tg1.a.b")


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(HEAD + b'"t\\u006f":"16505551234","other":{"to":"16505551234"},' + TAIL, id="a key in escapes"),
        pytest.param(HEAD + b'"to" :"16505551234","other":{"to":"16505551234"},' + TAIL, id="a key before a space"),
        pytest.param(HEAD + b'"to":"+1 650 555 1234",' + TAIL, id="a number with its plus, as people write it"),
        pytest.param(HEAD + b'"other":{"to":"16505551234"},"to":"16505551234",' + TAIL, id="the same key further in"),
        pytest.param(HEAD + b'"other":"to","to":"16505551234",' + TAIL, id="a text that is the key's name"),
        pytest.param(
            HEAD + b'"biz\\u005fopaque_callback_data":"x","to":"16505551234",' + TAIL, id="callback data in escapes"
        ),
    ],
)
def test_what_may_not_be_what_it_looks_like_is_written_anew(raw: bytes) -> None:
    body = orjson.loads(raw) | {"to": "+16505551234", "biz_opaque_callback_data": "tg1.a.b"}
    assert read_json(serialise(read(raw), "tg1.a.b")) == body


def test_what_can_be_read_in_two_ways_is_no_message_at_all() -> None:
    with pytest.raises(BadMessage):
        parse_send(HEAD + b'"to":"16505551234","to":"16505551235",' + TAIL)
