"""One node of the estate on a real store, before a Graph that says what a test wants."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.consequences.scripted_graph import ScriptedGraph
from tests.consequences.world import ANN, BOB, NUMBER, SECOND_NUMBER, World, config_text
from tests.integration.edge.callers import Caller
from tidegate.app import build
from tidegate.settings import load
from tidegate.store.embedded import socket_url
from tidegate.store.scripts import StoreClient

Begin = Callable[..., Awaitable[World]]


@pytest.fixture
async def begin(
    client: StoreClient, valkey_socket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Begin]:
    """Starts a world: Graph was read, and both users have just written to both numbers."""
    # How soon a stop is in force on all nodes is another test's question; here it would only be waited for.
    monkeypatch.setattr("tidegate.app.sending.SETTLE_MS", 1)
    ends: list[Callable[[], Awaitable[None]]] = []

    async def make(throughput: int = 80) -> World:
        graph, session = ScriptedGraph(), aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20))
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", graph.handle)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        graph.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        path = tmp_path / "tidegate.toml"
        path.write_text(config_text(socket_url(valkey_socket), graph.url, throughput=throughput))
        node = await build(load(path, {"TIDEGATE_SERVER__LISTEN": "127.0.0.1:0"}))
        ends.extend([runner.cleanup, node.stop, session.close])
        await node.start()
        graph.reads_fail = True
        world = World(node, Caller.of(node, session), graph)
        async with world.in_one_body():
            for user in (ANN, BOB):
                for number in (NUMBER, SECOND_NUMBER):
                    await world.hears(user, number)
        return world

    yield make
    while ends:
        await ends.pop()()


@pytest.fixture
async def world(begin: Begin) -> World:
    return await begin()
