"""A call that the store carries out after it was given up on: its send was refused, and nothing comes of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
import pytest

from tests.integration.edge.callers import ANN, BOB, NUMBER, PORTFOLIO, Caller, Recorder, template
from tests.integration.edge.conftest import NodeMaker
from tests.waiting import until
from tidegate.app import Node
from tidegate.cloudapi.messages import unwrap_opaque
from tidegate.cloudapi.vocabulary import Category
from tidegate.gateway import START_BY_MS
from tidegate.store.scripts import StoreClient, script
from tidegate.store.send_queue import Lane


class Relay:
    """Stands before the store, and keeps back the calls of some scripts until they are let go, client or no client.

    What follows such a call by the same connection waits behind it: no server answers it before.
    """

    def __init__(self, target: str) -> None:
        self._target = target
        self._held: set[str] = set()
        self._kept: dict[asyncio.StreamWriter, list[bytes]] = {}
        self._tasks: list[Any] = []
        self._writers: list[asyncio.StreamWriter] = []
        self._spoke: dict[asyncio.StreamWriter, asyncio.Event] = {}

    def hold(self, *names: str) -> None:
        """Keep back each call of these scripts from now on."""
        self._held = set(names)

    def holds(self, name: str) -> bool:
        """Whether a call of this script is the next one of its connection, and is kept back."""
        return any(calls and self._name(calls[0]) == name for calls in self._kept.values())

    async def let_go(self, name: str) -> None:
        """Return when the store has carried out what was kept back of this script; no more of it is kept back."""
        waiting = [(store, calls) for store, calls in self._kept.items() if calls and self._name(calls[0]) == name]
        self._held.discard(name)
        for store, calls in waiting:
            spoke = self._spoke[store]
            spoke.clear()
            while calls and self._name(calls[0]) is None:
                store.write(calls.pop(0))
            async with asyncio.timeout(20):
                await spoke.wait()

    def _name(self, call: bytes) -> str | None:
        return next((name for name in self._held if script(name).sha.encode() in call), None)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_store, to_store = await asyncio.open_unix_connection(self._target)
        self._writers += (writer, to_store)
        spoke = self._spoke[to_store] = asyncio.Event()
        back = asyncio.ensure_future(_carry(from_store, writer, spoke))
        self._tasks += (back, asyncio.current_task())
        kept = self._kept[to_store] = []
        while data := await reader.read(1 << 20):
            if kept or self._name(data) is not None:
                kept.append(data)
            else:
                to_store.write(data)

    async def ended(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, spoke: asyncio.Event) -> None:
    while data := await reader.read(1 << 20):
        spoke.set()
        if not writer.is_closing():
            writer.write(data)


@pytest.fixture
async def relay(valkey_socket: str) -> AsyncIterator[Relay]:
    relay = Relay(valkey_socket)
    yield relay
    await relay.ended()


@pytest.fixture
async def node(
    relay: Relay, client: StoreClient, make_node: NodeMaker, graph: Recorder, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Node]:
    """A node whose calls of the store go by the relay."""
    for name in ("admit", "settle", "enqueue", "cancel"):
        # Nobody who has gone could send the text of one that the store does not know.
        await client.script_load(script(name).text)
    monkeypatch.setattr("tidegate.store.client.TIMEOUT_S", 1.0)
    with TemporaryDirectory(prefix="tidegate-relay-") as directory:
        path = str(Path(directory, "relay.sock"))
        server = await asyncio.start_unix_server(relay.serve, path)
        monkeypatch.setattr("tests.integration.edge.conftest.socket_url", lambda _: f"unix://{path}")
        yield await make_node(graph.url, clock=False)
        server.close()


@pytest.fixture
def call(node: Node, session: aiohttp.ClientSession) -> Caller:
    return Caller.of(node, session)


async def state(node: Node, message_id: str) -> str | None:
    record = await node.services.messages.find(PORTFOLIO, message_id)
    return record.state.value if record else None


async def used(node: Node) -> int:
    return (await node.services.ledger.books(PORTFOLIO)).used


async def queued(node: Node) -> int:
    lanes = [Lane(NUMBER, category) for category in Category]
    return sum(lane.due + lane.waiting_for_place for lane in await node.services.queue.lanes(PORTFOLIO, lanes))


async def is_state(node: Node, message_id: str, wanted: str) -> None:
    async def there() -> bool:
        return await state(node, message_id) == wanted

    await until(there)


@pytest.mark.parametrize(
    "order",
    [("admit", "settle"), ("settle", "admit")],
    ids=["before its end is written", "after its end was written"],
)
async def test_an_admission_that_comes_after_its_send_was_refused_takes_nothing(
    order: tuple[str, str], node: Node, relay: Relay, call: Caller, graph: Recorder
) -> None:
    first, second = order
    expected = {"admit": "sending", "settle": "failed"}[first]

    was, message_id = None, ""

    async def both_wait() -> bool:
        return all(relay.holds(name) for name in order)

    for _ in range(5):
        # So that the next one is decided under the standing in force; another may be by the time at which it comes.
        before = await call.send(template(BOB))
        assert before["Tidegate-Verdict"] == "send"
        await is_state(node, before["Tidegate-Id"] or "", "accepted")
        relay.hold("admit", "settle")
        refused = await call.send(template(), Tidegate_Category="utility", Tidegate_Hold="reject")
        assert (refused.status, refused.error["is_transient"]) == (503, True)
        message_id = refused["Tidegate-Id"] or ""
        assert await state(node, message_id) is None
        await until(both_wait)
        await relay.let_go(first)
        was = await state(node, message_id)
        await relay.let_go(second)
        if was == expected:
            break
    assert (was, await state(node, message_id), await used(node)) == (expected, "failed", 1)
    assert all(b"+16505559999" in body for *_, body in graph.requests)


async def test_a_send_that_was_admitted_too_late_to_start_goes_as_another_message_under_that_ones_name(
    node: Node, relay: Relay, call: Caller, graph: Recorder
) -> None:
    await is_state(node, (await call.send(template(BOB)))["Tidegate-Id"] or "", "accepted")
    relay.hold("admit")
    sending = asyncio.create_task(call.send(template(), Tidegate_Category="utility"))

    async def is_asked() -> bool:
        return relay.holds("admit")

    async def is_too_late() -> bool:
        return node.services.clock.monotonic_ms() > last_ms

    # What is posted is written down while the store is asked: for this message, and not for the next one.
    await until(is_asked)
    last_ms = node.services.clock.monotonic_ms() + START_BY_MS
    await until(is_too_late)
    await relay.let_go("admit")
    sent = await sending

    (posted,) = [body for *_, raw in graph.requests if (body := json.loads(raw))["to"] == ANN]
    proven = unwrap_opaque(posted["biz_opaque_callback_data"])
    assert sent["Tidegate-Verdict"] == "send"
    assert proven is not None
    assert proven[0] == sent["Tidegate-Id"]
    await is_state(node, proven[0], "accepted")
    assert await used(node) == 2


async def test_a_message_that_is_queued_after_its_caller_was_told_that_it_was_not_is_not_sent(
    node: Node, relay: Relay, call: Caller, graph: Recorder
) -> None:
    relay.hold("enqueue")

    soon = _soon()
    refused = await call.send(template(), Tidegate_Category="utility", Tidegate_Not_Before=soon)

    assert refused.status == 503
    message_id = refused["Tidegate-Id"] or ""
    await is_state(node, message_id, "failed")
    await relay.let_go("enqueue")
    later = await call.send(template(), Tidegate_Category="utility", Tidegate_Not_Before=soon)
    assert later["Tidegate-Verdict"] == "queue"
    assert (await state(node, message_id), await queued(node)) == ("failed", 1)


async def test_a_message_that_was_not_sent_and_is_queued_late_is_not_sent_either(
    node: Node, relay: Relay, call: Caller, graph: Recorder
) -> None:
    await node.services.upstream.close()
    node.services.upstream.base_url = "http://nowhere.invalid"
    await node.services.upstream.start()
    relay.hold("enqueue", "settle", "cancel")

    refused = await call.send(template(), Tidegate_Category="marketing")

    assert refused.status == 503
    message_id = refused["Tidegate-Id"] or ""

    async def its_end_waits() -> bool:
        return relay.holds("settle")

    await until(its_end_waits)
    assert await state(node, message_id) == "sending"
    # What is taken back before its end is written finds nothing to take back, and is queued then.
    for name in ("cancel", "enqueue", "settle"):
        await relay.let_go(name)
    await is_state(node, message_id, "failed")
    assert (await queued(node), await used(node)) == (0, 0)


def _soon() -> str:
    return (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
