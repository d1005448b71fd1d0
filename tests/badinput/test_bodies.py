"""B01 to B10, B12, B24, B29, B30, B34, B40: bodies that are none, that do not end, or that say what makes no sense."""

from __future__ import annotations

import gzip
import re
import threading
from typing import Any, Final

import orjson
import pytest

from tests.badinput.stage import DEADLINE_S, SEND, Stage, request
from tests.badinput.wire import Answer, exchange, read_answers
from tests.integration.edge.callers import NUMBER, signed, template

RIGHT: Final = orjson.dumps(template())
PAUSES, DECIDE = "/gateway/v1/pauses", f"/gateway/v1/decide?number={NUMBER}"
CLOCK, RULES = "/gateway/v1/testing/clock", "/gateway/v1/rules"
HALF: Final = RIGHT[:-1]

NO_JSON: Final = {
    "nothing": b"",
    "white space": b" \r\n\t",
    "half an object": HALF,
    "something behind it": RIGHT + b"x",
    "a second document": RIGHT + RIGHT,
    "a byte order mark": b"\xef\xbb\xbf" + RIGHT,
    "UTF-16": RIGHT.decode().encode("utf-16"),
    "UTF-32": RIGHT.decode().encode("utf-32"),
    "no UTF-8": HALF + b',"a":"\xff"}',
    "a surrogate as UTF-8": HALF + b',"a":"\xed\xa0\x80"}',
    "an overlong form": HALF + b',"a":"\xc0\xaf"}',
    "half a surrogate pair": HALF + b',"a":"\\ud800"}',
    "a pair the wrong way round": HALF + b',"a":"\\udc00\\ud800"}',
    "NaN": HALF + b',"a":NaN}',
    "minus infinity": HALF + b',"a":-Infinity}',
    "a number beyond a double": HALF + b',"a":1e400}',
    "a number of 5,000 digits": HALF + b',"a":' + b"9" * 5_000 + b"}",
    "a whole number beyond 64 bits": HALF + b',"a":18446744073709551616}',
    "a leading zero": HALF + b',"a":01}',
    "a plus": HALF + b',"a":+1}',
    "a hexadecimal number": HALF + b',"a":0x10}',
    "digits that are not ASCII": HALF + ',"a":١}'.encode(),
    "single quotes": RIGHT.replace(b'"', b"'"),
    "a comment": HALF + b",/* */}",
    "a comma at the end": HALF + b",}",
    "a control character in a string": HALF + b',"a":"\x01"}',
    "201 levels": HALF + b',"a":' + b"[" * 200 + b"]" * 200 + b"}",
    "100,000 levels": b"[" * 100_000,
    "30,000 levels of objects": b'{"a":' * 30_000,
    "a key twice": HALF + b',"to":"+16505550000"}',
    "a key twice, once escaped": HALF + b',"\\u0074o":"+16505550000"}',
    "a key twice, deep within": HALF + b',"a":[{"b":1,"b":2}]}',
    "a list": b"[" + RIGHT + b"]",
    "null": b"null",
    "a text": b'"x"',
}


@pytest.mark.parametrize("path", [SEND, DECIDE, PAUSES, CLOCK, RULES])
def test_what_is_no_strict_json_object_is_a_400(stage: Stage, path: str) -> None:
    for name, raw in NO_JSON.items():
        # A message may be larger than an order of the control plane, and more of it is looked at.
        method = "PUT" if path == RULES else "POST"
        got = stage.ask(request(method, path, raw, "Content-Type: application/json"))
        assert got.status in ((400, 413) if len(raw) > 65_536 else (400,)), name
    assert stage.left() == []


def changed(**parts: Any) -> bytes:
    return orjson.dumps(template(**parts))


ODD: Final = {
    "a number for the recipient": changed(to=16505551234),
    "a list for the recipient": changed(to=["+16505551234"]),
    "true for the recipient": changed(to=True),
    "an empty recipient": changed(to=""),
    "letters in the number": changed(to="+1-800-FLOWERS"),
    "two plus signs": changed(to="++16505551234"),
    "a line feed behind the number": changed(to="+16505551234\n"),
    "a zero-width space in the number": changed(to="+1650\u200b5551234"),
    "Arabic digits": changed(to="+١٦٥٠٥٥٥١٢٣٤"),
    "full-width digits": changed(to="＋１６５０５５５１２３４"),
    "an extension": changed(to="+16505551234;ext=5"),
    "a tel URI": changed(to="tel:+16505551234"),
    "a national trunk digit": changed(to="+49 (0) 170 1234567"),
    "16 digits": changed(to="+" + "1" * 16),
    "another user beside it": changed(recipient="US.13491208655302741918"),
    "a user id in to": changed(to="US.13491208655302741918"),
    "a user id that is too long": orjson.dumps(
        {**{k: v for k, v in template().items() if k != "to"}, "recipient": "US." + "9" * 129}
    ),
    "another product": changed(messaging_product="sms"),
    "a type that is none": changed(type="__proto__"),
    "a type that is no text": changed(type=1),
    "a template without a name": changed(template={"language": {"code": "en_US"}}),
    "a template name with a line feed": changed(template={"name": "a\nb", "language": {"code": "en_US"}}),
    "a template name of 513 characters": changed(template={"name": "x" * 513, "language": {"code": "en_US"}}),
    "a language that is no object": changed(template={"name": "a", "language": "en_US"}),
    "components that are no list": changed(
        template={"name": "a", "language": {"code": "en_US"}, "components": {"0": 1}}
    ),
    "callback data of 513 characters": changed(biz_opaque_callback_data="x" * 513),
    "callback data that is no text": changed(biz_opaque_callback_data={"a": 1}),
    "a key of the gateway's in the body": changed(access_token="tg_checkout"),
    "a message and a receipt in one": changed(status="read"),
}


def test_what_is_json_and_no_message_is_a_400_that_repeats_nothing(stage: Stage) -> None:
    for name, raw in ODD.items():
        got = stage.ask(request("POST", SEND, raw))
        assert got.status == 400, name
        assert got.headers["tidegate-verdict"] == "reject", name
        assert not re.search(rb"6505551234|FLOWERS|tg_checkout|1{9}|9{9}|x{9}", got.raw), name
    assert stage.left() == []


def test_what_is_not_known_is_passed_on_and_never_twice(stage: Stage) -> None:
    parts = {f"k{number}": number for number in range(2_000)} | {"__proto__": {"a": 1}, "constructor": "x"}
    texts = ["=cmd|' /C calc'!A0", "a\r\nb\tc     d", "\u202egnp.exe", "{{1}}", "\x00", "\ufeff"]
    body = changed(biz_opaque_callback_data="mine", more=parts, texts=texts)

    assert stage.ask(request("POST", SEND, body)).status == 200

    (left,) = stage.left()
    told = orjson.loads(left.body)
    assert (told["more"], told["texts"], told["to"]) == (parts, texts, "+16505551234")
    assert told["biz_opaque_callback_data"] != "mine"


def test_a_link_is_metas_to_read_and_nobody_here_opens_it(stage: Stage) -> None:
    links = [f"{stage.upstream.url}/secret", "http://169.254.169.254/latest", "file:///etc/passwd", "https://u:p@x/y"]
    for link in links:
        image = {"messaging_product": "whatsapp", "to": "+16505551234", "type": "image", "image": {"link": link}}
        assert stage.ask(request("POST", SEND, orjson.dumps(image))).status in (200, 400)

    assert not [left for left in stage.left() if not left.raw_path.startswith(SEND)]


LARGE: Final = {
    "a send": (SEND, 256 * 1024),
    "an order": (PAUSES, 64 * 1024),
    "a webhook": ("/webhooks/whatsapp", 3 * 1024 * 1024),
}


@pytest.mark.parametrize(("path", "most"), LARGE.values(), ids=LARGE)
def test_a_body_of_a_byte_too_many_is_a_413_however_it_comes(stage: Stage, path: str, most: int) -> None:
    body = b" " * (most + 1)
    more = [f"{name}: {value}" for name, value in signed(body).items()]
    whole = request("POST", path, body, *more)
    chunked = whole.replace(b"Content-Length: %d" % len(body), b"Transfer-Encoding: chunked")
    chunked = chunked.replace(body, b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
    announced = request("POST", path, b"", *more).replace(b"Content-Length: 0", b"Content-Length: 9999999999")

    for raw in (whole, chunked, announced):
        assert stage.ask(raw).status == 413
    assert stage.left() == []


def test_a_compressed_body_is_a_415_and_is_not_unpacked(stage: Stage) -> None:
    bomb = gzip.compress(b" " * 20_000_000)
    for path in (SEND, PAUSES, RULES, DECIDE):
        method = "PUT" if path == RULES else "POST"
        for coding in ("gzip", "deflate", "br", "identity, gzip", "x"):
            got = stage.ask(request(method, path, bomb[:30_000], f"Content-Encoding: {coding}"))
            assert got.status == 415, (path, coding)


SLOW: Final = {
    "a body that never comes": b"",
    "a body that stops": RIGHT[:20],
}


def test_a_body_that_does_not_come_is_a_408_and_ends_the_connection(stage: Stage) -> None:
    heads = [request("POST", path, b"x" * 90)[:-90] for path in (SEND, PAUSES, DECIDE)]
    chunked = [head.replace(b"Content-Length: 90", b"Transfer-Encoding: chunked") for head in heads]
    raws = [head + begun for head in heads for begun in SLOW.values()]
    # A chunk that is announced, a chunk extension that does not end, and no chunk at all.
    raws += [head + begun for head in chunked for begun in (b"5\r\nab", b"5;" + b"x" * 2_000, b"")]
    got: list[Answer] = []

    def one(raw: bytes) -> None:
        got.extend(read_answers(exchange(stage.port, raw, within_s=DEADLINE_S + 8)))

    threads = [threading.Thread(target=one, args=(raw,)) for raw in raws]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [answer.status for answer in got] == [408] * len(raws)
    assert stage.left() == []


def test_a_body_in_pieces_of_one_byte_is_one_body(stage: Stage) -> None:
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in RIGHT) + b"0\r\n\r\n"
    raw = request("POST", SEND, RIGHT).replace(b"Content-Length: %d" % len(RIGHT), b"Transfer-Encoding: chunked")

    assert stage.ask(raw.removesuffix(RIGHT) + chunks).status == 200
    endless = raw.removesuffix(RIGHT) + b"1\r\n \r\n" * 300_000
    assert stage.ask(endless).status in (408, 413)
    assert len(stage.left()) == 1


TIMES: Final = (
    *("9999-12-31T23:59:59Z", "2026-01-01T00:00:00", "2026-13-45T99:99:99Z", "1763000000000", "-1", "1e3", "١٢", "x"),
    *("2026-11-21T09:00:00+99:99", "31536000000", "0x10", "1_0", "60s", "+60", "6" * 100),
)


@pytest.mark.parametrize("name", ["Tidegate-Expires", "Tidegate-Not-Before"])
def test_a_time_that_makes_no_sense_is_a_400_that_names_the_header(stage: Stage, name: str) -> None:
    for text in TIMES:
        raw = request("POST", SEND, RIGHT, f"{name}: {text.encode().decode('latin-1')}")
        got = stage.ask(raw)
        assert got.status == 400, text
        assert name in got.error["error_data"]["details"], text
    assert stage.left() == []


@pytest.mark.parametrize("advance", [-1, 1e308, 2**63 - 1, "60", None, True, [], 10**12])
def test_time_is_not_moved_by_what_is_no_span(stage: Stage, advance: object) -> None:
    assert stage.ask(request("POST", CLOCK, orjson.dumps({"advance_s": advance}))).status == 400


def test_names_that_callers_choose_make_no_series_of_metrics(stage: Stage) -> None:
    _chooses_names(stage, range(10))
    # What is first done has its series from then on, whatever it is called.
    before = series(stage)

    _chooses_names(stage, range(10, 20))

    assert len(series(stage) - before) < 10


def _chooses_names(stage: Stage, numbers: range) -> None:
    for number in numbers:
        chosen = {"name": f"t{number}", "language": {"code": f"l{number}"}}
        stage.ask(
            request("POST", SEND, changed(template=chosen, to=f"+165055512{number:02d}"), f"User-Agent: a{number}")
        )
        stage.ask(request("GET", f"/gateway/v1/messages/m{number}"))
        stage.ask(request("GET", f"/v25.0/{NUMBER}/e{number}", b"", f"X-Request-Id: r{number}"))
    stage.left()


def series(stage: Stage) -> set[bytes]:
    told = stage.ask(request("GET", "/metrics", key=None)).raw
    return {line.rpartition(b" ")[0] for line in told.splitlines() if not line.startswith(b"#")}
