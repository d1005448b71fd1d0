"""Whoever has no key takes nothing of what callers with keys may have under way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.integration.edge.callers import CHECKOUT, NUMBER, Caller, Recorder, signed, template
from tests.integration.edge.conftest import NodeMaker
from tidegate.app import Node
from tidegate.edge import webhook
from tidegate.edge.door import strangers

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@asynccontextmanager
async def dripping(node: Node, count: int, path: str) -> AsyncIterator[list[asyncio.StreamReader]]:
    """Forms of nobody's that do not end; each is being read."""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM['Content-Type']}\r\nContent-Length: 99\r\n"
    readers, writers = [], []
    for _ in range(count):
        reader, writer = await asyncio.open_connection(*node.address)
        # The node asks for the body when it is about to read it.
        writer.write(f"{head}Expect: 100-continue\r\n\r\n".encode())
        await reader.readuntil(b"100 Continue\r\n\r\n")
        writer.write(b"a=")
        readers.append(reader)
        writers.append(writer)
    try:
        yield readers
    finally:
        for writer in writers:
            writer.transport.abort()


@pytest.mark.parametrize(
    "path", [pytest.param(f"/v25.0/{NUMBER}/messages", id="sends"), pytest.param(f"/v25.0/{NUMBER}", id="all else")]
)
async def test_forms_that_drip_keep_no_caller_out(make_node: NodeMaker, graph: Recorder, session, path: str) -> None:
    node = await make_node(graph.url, environ={"TIDEGATE_SERVER__MAX_IN_FLIGHT": "2"})
    call = Caller.of(node, session)
    async with dripping(node, 3, path):
        got, sent = await call("GET", f"/v25.0/{NUMBER}"), await call.send(template())
        form = await call("POST", f"/v25.0/{NUMBER}", None, data=f"a=1&access_token={CHECKOUT}".encode(), headers=FORM)

    assert (got.status, sent.status, form.status) == (200, 200, 200)


async def test_of_too_many_the_longest_waited_for_is_told_so(
    make_node: NodeMaker, graph: Recorder, session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strangers.Strangers.__init__, "__defaults__", (2,))
    node = await make_node(graph.url)
    async with dripping(node, 2, f"/v25.0/{NUMBER}") as (first, _):
        call = Caller.of(node, session)
        form = await call("POST", f"/v25.0/{NUMBER}", None, data=f"a=1&access_token={CHECKOUT}".encode(), headers=FORM)
        told = await first.read()

    assert form.status == 200
    assert told.startswith(b"HTTP/1.1 503 ")
    assert b"Retry-After: 1\r\n" in told
    assert b'"is_transient":true' in told


async def test_of_too_many_webhooks_that_drip_the_longest_waited_for_is_told_so_and_metas_is_taken(
    make_node: NodeMaker, graph: Recorder, session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "_AWAITED", 1)
    node = await make_node(graph.url)
    # A small one that comes at once is not waited for.
    raw = b'{"object":"whatsapp_business_account","entry":[]}'.ljust(webhook.SMALL + 1)
    async with dripping(node, 1, "/webhooks/whatsapp") as (first,):
        got = await Caller.of(node, session)("POST", "/webhooks/whatsapp", None, data=raw, headers=signed(raw))
        told = await first.read()

    assert got.status == 200
    assert told.startswith(b"HTTP/1.1 503 ")
    assert b"Connection: close\r\n" in told
