"""Small webhooks are answered straight from their connection, and nobody can tell."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.integration.edge.callers import NUMBER, WABA, Caller, Recorder
from tests.integration.edge.conftest import NodeMaker
from tests.integration.edge.wires import Site, pieces, written_apart
from tidegate.edge.webhook import SMALL
from tidegate.edge.webhook_heads import WebhookHead, WebhookHeads

PATH = "/webhooks/whatsapp"
EMPTY = b'{"object":"whatsapp_business_account","entry":[]}'


def statuses(*words: str) -> bytes:
    """A delivery of statuses with these words, of messages that nobody knows."""
    told = [
        {"id": f"wamid.{word}", "status": word, "timestamp": "1795176044", "recipient_id": "16505551234"}
        for word in words
    ]
    value = {"metadata": {"phone_number_id": NUMBER}, "statuses": told}
    entry = {"id": WABA, "changes": [{"field": "messages", "value": value}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


@pytest.fixture
async def site(make_node: NodeMaker, graph: Recorder, session) -> AsyncIterator[Site]:
    node = await make_node(graph.url)
    made = Site(node, Caller.of(node, session))
    yield made
    made.end()


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Of each head that was looked for, whether it was known."""
    told: list[bool] = []
    find = WebhookHeads.find

    def noted(heads: WebhookHeads, head: bytes) -> WebhookHead | None:
        known = find(heads, head)
        told.append(known is not None)
        return known

    monkeypatch.setattr(WebhookHeads, "find", noted)
    return told


def webhook(site: Site, body: bytes = EMPTY, *, signed: bytes | None = None, path: str = PATH, more: str = "") -> bytes:
    """A delivery as it goes over the wire; `signed`: what its signature is of, itself unless that is said."""
    secret = site.node.services.credentials.app_secrets[0]
    seal = hmac.new(secret, body if signed is None else signed, hashlib.sha256).hexdigest()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nX-Request-Id: 1\r\nX-Hub-Signature-256: sha256={seal}\r\n"
        f"Content-Length: {len(body)}\r\n{more}\r\n"
    )
    return head.encode() + body


@pytest.mark.parametrize(
    ("body", "signed", "status"),
    [
        pytest.param(EMPTY, None, 200, id="what Meta signed"),
        pytest.param(EMPTY, b"something else", 401, id="what Meta did not sign"),
        pytest.param(b"", None, 200, id="an empty body, which is no JSON and Meta's"),
        pytest.param(EMPTY.ljust(SMALL), None, 200, id="the longest"),
    ],
)
@pytest.mark.parametrize("cut", [None, 60, -20], ids=["in one piece", "its head in two", "its body in two"])
async def test_a_small_one_is_answered_without_a_request_of_aiohttps(site: Site, body, signed, status, cut) -> None:
    wire, raw = await site.wire(), webhook(site, body, signed=signed)

    await written_apart(wire, *pieces(raw, *([] if cut is None or abs(cut) > len(raw) else [cut % len(raw)])))
    told, headers, answer = await wire.answer()

    assert (told, answer, headers["X-Request-Id"], headers["Server"]) == (status, b"", "1", "tidegate")
    assert site.requests == []
    wire.writer.write(webhook(site, body, signed=signed, more="Content-Encoding: identity\r\n"))
    assert (await wire.answer())[0] == status
    assert site.requests == [PATH]
    metrics = (await site.call("GET", "/metrics", None)).raw.decode()
    assert f'tidegate_webhooks_total{{status="{status}"}} 2.0' in metrics


async def test_a_large_one_goes_the_way_of_all_requests(site: Site) -> None:
    wire = await site.wire()

    wire.writer.write(webhook(site, EMPTY.ljust(SMALL + 1)))

    assert ((await wire.answer())[0], site.requests) == (200, [PATH])


@pytest.mark.parametrize(
    ("body", "signed", "status"),
    [
        pytest.param(statuses("read"), None, 200, id="what Meta signed"),
        pytest.param(statuses("read", "delivered"), b"something else", 401, id="what Meta did not sign"),
        pytest.param(statuses("read", "hugged"), None, 200, id="a status that nobody knows"),
        pytest.param(b"", None, 200, id="an empty body"),
    ],
)
@pytest.mark.parametrize(
    ("cut", "known"),
    [([], [True]), ([-20], [True, True]), ([60], [])],
    ids=["in one piece", "its body in two", "its head in two"],
)
async def test_one_whose_head_is_known_is_answered_as_the_first_was(
    found, site: Site, body, signed, status, cut, known
) -> None:
    first, wire = await site.wire(), await site.wire()
    first.writer.write(webhook(site, statuses("sent")))
    assert (await first.answer())[0] == 200
    found.clear()
    raw = webhook(site, body, signed=signed)

    await written_apart(wire, *pieces(raw, *(at % len(raw) for at in cut)))
    told, headers, answer = await wire.answer()

    assert (told, answer, headers["X-Request-Id"], headers["Server"]) == (status, b"", "1", "tidegate")
    assert site.requests == []
    assert found[: len(known)] == known or not body
    wire.writer.write(webhook(site, statuses("sent", "read")) * 3)
    assert [status for _, status in await wire.answers(3)] == [200] * 3


async def test_what_nobody_signed_has_no_head_remembered(found, site: Site) -> None:
    wire = await site.wire()
    for _ in range(2):
        wire.writer.write(webhook(site, signed=b"something else"))
        assert (await wire.answer())[0] == 401

    assert found == [False, False]


async def test_a_status_that_is_not_kept_is_not_acknowledged(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    wire, client = await site.wire(), site.node.connection.client

    async def gone(*_: object, **__: object) -> None:
        raise RedisConnectionError("gone")

    monkeypatch.setattr(client, "execute_command", gone)
    wire.writer.write(webhook(site, statuses("read")))
    told, _, answer = await wire.answer()
    monkeypatch.undo()

    assert (told, answer) == (503, b"")
    wire.writer.write(webhook(site, statuses("read")))
    assert (await wire.answer())[0] == 200


async def test_a_path_prefix_is_taken_off(make_node: NodeMaker, graph: Recorder, session, found) -> None:
    node = await make_node(graph.url, environ={"TIDEGATE_SERVER__PATH_PREFIX": "/wa/shop"})
    site = Site(node, Caller.of(node, session))
    wire = await site.wire()

    for _ in range(2):
        wire.writer.write(webhook(site, path="/wa/shop" + PATH))
        assert ((await wire.answer())[0], site.requests) == (200, [])
    assert found == [False, True]
    site.end()
