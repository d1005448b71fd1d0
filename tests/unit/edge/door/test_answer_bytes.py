"""An answer in one piece is what aiohttp would have written of it."""

from __future__ import annotations

import pytest

from tidegate.edge.door.answer_bytes import answer_bytes
from tidegate.edge.replies import Reply


def test_it_has_its_own_headers_and_those_of_every_answer():
    raw = answer_bytes(Reply(200, {"Content-Type": "application/json"}, b'{"a":1}'), "id-1", False)

    head, _, body = raw.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert (status, body) == ("HTTP/1.1 200 OK", b'{"a":1}')
    assert headers.pop("Date").endswith(" GMT")
    assert headers == {
        "Content-Type": "application/json",
        "Content-Length": "7",
        "X-Request-Id": "id-1",
        "Server": "tidegate",
    }


@pytest.mark.parametrize(
    ("headers", "closes"), [({}, True), ({"Connection": "close"}, True), ({"Connection": "close"}, False)]
)
def test_it_says_once_that_it_is_the_last_one(headers: dict[str, str], closes: bool):
    assert answer_bytes(Reply(503, headers, b""), "1", closes).count(b"\r\nConnection: close\r\n") == 1


def test_a_status_that_has_no_name_is_a_status():
    assert answer_bytes(Reply(599, {}, b""), "1", False).startswith(b"HTTP/1.1 599 \r\n")


def test_what_is_no_utf8_is_left_out():
    assert b"\r\nX-FB-Debug: ab\r\n" in answer_bytes(Reply(200, {"X-FB-Debug": "a\udcffb"}, b""), "1", False)


@pytest.mark.parametrize("text", ["a\r\nX: b", "a\nb", "a\rb", "a\0b", "\r\n\r\n"])
@pytest.mark.parametrize("place", ["name", "value", "id"])
def test_a_header_that_would_be_several_is_never_written(text: str, place: str):
    headers = {text if place == "name" else "X-A": text if place == "value" else "a"}
    with pytest.raises(ValueError, match="what ends a header"):
        answer_bytes(Reply(200, headers, b""), text if place == "id" else "1", False)
