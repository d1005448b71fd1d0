"""Small webhooks are answered straight from their connection, and nobody can tell."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator

import pytest

from tests.integration.edge.callers import Caller, Recorder
from tests.integration.edge.conftest import NodeMaker
from tests.integration.edge.wires import Site, pieces, written_apart
from tidegate.edge.webhook import SMALL

PATH = "/webhooks/whatsapp"
EMPTY = b'{"object":"whatsapp_business_account","entry":[]}'


@pytest.fixture
async def site(make_node: NodeMaker, graph: Recorder, session) -> AsyncIterator[Site]:
    node = await make_node(graph.url)
    made = Site(node, Caller.of(node, session))
    yield made
    made.end()


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


async def test_a_path_prefix_is_taken_off(make_node: NodeMaker, graph: Recorder, session) -> None:
    node = await make_node(graph.url, environ={"TIDEGATE_SERVER__PATH_PREFIX": "/wa/shop"})
    site = Site(node, Caller.of(node, session))
    wire = await site.wire()

    wire.writer.write(webhook(site, path="/wa/shop" + PATH))

    assert ((await wire.answer())[0], site.requests) == (200, [])
    site.end()
