"""Strict JSON reads a text in one way or not at all, and its fast check is as exact as the slow one."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tidegate.cloudapi.json_text import MAX_DEPTH, BadJson, has_more_parts, read_json

UNREADABLE = {
    "nothing at all": b"",
    "white space only": b" \n",
    "an object that is not closed": b'{"a":',
    "something after the document": b"{} x",
    "a second document": b"{}{}",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": "{}".encode("utf-16"),
    "UTF-16 without a mark": '{"a":1}'.encode("utf-16-le"),
    "a byte that is not UTF-8": b'{"a":"\xff"}',
    "a surrogate written as UTF-8": b'{"a":"\xed\xa0\x80"}',
    "NaN": b'{"a":NaN}',
    "Infinity": b'{"a":-Infinity}',
    "half a surrogate pair": b'{"a":"\\ud800"}',
    "halves of a pair in the wrong order": b'{"a":"\\ude00\\ud83d"}',
    "a line break within a string": b'{"a":"\n"}',
    "a comma too many": b"[1,]",
    "single quotes": b"{'a':1}",
    "a number with a leading zero": b"[01]",
    "an integer of 5,000 digits": b"[" + b"9" * 5000 + b"]",
    "a number beyond every double": b"[1e400]",
    "an unsigned integer of 65 bits": b"[18446744073709551616]",
    "a signed integer of 65 bits": b"[-9223372036854775809]",
    "an integer of 21 digits": b"[100000000000000000000]",
    "100,000 open lists": b"[" * 100_000,
    "100,000 lists": b"[" * 100_000 + b"]" * 100_000,
    "one level too many": b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
    "a key twice": b'{"a":1,"a":2}',
    "a key twice with the same value": b'{"a":1,"a":1}',
    "a key twice, once with an escape": b'{"a":1,"\\u0061":2}',
    "a key twice in an object within a list": b'{"a":[{"b":1,"b":2}]}',
    "a key twice in an object that is itself replaced": b'{"a":{"b":1,"b":2},"a":3}',
    "a key twice, hidden by an escaped colon": b'{"a":1,"a":"\\u003a"}',
    "a key twice, hidden by an escaped colon in capitals": b'{"a":1,"a":"\\u003A"}',
    "a key twice, with colons in strings": b'{"a":"::","a":"http://x"}',
    "a key that is a colon, twice": b'{":":1,":":2}',
    "a key twice, between keys that differ by a space": b'{"a b": 1, "ab": 1, "a b": 1}',
    "an integer of 21 digits among spaces": b'{"a": 1, "b": [ 100000000000000000000 ]}',
}

READABLE = {
    "an object": (b'{"a":1}', {"a": 1}),
    "colons in keys and values": (b'{":":"a:b","http://":[":"]}', {":": "a:b", "http://": [":"]}),
    "an escaped colon": (b'{"a":"\\u003a","b":1}', {"a": ":", "b": 1}),
    "an escape that only looks like one": (b'{"a":"\\\\u003a"}', {"a": "\\u003a"}),
    "the largest integer": (b"[18446744073709551615]", [2**64 - 1]),
    "the smallest integer": (b"[-9223372036854775808]", [-(2**63)]),
    "many digits within a string": (b'["99999999999999999999999"]', ["9" * 23]),
    "many digits behind the point": (b"[0.12345678901234567890123]", [0.12345678901234567890123]),
    "the same key in two objects": (b'[{"a":1},{"a":2}]', [{"a": 1}, {"a": 2}]),
    "keys that differ by a space": (b'{"a b": 1, "ab": 1, "": 2, " ": 3}', {"a b": 1, "ab": 1, "": 2, " ": 3}),
    "a pair of surrogates": (b'["\\ud83d\\ude00"]', ["\U0001f600"]),
    "white space everywhere": (b' { "a" : [ 1 , 2 ] } \r\n', {"a": [1, 2]}),
    "a bare string": (b'"a"', "a"),
    "more brackets than levels": (b"[" + b"[]," * 300 + b"{}]", [*([[]] * 300), {}]),
}


@pytest.mark.parametrize("raw", UNREADABLE.values(), ids=UNREADABLE)
def test_is_refused(raw: bytes) -> None:
    with pytest.raises(BadJson):
        read_json(raw)


@pytest.mark.parametrize(("raw", "document"), READABLE.values(), ids=READABLE)
def test_is_read(raw: bytes, document: object) -> None:
    assert read_json(raw) == document


@pytest.mark.parametrize("padding", [b"", b"[]," * 300], ids=["alone", "beside many shallow lists"])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")], ids=["lists", "objects"])
def test_the_deepest_document_allowed_is_read(opening: bytes, closing: bytes, padding: bytes) -> None:
    def nested(levels: int) -> bytes:
        """That many levels: the list around it, those of `opening`, and the list within."""
        inner = levels - 2
        return b"[" + padding + opening * inner + b"[]" + closing * inner + b"]"

    read_json(nested(MAX_DEPTH))
    with pytest.raises(BadJson, match="200 levels"):
        read_json(nested(MAX_DEPTH + 1))


def test_a_refusal_neither_quotes_nor_carries_the_text() -> None:
    with pytest.raises(BadJson) as caught:
        read_json(b'{"to":"+16505551234",')
    assert "6505551234" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def _pairs(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    keys = st.sampled_from(['"a"', '"b"', '"a "', '" a"', '":"', '"\\u0061"', '"\\u003a"', '"\\u003A"', '"\\\\u003a"'])
    members = st.lists(st.tuples(keys, children), max_size=4)
    spaces = st.sampled_from(["", " ", "\n  "])
    return st.builds(
        lambda pairs, space: "{" + f",{space}".join(f"{key}:{space}{value}" for key, value in pairs) + "}",
        members,
        spaces,
    )


_leaves = st.sampled_from(['":"', '"a:b"', '"a b"', '"\\u003a"', '"\\":\\""', "1", "null", "1.5", "true", '"\\\\"'])
documents = st.recursive(
    _leaves,
    lambda children: _pairs(children) | st.lists(children, max_size=3).map(lambda items: f"[{','.join(items)}]"),
    max_leaves=12,
)


def _gives_a_key_twice(text: str) -> bool:
    found = False

    def look(pairs: list[tuple[str, Any]]) -> None:
        nonlocal found
        found |= len(dict(pairs)) < len(pairs)

    json.loads(text, object_pairs_hook=look)
    return found


@given(documents)
@example('{"a":1,"a":"\\u003a"}')
@example('{"a":":","a":"\\u003a\\u003a"}')
def test_a_document_is_refused_exactly_when_a_key_is_given_twice(text: str) -> None:
    if _gives_a_key_twice(text):
        with pytest.raises(BadJson, match="twice"):
            read_json(text.encode())
    else:
        assert read_json(text.encode()) == json.loads(text)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        document = read_json(raw)
    except BadJson:
        return
    assert document == json.loads(raw)


@given(st.integers())
def test_an_integer_is_read_exactly_or_refused(number: int) -> None:
    raw = str(number).encode()
    if -(2**63) <= number < 2**64:
        document = read_json(raw)
        assert document == number
        assert isinstance(document, int)
    else:
        with pytest.raises(BadJson):
            read_json(raw)


@pytest.mark.parametrize(
    ("raw", "parts"),
    [
        pytest.param(b'[{"a":[]},{}]', 5, id="objects, lists and strings"),
        pytest.param(b'["[[[[{{{{"]', 2, id="what stands within a string is none"),
        pytest.param(b'["\\"[[[[\\"{{"]', 2, id="an escaped quotation mark ends no string"),
        pytest.param(b'["[[\\\\",[]]', 3, id="an escaped backslash escapes nothing"),
        pytest.param(b'["a","b","c","d"]', 5, id="strings alone"),
    ],
)
def test_parts_are_counted_without_reading(raw: bytes, parts: int) -> None:
    assert not has_more_parts(raw, parts)
    assert has_more_parts(raw, parts - 1)
    assert has_more_parts(raw, 1)
