"""What is sent on: the text that came with the recipient's `+` and our callback data in it, else written anew; either
way it says the same.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.cloudapi.json_text import read_json
from tidegate.cloudapi.messages import BadMessage, Request, parse_send, serialise

HEAD = b'{"messaging_product":"whatsapp",'
TAIL = b'"text":{"body":"x"}}'
OURS = b',"biz_opaque_callback_data":"tg1.a.b"}'
USER, GROUP = b"US.13491208655302741918", b"Y2FwaV9ncm91cDox"


def read(raw: bytes) -> Request:
    request = parse_send(raw)
    assert isinstance(request, Request)
    return request


@pytest.mark.parametrize(
    ("raw", "written"),
    [
        pytest.param(
            HEAD + b'"to":"16505551234",' + TAIL, HEAD + b'"to":"+16505551234",' + TAIL[:-1] + OURS, id="a number"
        ),
        pytest.param(
            HEAD + b'"to": "1 (650) 555-1234",' + TAIL,
            HEAD + b'"to":"+16505551234",' + TAIL[:-1] + OURS,
            id="a number as people write it",
        ),
        pytest.param(
            b' {"messaging_product" : "whatsapp",\n"to":"+16505551234", ' + TAIL[:-1] + b" } \n",
            b' {"messaging_product" : "whatsapp",\n"to":"+16505551234", ' + TAIL[:-1] + b" " + OURS,
            id="spaces, and a number with its plus",
        ),
        pytest.param(
            HEAD + b'"to":"16505551234","weight":1.0e2,"wide":1.00000000000000000001,' + TAIL,
            HEAD + b'"to":"+16505551234","weight":1.0e2,"wide":1.00000000000000000001,' + TAIL[:-1] + OURS,
            id="numbers, as they were written",
        ),
        pytest.param(
            HEAD + b'"recipient":"' + USER + b'",' + TAIL,
            HEAD + b'"recipient":"' + USER + b'",' + TAIL[:-1] + OURS,
            id="a user's id",
        ),
        pytest.param(
            HEAD + b'"recipient_type":"group","to":"' + GROUP + b'",' + TAIL,
            HEAD + b'"recipient_type":"group","to":"' + GROUP + b'",' + TAIL[:-1] + OURS,
            id="a group",
        ),
    ],
)
def test_what_came_is_sent_on_as_it_came(raw: bytes, written: bytes) -> None:
    assert serialise(read(raw), "tg1.a.b") == written


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
def test_it_says_the_same_as_if_it_were_written_anew(
    body: dict[str, Any], chance: Any, ascii: bool, marks: Any
) -> None:
    body = {"messaging_product": "whatsapp", "text": {"body": "x"}} | body
    members = list(body.items())
    chance.shuffle(members)
    text = json.dumps(dict(members), ensure_ascii=ascii, separators=marks, indent=None if marks else 1)
    request = read(text.encode())
    written = serialise(request, "tg1.a.b")
    assert read_json(written) == read_json(serialise(replace(request, raw=b""), "tg1.a.b"))


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(HEAD + b'"t\\u006f":"16505551234","other":{"to":"16505551234"},' + TAIL, id="a key in escapes"),
        pytest.param(HEAD + b'"to" :"16505551234","other":{"to":"16505551234"},' + TAIL, id="a key before a space"),
        pytest.param(HEAD + b'"to":"+1 650 555 1234",' + TAIL, id="a number with its plus, as people write it"),
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
