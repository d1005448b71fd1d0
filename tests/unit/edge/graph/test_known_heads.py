"""The head of a send is known by what is the same each time, and says what the parser would have read."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from tidegate.cloudapi.vocabulary import Category
from tidegate.edge.graph.arrivals import SendHead
from tidegate.edge.graph.known_heads import KnownHeads
from tidegate.edge.graph_paths import read_target

TRACE = f"00-{'a' * 32}-{'b' * 16}-01"
LINES = ("Host: x", "Authorization: Bearer tg_one", "Tidegate-Category: utility", "Content-Length: 12")
OWN = ("Idempotency-Key: one", f"traceparent: {TRACE}", "X-Request-Id: 1")
PATH = "/v25.0/1/messages"


def head(*lines: str) -> bytes:
    return "\r\n".join((f"POST {PATH} HTTP/1.1", *lines)).encode("latin-1")


def knowing(*lines: str) -> KnownHeads:
    heads, target = KnownHeads(100), read_target(PATH)
    assert target is not None
    given = CIMultiDict[str]()
    for line in lines:
        name, _, value = line.partition(":")
        given.add(name, value.strip())
    heads.learn(head(*lines), CIMultiDictProxy(given), target, "hash")
    return heads


def told(known: SendHead | None) -> tuple[int, str | None, str | None, str]:
    assert known is not None
    assert known.options is not None
    assert known.options.wishes.category is Category.UTILITY
    assert (known.key_hash, repr(known)) == ("hash", "SendHead()")
    return known.length, known.options.idempotency_key, known.options.headers.get("traceparent"), known.request_id


@pytest.mark.parametrize(
    ("learned", "lines", "expected"),
    [
        pytest.param(LINES, LINES, (12, None, None, ""), id="the very same"),
        pytest.param(LINES, (*LINES[:3], "Content-Length: 100"), (100, None, None, ""), id="a longer body"),
        pytest.param((*LINES, *OWN), (*LINES, *OWN), (12, "one", TRACE, "1"), id="the same, of one request"),
        pytest.param(
            (*LINES, *OWN),
            (*LINES[:3], "Content-Length: 0", "Idempotency-Key: a b", "traceparent: broken", "X-Request-Id: 2 "),
            (0, "a b", None, "2"),
            id="another of each",
        ),
        pytest.param((*LINES, *OWN), (*LINES, *OWN[:2], "X-Request-Id: a b"), (12, "one", TRACE, ""), id="no id"),
        pytest.param(
            (*OWN[:1], *LINES), ("Idempotency-Key: two", *LINES), (12, "two", None, ""), id="a key before all else"
        ),
    ],
)
def test_it_says(learned: tuple[str, ...], lines: tuple[str, ...], expected: tuple[object, ...]) -> None:
    assert told(knowing(*learned).find(head(*lines))) == expected


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param((*LINES, *OWN, "Accept: */*"), id="one line more"),
        pytest.param((*LINES, *OWN[:2]), id="one line less"),
        pytest.param((*LINES, *OWN, OWN[0]), id="two keys"),
        pytest.param((*LINES, OWN[1], OWN[0], OWN[2]), id="another order"),
        pytest.param((*LINES, "idempotency-key: one", *OWN[1:]), id="another spelling"),
        pytest.param((*LINES, "Idempotency-Key:one", *OWN[1:]), id="no blank behind the colon"),
        pytest.param((*LINES, "Idempotency-Key: ", *OWN[1:]), id="no key"),
        pytest.param((*LINES, 'Idempotency-Key: "one"', *OWN[1:]), id="a key in quotes"),
        pytest.param((*LINES, "Idempotency-Key: one ", *OWN[1:]), id="a key with a blank behind it"),
        pytest.param((*LINES, f"Idempotency-Key: {'x' * 256}", *OWN[1:]), id="a key that is too long"),
        pytest.param((*LINES, "Idempotency-Key: \xe9", *OWN[1:]), id="a key that is no ASCII"),
        pytest.param((*LINES, "Idempotency-Key: one\r\n two", *OWN[1:]), id="a line that goes on"),
        pytest.param((*LINES, "Idempotency-Key: one\n", *OWN[1:]), id="a line that ends otherwise"),
        pytest.param((LINES[0], "Authorization: Bearer tg_two", *LINES[2:], *OWN), id="another key of an app"),
        pytest.param((*LINES[:2], "Tidegate-Category: marketing", LINES[3], *OWN), id="another wish"),
        pytest.param((*LINES[:3], "Content-Length: 101", *OWN), id="a body that is too long"),
        pytest.param((*LINES[:3], "Content-Length: 012", *OWN), id="a length with a nought before it"),
        pytest.param((*LINES[:3], "Content-Length: 1 2", *OWN), id="two lengths"),
        pytest.param((*LINES[:3], "Content-Length\0Idempotency-Key: one", *OWN[1:]), id="the mark of a cut"),
    ],
)
def test_another_is_left_to_the_parser(lines: tuple[str, ...]) -> None:
    assert knowing(*LINES, *OWN).find(head(*lines)) is None


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param((*LINES, "Idempotency-Key:one"), id="a key without a blank before it"),
        pytest.param((*LINES, "Idempotency-Key: one\t"), id="a key with a tab behind it"),
        pytest.param((*LINES, OWN[0], OWN[0]), id="two keys"),
        pytest.param((*LINES, "Idempotency-Key: one\r\n two"), id="a line that goes on"),
        pytest.param((*LINES, OWN[0], "Tidegate-Expires: 60"), id="a wish that rests on the time"),
    ],
)
def test_one_that_would_pass_for_another_is_not_kept(lines: tuple[str, ...]) -> None:
    heads = knowing(*lines)
    assert (heads.find(head(*lines)), heads.find(head(*lines[:-1], "Idempotency-Key: two"))) == (None, None)


def test_no_more_are_kept_than_there_may_be() -> None:
    heads, first = knowing(*LINES), head(*LINES)
    target, headers = read_target(PATH), CIMultiDictProxy(CIMultiDict({"Content-Length": "12"}))
    assert target is not None
    for number in range(1_024):
        heads.learn(head(f"Host: {number}", "Content-Length: 12"), headers, target, "hash")

    assert heads.find(first) is None
    assert heads.find(head("Host: 1023", "Content-Length: 12")) is not None
