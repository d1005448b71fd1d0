"""B38: an upstream that answers what Meta would not. No answer of a send's is taken for more than it proves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import orjson
import pytest

from tests.badinput.stage import CANARY, SEND, Stage, request
from tests.integration.edge.callers import NUMBER, accepted, template

OK: Final = b"HTTP/1.1 200 OK\r\n"
TYPE: Final = b"Content-Type: application/json\r\n"
TAKEN: Final = orjson.dumps(accepted())


def sized(body: bytes, *heads: bytes) -> bytes:
    return OK + TYPE + b"".join(heads) + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


#: What proves nothing, so that nobody may send it again.
UNPROVEN: Final = {
    "an answer that is no HTTP": b"what?\r\n\r\n",
    "half a head": OK + b"Content-Le",
    "less than it announced": OK + TYPE + b"Content-Length: 9999\r\n\r\n" + TAKEN,
    "a chunk that is none": OK + TYPE + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + TAKEN,
    "an answer of 300 kB": sized(b'{"a":"' + b"x" * 300_000 + b'"}'),
    "HTML": OK + b"Content-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
    "nothing": sized(b""),
    "a message without an id": sized(b'{"messages":[{}]}'),
    "an id with a line feed": sized(TAKEN.replace(b"wamid.", b"wamid.\\n")),
    "an id of 600 characters": sized(TAKEN.replace(b"wamid.", b"wamid." + b"A" * 600)),
    "an id of another kind": sized(TAKEN.replace(b"wamid.", b"abc.")),
    "JSON that is cut off": sized(TAKEN[:-3]),
    "100,000 levels": sized(b"[" * 100_000),
    "a redirect to another host": b"HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    "a fault without an error": b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nbad",
}


@pytest.fixture
def hostile(stage: Stage) -> Iterator[Stage]:
    yield stage
    stage.upstream.scripted = None


def test_an_answer_that_proves_nothing_is_told_as_unknown_and_sent_once(hostile: Stage) -> None:
    for number, (name, scripted) in enumerate(UNPROVEN.items()):
        hostile.upstream.scripted = scripted
        body = orjson.dumps(template(to=f"+1650555{4000 + number}"))

        got = hostile.ask(request("POST", SEND, body))

        assert (got.status, got.headers["tidegate-verdict"]) == (200, "unknown"), name
        assert len(hostile.left()) == 1, name


def test_an_answer_that_is_passed_on_brings_no_header_that_splits_it(hostile: Stage) -> None:
    hostile.upstream.scripted = sized(b"{}", b"X-A: b\rX-Forged: c\r\n", f"Set-Cookie: {CANARY}\r\n".encode())

    received = hostile.send(request("GET", f"/v25.0/{NUMBER}"))

    assert b"X-Forged" not in received
    assert CANARY.encode() not in received
    hostile.left()
