"""What the gateway answered becomes Meta's bytes, or ours in Meta's shape."""

from __future__ import annotations

import json

import pytest

from tidegate.cloudapi.messages import BadMessage, Request, parse_send
from tidegate.edge.graph.answers import misread, render, unavailable
from tidegate.gateway import Forwarded, Gone, Held, Refused, Unavailable
from tidegate.policy.verdict import Reason
from tidegate.upstream import Response

NOW_MS = 1_795_251_600_000  # 2026-11-21T09:00:00Z
ID = "tg00000000-0"


@pytest.fixture
def request_() -> Request:
    request = parse_send(b'{"messaging_product":"whatsapp","to":"+1 650 555 1234","text":{"body":"x"}}')
    assert isinstance(request, Request)
    return request


@pytest.mark.parametrize("status", [200, 400, 401, 429, 500, 503])
def test_metas_status_bytes_and_headers_of_interest_pass(request_, status):
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nx-fb-rev: 1\r\nRetry-After: 9\r\nContent-Length: 5\r\nDate: x"
    reply = render(Forwarded(ID, Response(status, head, b"bytes"), accepted=status == 200), request_, NOW_MS)

    assert (reply.status, reply.body) == (status, b"bytes")
    kept = {"Content-Type": "text/x", "x-fb-rev": "1", "Retry-After": "9"}
    assert reply.headers == kept | {"Tidegate-Verdict": "send", "Tidegate-Id": ID}


@pytest.mark.parametrize(
    ("until_ms", "until"),
    [(None, None), (NOW_MS + 1, "2026-11-21T09:00:01Z"), (NOW_MS + 60_000, "2026-11-21T09:01:00Z")],
)
def test_a_queued_send_has_metas_shape_and_says_until_when(request_, until_ms, until):
    reply = render(Held(ID, "queue", Reason.MESSAGING_LIMIT, until_ms), request_, NOW_MS)

    body = json.loads(reply.body)
    assert reply.status == 200
    assert body["contacts"] == [{"input": "+1 650 555 1234", "wa_id": "16505551234"}]
    assert (body["tidegate"].get("until"), reply.headers.get("Tidegate-Until")) == (until, until)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_refuses_with_its_code(request_, reason):
    reply = render(Refused(ID, reason, "why", NOW_MS + 500, pacing=False), request_, NOW_MS)

    error = json.loads(reply.body)["error"]
    assert (reply.status, error["code"]) == (400, reason.code)
    assert error["tidegate"] == {"verdict": "reject", "reason": reason.value, "until": "2026-11-21T09:00:01Z"}
    assert error["error_data"]["details"] == f"why (rule {reason.value}, until 2026-11-21T09:00:01Z)"
    assert error["fbtrace_id"] == reply.headers["Tidegate-Id"] == ID
    assert "Retry-After" not in reply.headers


@pytest.mark.parametrize(
    ("wait_ms", "retry_after"),
    [(None, "1"), (-5, "1"), (1, "1"), (1_001, "2"), (30_000, "30"), (90_000, "30")],
)
def test_pacing_is_a_429_that_no_client_sleeps_long_for(request_, wait_ms, retry_after):
    until_ms = None if wait_ms is None else NOW_MS + wait_ms
    reply = render(Refused(ID, Reason.THROUGHPUT, "why", until_ms, pacing=True), request_, NOW_MS)

    assert (reply.status, reply.headers["Retry-After"]) == (429, retry_after)


@pytest.mark.parametrize("answered", [Unavailable(ID, "inner words"), Gone(ID)])
def test_a_fault_of_ours_is_a_503_that_shows_nothing_inside(request_, answered):
    reply = render(answered, request_, NOW_MS)

    assert reply == unavailable(ID)
    error = json.loads(reply.body)["error"]
    assert (reply.status, error["code"], error["is_transient"]) == (503, 2, True)
    assert b"inner words" not in reply.body


def test_a_body_that_is_no_message_says_what_is_wrong_with_it():
    reply = misread(BadMessage(131009, "to: is wrong", "invalid_recipient"), ID)

    error = json.loads(reply.body)["error"]
    assert (reply.status, error["code"], error["error_data"]["details"]) == (400, 131009, "to: is wrong")
    assert reply.headers["Tidegate-Reason"] == "invalid_recipient"
