"""B16, B28, B33, B37: a path is what is registered, letter by letter; and headers do not lead elsewhere."""

from __future__ import annotations

from typing import Final

import orjson
import pytest

from tests.badinput.stage import CANARY, SEND, Stage, request
from tests.integration.edge.callers import NUMBER, OPERATOR, OTHER_NUMBER, VERIFY_TOKEN, template

BODY: Final = orjson.dumps(template())

#: Each of them in the place of a phone_number_id.
NO_IDS: Final = (
    *("..%2f..%2fme", "%2e%2e", "..", ".", "%00", f"{NUMBER}%00", f"{NUMBER}%0d%0aX-A:%20b", f"{NUMBER};a=b"),
    *(
        f"{NUMBER}%2fmessages%3f",
        "%252e%252e",
        "%D9%A1%D9%A2%D9%A3%D9%A4%D9%A5",
        "%EF%BC%91%EF%BC%92",
        "1_0",
        "+1",
        "-1",
    ),
    *(f"{NUMBER}\t", f"{NUMBER}\\..", "me", "app", "1" * 21, "", f"%31{NUMBER[1:]}", "999999999999999", "%zz", "%"),
    *(f"{NUMBER}/..", f"{NUMBER}/.", f"{NUMBER}//", f"../{NUMBER}", f"{OTHER_NUMBER}/../{NUMBER}", f"{NUMBER}/%2e%2e"),
)

CONTROL: Final = (
    *("/%67ateway/v1/queue", "/gatewa%79/v1/queue", "/gateway%2fv1/queue", "//gateway/v1/queue", "/./gateway/v1/queue"),
    *(
        "/gateway/v1/../v1/queue",
        "/gateway/v1/%2e%2e/v1/queue",
        "/gateway/v1/queue;x=1",
        "/gateway/v1/queue/",
        "/gateway",
    ),
    *(f"/v25.0/{NUMBER}/../../gateway/v1/queue", "/GATEWAY/v1/queue", "/gateway/v1/queue%00", "/gateway\\v1\\queue"),
    *("/gateway/v1/messages/a%0d%0ab", "/gateway/v1/portfolios/..%2flucky-shrub/capacity", "/%77ebhooks/whatsapp"),
)


def test_a_path_that_is_no_registered_number_is_not_found_and_tells_nobody_why(stage: Stage) -> None:
    # An app of several accounts: to one of a single account, an id that is not known here may be one of its media.
    nobodys = stage.ask(request("GET", "/v25.0/999999999999999/messages", key=OPERATOR))
    for no_id in NO_IDS:
        path = f"/v25.0/{no_id}/messages"
        refused = 400 if "\t" in path else 404
        assert stage.ask(request("POST", path, BODY)).status == refused, path
        looked = stage.ask(request("GET", path, key=OPERATOR))
        assert looked.status == refused, path
        assert refused == 400 or looked.raw == nobodys.raw, path
    assert stage.left() == []


@pytest.mark.parametrize("path", CONTROL)
def test_another_spelling_of_a_path_of_ours_is_not_found(stage: Stage, path: str) -> None:
    # What stands before the gateway decides by the path who may reach what.
    assert stage.ask(request("GET", path)).status == 404
    assert stage.left() == []


@pytest.mark.parametrize("path", ["/gateway/v1/messages/{}", "/v25.0/{}/messages", "/{}", "/webhooks/whatsapp?a={}"])
def test_a_path_or_query_of_bytes_that_are_no_text_is_a_4xx(stage: Stage, path: str) -> None:
    for odd in ("%ff%fe", "%ed%a0%80", "%c3%28", "\xff\xfe", "\xc3\xa9", "\x7f", "%00", "a%0d%0ab"):
        assert 400 <= stage.ask(request("GET", path.format(odd))).status < 500, odd
    assert stage.left() == []


@pytest.mark.parametrize(
    "days", ["%D9%A1", "%EF%BC%91", "1_0", "+1", "-1", "1.0", "1e1", "0x1", "%201", "9" * 5_000, "", "%ff"]
)
def test_a_number_is_of_ascii_digits_and_in_its_bounds(stage: Stage, days: str) -> None:
    assert stage.ask(request("GET", f"/gateway/v1/quality?days={days}")).status == 400


@pytest.mark.parametrize("method", ["PUT", "PATCH", "HEAD", "OPTIONS", "TRACE", "PROPFIND"])
def test_a_method_that_a_path_has_not_is_a_405(stage: Stage, method: str) -> None:
    got = stage.ask(request(method, "/gateway/v1/queue"))

    assert (got.status, got.headers["allow"]) == (405, "GET")


def test_no_header_makes_it_another_method_or_another_caller(stage: Stage) -> None:
    override = ("X-HTTP-Method-Override: DELETE", "X-HTTP-Method: DELETE", "X-Method-Override: DELETE")
    spoofed = ("X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1", "Forwarded: for=127.0.0.1")

    got = stage.ask(request("GET", f"/v25.0/{NUMBER}", b"", *override, *spoofed, "X-Forwarded-Host: evil"))

    assert got.status == 200
    (left,) = stage.left()
    assert left.method == "GET"
    names = {name.lower() for name, _ in left.headers}
    assert not names & {line.partition(":")[0].lower() for line in (*override, *spoofed, "X-Forwarded-Host:")}


def test_what_would_forge_a_line_of_the_log_stands_in_none(stage: Stage) -> None:
    before = stage.log.read_bytes().count(b"\n")
    forged = f'%0a{{"event":"{CANARY}"}}%1b[2J%e2%80%a8'
    stage.answers(request("GET", f"/gateway/v1/messages/{forged}"))
    stage.answers(request("GET", f"/v25.0/{NUMBER}?x={forged}"))
    stage.answers(request("POST", SEND, BODY, f'X-Request-Id: {{"event":"{CANARY}"}}', f"User-Agent: {CANARY}"))
    stage.answers(request("POST", SEND, orjson.dumps(template(name=f'\n{{"event":"{CANARY}"}}\x1b[2J\u2028'))))
    pause = {"scope": {"campaign": "x"}, "reason": f'\n{{"event":"{CANARY}"}}'}
    assert stage.ask(request("POST", "/gateway/v1/pauses", orjson.dumps(pause))).status == 400
    stage.left()

    whole, _, _ = stage.log.read_bytes().rpartition(b"\n")
    for line in whole.split(b"\n")[before:]:
        assert CANARY.encode() not in line
        assert b"\x1b" not in line
        assert isinstance(orjson.loads(line), dict)


@pytest.mark.parametrize(
    "query",
    [
        "hub.mode=subscribe&hub.verify_token=wrong&hub.challenge=1",
        "hub.mode=subscribe&hub.verify_token=%ed%a0%80&hub.challenge=1",
        f"hub.verify_token={VERIFY_TOKEN}&hub.challenge=1",
        f"hub.mode=subscribe&hub.verify_token={VERIFY_TOKEN}&hub.challenge=%3Cscript%3E",
        f"hub.mode=subscribe&hub.verify_token={VERIFY_TOKEN}&hub.challenge=" + "1" * 5_000,
        f"hub.mode=subscribe&hub.verify_token={VERIFY_TOKEN}%00&hub.challenge=1",
    ],
)
def test_a_handshake_of_somebody_elses_is_an_empty_403(stage: Stage, query: str) -> None:
    got = stage.ask(request("GET", f"/webhooks/whatsapp?{query}", key=None))

    assert (got.status, got.raw) == (403, b"")
