"""B13 to B15: two readers of the same bytes never see two requests. What is not one well-framed request is none.

Tried with both of aiohttp's parsers: most of what its advisories tell of was in the one written in Python
(CVE-2023-37276, -47627, -47641, 2024-23829, -52304, 2025-53643, -69224, -69229, 2026-34520, -54277).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import orjson
import pytest

from tests.badinput.stage import CANARY, SEND, Stage, a_stage
from tests.integration.edge.callers import CHECKOUT, template

BODY: Final = orjson.dumps(template())
SIZE: Final = len(BODY)
CHUNKED: Final = b"Transfer-Encoding: chunked"
CHUNKS: Final = b"%x\r\n%s\r\n0\r\n\r\n" % (SIZE, BODY)
LENGTH: Final = b"Content-Length: %d" % SIZE
#: What an attacker hides in a body, to be read as a request of somebody else's.
HIDDEN: Final = f"POST {SEND} HTTP/1.1\r\nHost: gate\r\nAuthorization: Bearer {CHECKOUT}\r\n\r\n".encode()


def sent(*heads: bytes, body: bytes = BODY, version: bytes = b"HTTP/1.1", target: bytes = SEND.encode()) -> bytes:
    """A send with these headers beside those that it needs."""
    first = b"POST %s %s" % (target, version)
    needed = [b"Host: gate", b"Authorization: Bearer " + CHECKOUT.encode(), b"Content-Type: application/json"]
    return b"\r\n".join([first, *needed, *heads, b"Connection: close", b"", b""]) + body


MANY: Final = [b"X-%d: %s" % (number, CANARY.encode()) for number in range(200)]

BADLY_FRAMED: Final = {
    "a length, then chunks (CL.TE)": sent(LENGTH, CHUNKED, body=CHUNKS + HIDDEN),
    "chunks, then a length (TE.CL)": sent(CHUNKED, b"Content-Length: 4", body=CHUNKS + HIDDEN),
    "two different lengths": sent(LENGTH, b"Content-Length: 5"),
    "the same length twice": sent(LENGTH, LENGTH),
    "a list of lengths": sent(b"Content-Length: %d, %d" % (SIZE, SIZE)),
    "a length with a plus": sent(b"Content-Length: +%d" % SIZE),
    "a negative length": sent(b"Content-Length: -1"),
    "a length in Arabic digits": sent("Content-Length: ٣".encode()),
    "a hexadecimal length": sent(b"Content-Length: 0x10"),
    "a length with an underscore": sent(b"Content-Length: 1_0"),
    "a length of two words": sent(b"Content-Length: 1 0"),
    "an empty length": sent(b"Content-Length:"),
    "a length beyond 64 bits": sent(b"Content-Length: " + b"9" * 40),
    "a coding that is none": sent(b"Transfer-Encoding: xchunked", body=CHUNKS),
    "chunks, and then another coding": sent(b"Transfer-Encoding: chunked, identity", body=CHUNKS),
    "another coding, and then chunks": sent(b"Transfer-Encoding: gzip, chunked", body=CHUNKS),
    "no coding, and a length": sent(b"Transfer-Encoding: identity", LENGTH),
    "two codings": sent(CHUNKED, CHUNKED, body=CHUNKS),
    "a coding behind a vertical tab": sent(b"Transfer-Encoding:\x0bchunked", body=CHUNKS),
    "a quoted coding": sent(b'Transfer-Encoding: "chunked"', body=CHUNKS),
    "a coding on a folded line": sent(b"Transfer-Encoding:\r\n chunked", body=CHUNKS),
    "a folded line": sent(LENGTH, b"X-A: b\r\n c"),
    "a folded first line": sent(LENGTH).replace(b"Host: gate", b" Host: gate"),
    "a space before the colon": sent(b"Content-Length : %d" % SIZE),
    "a line without a colon": sent(LENGTH, CANARY.encode()),
    "a header without a name": sent(LENGTH, b": " + CANARY.encode()),
    "bare line feeds": sent(LENGTH).replace(b"\r\n", b"\n"),
    "one bare line feed": sent(LENGTH, b"X-A: b\nX-B: " + CANARY.encode()),
    "a bare carriage return": sent(LENGTH, b"X-A: b\rX-B: " + CANARY.encode()),
    "a NUL in a value": sent(LENGTH, b"X-A: b\0" + CANARY.encode()),
    "a NUL in a name": sent(LENGTH, b"X\0A: " + CANARY.encode()),
    "two hosts": sent(LENGTH, b"Host: evil"),
    "no host": sent(LENGTH).replace(b"Host: gate\r\n", b""),
    "a chunk extension that ends in a bare line feed": sent(CHUNKED, body=CHUNKS.replace(b"\r\n", b";a\n", 1)),
    "chunks that end in bare line feeds": sent(CHUNKED, body=CHUNKS.replace(b"\r\n", b"\n")),
    "a negative chunk": sent(CHUNKED, body=b"-1\r\n" + BODY),
    "a chunk beyond 64 bits": sent(CHUNKED, body=b"f" * 17 + b"\r\n" + BODY),
    "a chunk with a prefix": sent(CHUNKED, body=b"0x" + CHUNKS),
    "a chunk with an underscore": sent(CHUNKED, body=b"1_0\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a chunk without a size": sent(CHUNKED, body=b"\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a chunk that is longer than it says": sent(CHUNKED, body=b"5\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "200 headers": sent(LENGTH, *MANY),
    "200 trailers": sent(CHUNKED, body=CHUNKS[:-2] + b"\r\n".join([*MANY, b"", b""])),
    "a header of 9 kB": sent(LENGTH, b"X-A: " + CANARY.encode() * 900),
    "a path of 9 kB": sent(LENGTH, target=SEND.encode() + b"?" + CANARY.encode() * 900),
    "a space in the path": sent(LENGTH, target=b"/v25.0/1 /messages"),
    "a request behind one that ends the connection": sent(LENGTH) + HIDDEN,
    "chunks by HTTP/1.0": sent(CHUNKED, body=CHUNKS, version=b"HTTP/1.0"),
    "HTTP/0.9": b"GET /healthz\r\n\r\n",
    "HTTP/1.2": sent(LENGTH, version=b"HTTP/1.2"),
    "HTTP/2.0": sent(LENGTH, version=b"HTTP/2.0"),
    "a version of three parts": sent(LENGTH, version=b"HTTP/1.1.1"),
    "a version in small letters": sent(LENGTH, version=b"http/1.1"),
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + CANARY.encode() + b"\r\n\r\n",
    "an absolute target": sent(LENGTH, target=b"http://graph.facebook.com" + SEND.encode()),
    "a target that is an authority": b"CONNECT graph.facebook.com:443 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "a star as target": b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "a target without a slash": sent(LENGTH, target=SEND.encode()[1:]),
    "a method with a slash": sent(LENGTH).replace(b"POST", b"PO/ST", 1),
    "a tab between method and target": sent(LENGTH).replace(b"POST ", b"POST\t", 1),
}

#: What the parser written in Python tells apart otherwise than the other one, to nobody's harm.
WELL_FRAMED: Final = {
    "a length": sent(LENGTH),
    "chunks": sent(CHUNKED, body=CHUNKS),
    "chunks in capitals": sent(b"Transfer-Encoding: CHUNKED", body=CHUNKS),
    "a chunk extension": sent(CHUNKED, body=CHUNKS.replace(b"\r\n", b";a=b\r\n", 1)),
    "a trailer, which is not read": sent(CHUNKED, body=CHUNKS[:-2] + b"X-A: b\r\n\r\n"),
    "a wish for HTTP/2, which is not granted": sent(LENGTH, b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQ"),
}


@pytest.fixture(scope="module")
def python_stage() -> Iterator[Stage]:
    """A node that has to do without the parser written in C."""
    with a_stage(environment={"AIOHTTP_NO_EXTENSIONS": "1"}) as made:
        yield made


@pytest.fixture(params=["the parser in C", "the parser in Python"])
def parsing_stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A node with each of the two parsers."""
    in_c = request.param == "the parser in C"
    made = request.getfixturevalue("shared_stage" if in_c else "python_stage")
    made.left()
    yield made
    # The other parser's faults come to light while what is left of a body is passed over, and aiohttp logs those.
    made.check_health(logs=in_c)


def test_what_is_badly_framed_is_refused_and_goes_nowhere(parsing_stage: Stage) -> None:
    for name, raw in BADLY_FRAMED.items():
        answers = parsing_stage.answers(raw)

        # A length beyond all bounds is a body that is too long, or one that does not come, to the slower parser.
        assert [answer.status for answer in answers] in ([400], [413], [408]), name
        assert parsing_stage.left() == [], name


def test_what_is_well_framed_leaves_as_one_request(parsing_stage: Stage) -> None:
    for name, raw in WELL_FRAMED.items():
        answer = parsing_stage.ask(raw)

        assert answer.status == 200, name
        (left,) = parsing_stage.left()
        assert orjson.loads(left.body)["to"] == "+16505551234", name
        assert left.header("Transfer-Encoding") is None, name


def test_what_is_cut_at_any_place_is_no_other_request(stage: Stage) -> None:
    raw = sent(CHUNKED, body=CHUNKS)
    for cut in range(1, len(raw), 7):
        assert stage.send(raw[:cut], ends=True) == b"" or cut == len(raw), cut
        assert stage.left() == [], cut


def test_what_comes_byte_by_byte_is_the_same_request(stage: Stage) -> None:
    raw = sent(CHUNKED, body=CHUNKS)

    assert stage.ask(raw, pieces=len(raw)).status == 200
    assert len(stage.left()) == 1


def test_requests_on_one_connection_are_answered_in_order_however_many_come_at_once(stage: Stage) -> None:
    # CVE-2026-54273: pipelined requests were read without end.
    several = b"".join(
        b"GET /gateway/v1/messages/%d HTTP/1.1\r\nHost: x\r\nX-Request-Id: %d\r\n\r\n" % (n, n) for n in range(300)
    )
    last = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

    answers = stage.answers(several + last)

    assert [answer.headers["x-request-id"] for answer in answers[:-1]] == [str(number) for number in range(300)]
    assert [answer.status for answer in answers] == [401] * 300 + [200]


def test_a_connection_that_wished_to_be_upgraded_is_read_on(stage: Stage) -> None:
    wish = b"GET /healthz HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    last = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

    assert [answer.status for answer in stage.answers(wish + last)] == [200, 200]


@pytest.mark.parametrize("host", ["", "a b@c/d", "[::1", "gate:99999999", "\xff\xfe"])
def test_a_host_that_is_none_leads_nowhere_else(stage: Stage, host: str) -> None:
    raw = f"GET /v25.0/106540352242922 HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n"
    raw += f"Authorization: Bearer {CHECKOUT}\r\n\r\n"

    assert stage.ask(raw.encode("latin-1")).status in (200, 400)
    assert {left.header("Host") for left in stage.left()} <= {stage.upstream.url.removeprefix("http://")}
