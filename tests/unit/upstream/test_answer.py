"""The head of an answer, found in what came: it is told as llhttp tells it, which has read every byte of it."""

from __future__ import annotations

import pytest
from httptools import HttpResponseParser
from hypothesis import example, given
from hypothesis import strategies as st

from tidegate.upstream.answer import is_measured, read_answer
from tidegate.upstream.headers import Wanted
from tidegate.upstream.outcomes import Response

LINE = b"HTTP/1.1 200 OK\r\n"
SIZED = LINE + b"X-Own: a\r\nContent-Length: 2\r\n"
OWN = {"X-Own": "a", "Content-Length": "2"}
ALL = Wanted(beginnings=[""])

NAMES = st.text("aB-_~", min_size=1, max_size=4).map(str.encode)
COLONS = st.sampled_from([b":", b": ", b":\t ", b" :"])
VALUES = st.lists(st.sampled_from([b"a", b" ", b"\t", b":", b"\xff", b"\x00", b"\r", b"\n", b"\r\n "]), max_size=4)
HEADERS = st.lists(st.tuples(NAMES, COLONS, VALUES.map(b"".join)), max_size=4)


class Listed:
    """What llhttp tells of the headers of one answer."""

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.is_whole = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_message_complete(self) -> None:
        self.is_whole = True


@given(HEADERS)
@example([(b"A", b":", b" a \t")])
def test_headers_are_those_that_llhttp_tells(headers: list[tuple[bytes, bytes, bytes]]) -> None:
    raw = LINE + b"".join(b"%b%b%b\r\n" % header for header in headers) + b"Content-Length: 0\r\n\r\n"
    listed = Listed()
    try:
        HttpResponseParser(listed).feed_data(raw)
    except Exception:
        return
    if not listed.is_whole:
        return
    answer = read_answer(200, raw, b"")
    told = ALL.picked(answer.head)
    assert told == {name.decode("latin-1"): value.decode("latin-1") for name, value in listed.headers}
    for name in told:
        wanted = Wanted(name.lower())
        assert wanted.stands_in(answer.head)
        assert wanted.picked(answer.head).items() <= told.items()


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(SIZED + b"\r\n{}", id="an answer"),
        pytest.param(SIZED + b"\r\n{}HTTP/1.1 500 No\r\nX-Other: b\r\n\r\n", id="and another"),
        pytest.param(SIZED + b"\r\n{}garbage\r\n\r\n", id="and garbage"),
        pytest.param(b"\r\n\r\n" + SIZED + b"\r\n{}", id="after breaks"),
        pytest.param(
            b"HTTP/1.1 100 Continue\r\nX-Other: b\r\n\r\n" + SIZED + b"\r\n{}", id="after word that it goes on"
        ),
        pytest.param(
            b"HTTP/1.1 199 x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + SIZED + b"\r\n{}",
            id="after word that has a body",
        ),
        pytest.param(b"HTTP/1.1 103 Hints\r\nLink: b\r\n\r\n" * 3 + SIZED + b"\r\n{}HTTP/1.1 2", id="between others"),
        pytest.param(SIZED.replace(b"200 OK", b"307 Go") + b"\r\n{}", id="a redirect"),
        pytest.param(SIZED.replace(b"1.1", b"1.0") + b"\r\n{}", id="HTTP/1.0"),
    ],
)
def test_a_head_is_the_answers_own(raw: bytes) -> None:
    answer = read_answer(200, raw, b"{}")
    assert ALL.picked(answer.head) == OWN


@pytest.mark.parametrize(
    ("head", "measured"),
    [
        pytest.param(LINE, False, id="nothing"),
        pytest.param(LINE + b"X-Content-Length: 2\r\n", False, id="a name that ends so"),
        pytest.param(LINE + b"content-LENGTH: 2\r\n", True, id="a length"),
        pytest.param(LINE + b"Transfer-encoding: chunked\r\n", True, id="chunks"),
    ],
)
def test_a_head_says_where_the_body_ends(head: bytes, measured: bool) -> None:
    assert is_measured(head + b"\r\n") is measured


def test_of_many_headers_those_that_are_asked_for_are_picked() -> None:
    head = LINE + b"X-Fb-Rev: 1\r\ncontent-Type: a;b\r\nAge: 1\r\nx-fb-two:2\r\nAge:  3\r\nMy-x-fb-: 9\r\n"
    answer = read_answer(200, head + b"\r\n{}", b"{}")
    assert answer.body == b"{}"
    assert Wanted("age", "content-type", "date").picked(answer.head) == {"Age": "3", "content-Type": "a;b"}
    assert Wanted(beginnings=["x-fb-", "ag"]).picked(answer.head) == {"X-Fb-Rev": "1", "x-fb-two": "2", "Age": "3"}
    assert Wanted("date", beginnings=["y-"]).picked(answer.head) == {}
    assert Wanted("date", beginnings=["cont"]).stands_in(answer.head)


def test_what_is_encoded_more_than_once_is_left_as_it_is() -> None:
    answer = read_answer(200, LINE + b"Content-Encoding: gzip\r\ncontent-encoding: br\r\n\r\n?", b"?")
    assert answer.body == b"?"


def test_whom_an_answer_names_is_shown_nowhere() -> None:
    answer = Response(200, LINE + b"Link: +15550100001", b'{"wa_id":"15550100001"}')
    assert repr(answer) == "Response(status=200)"
