"""The head of a webhook is known by what is not its own, and says what the parser would have read."""

from __future__ import annotations

import pytest

from tidegate.edge.webhook_heads import WebhookHeads

SEAL = "sha256=" + "0f" * 32
LINES = ("POST /webhooks/whatsapp HTTP/1.1", "Host: x", f"X-Hub-Signature-256: {SEAL}", "Content-Length: 12")


def head(*lines: str) -> bytes:
    return "\r\n".join(lines).encode()


def knowing(*lines: str) -> WebhookHeads:
    heads = WebhookHeads(("/webhooks/whatsapp",), 100)
    heads.learn(head(*lines))
    return heads


def test_what_is_its_own_is_read_from_each() -> None:
    heads = knowing(*LINES, "X-Forwarded-For: 1.2.3.4, 5.6.7.8", "X-Request-Id: 1")

    found = heads.find(
        head(*LINES[:2], "X-Hub-Signature-256: other", "Content-Length: 7", "X-Forwarded-For: 9", "X-Request-Id: 2")
    )

    assert found is not None
    assert (found.length, found.signature, found.request_id) == (7, "other", "2")
    assert repr(found) == "WebhookHead()"


def test_who_gives_no_id_has_none() -> None:
    found = knowing(*LINES).find(head(*LINES))

    assert found is not None
    assert (found.length, found.signature, found.request_id) == (12, SEAL, "")


@pytest.mark.parametrize(
    ("given", "request_id"), [("2", "2"), (" 2 ", "2"), ("", ""), ("a b", ""), ("x" * 129, "")], ids=ascii
)
def test_an_id_is_what_the_parser_would_have_read_where_it_is_one(given: str, request_id: str) -> None:
    found = knowing(*LINES, "X-Request-Id: 1").find(head(*LINES, f"X-Request-Id: {given}"))

    assert found is not None
    assert found.request_id == request_id


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param((*LINES, "Accept: */*"), id="one line more"),
        pytest.param((*LINES, "X-Request-Id: 1"), id="one of its own lines more"),
        pytest.param((*LINES, LINES[2]), id="two signatures"),
        pytest.param((*LINES[:3], "Content-Length: 5", "Content-Length: 12"), id="two lengths"),
        pytest.param((*LINES, "Transfer-Encoding: chunked"), id="a body in chunks"),
        pytest.param((LINES[0], "Host: y", *LINES[2:]), id="another host"),
        pytest.param(("POST /webhooks/whatsapp?a HTTP/1.1", *LINES[1:]), id="a query"),
        pytest.param(("POST /v25.0/1/messages HTTP/1.1", *LINES[1:]), id="another path"),
        pytest.param((*LINES[:2], LINES[3], LINES[2]), id="another order"),
        pytest.param((*LINES[:3], "content-length: 12"), id="another spelling"),
        pytest.param((*LINES[:3], "Content-Length: 101"), id="a body that is large"),
        pytest.param((*LINES[:3], "Content-Length: -1"), id="a length below nothing"),
        pytest.param((*LINES[:3], "Content-Length: 1 2"), id="two numbers for a length"),
        pytest.param((*LINES[:3], "Content-Length: "), id="no length"),
        pytest.param((*LINES[:3], f"Content-Length: {'0' * 10}"), id="a length of many digits"),
        pytest.param((*LINES[:2], f"X-Hub-Signature-256: {SEAL}\n", LINES[3]), id="a line that ends otherwise"),
        pytest.param((*LINES[:3], "Content-Length: 12\t"), id="what no value holds"),
        pytest.param((*LINES[:2], f"X-Hub-Signature-256:  {SEAL}", LINES[3]), id="spaces before a signature"),
        pytest.param((*LINES[:2], f"X-Hub-Signature-256: {SEAL} ", LINES[3]), id="spaces behind a signature"),
    ],
)
def test_whatever_else_is_different_is_not_known(lines) -> None:
    assert knowing(*LINES).find(head(*lines)) is None


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param((*LINES, "Accept: */*", f"X-Long: {'x' * 4_096}"), id="a long one"),
        pytest.param((*LINES, "Accept: *", " folded"), id="a folded line"),
        pytest.param((*LINES, "Accept: *", "\tfolded"), id="a line folded by a tab"),
        pytest.param((*LINES, LINES[2].lower()), id="two signatures"),
        pytest.param((*LINES, "content-length: 12"), id="two lengths"),
        pytest.param(LINES[:3], id="no length"),
        pytest.param((*LINES[:2], LINES[3]), id="no signature"),
    ],
)
def test_what_may_be_read_otherwise_is_not_learnt(lines) -> None:
    assert knowing(*lines).find(head(*lines)) is None


def test_only_so_many_are_known() -> None:
    heads = knowing(*LINES)
    for index in range(64):
        heads.learn(head(*LINES, f"Via: {index}"))

    assert heads.find(head(*LINES)) is None
    assert heads.find(head(*LINES, "Via: 63")) is not None
