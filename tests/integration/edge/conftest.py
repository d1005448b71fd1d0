"""A whole node on a real store, with the simulated Cloud API, or a recording stand-in for it, as its upstream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.integration.edge.callers import SIMULATED, Caller, Recorder, config_text
from tidegate.app import Node, build
from tidegate.edge.routes import make_application, make_runner
from tidegate.edge.services import Services
from tidegate.settings import load
from tidegate.simulator.server import Simulator, run_simulator
from tidegate.store.embedded import socket_url
from tidegate.store.scripts import StoreClient


@pytest.fixture
async def graph() -> AsyncIterator[Recorder]:
    made = Recorder()
    application = web.Application(client_max_size=64 * 1024 * 1024)
    application.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    made = await run_simulator(config=SIMULATED)
    yield made
    await made.stop()


NodeMaker = Callable[..., Awaitable[Node]]
_CLOSE_S = 0.2


@pytest.fixture
async def make_node(
    client: StoreClient, valkey_socket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[NodeMaker]:
    """Start nodes on the test's store; `change` may exchange some of their services."""
    monkeypatch.setattr("tidegate.app.compose.CLOSE_S", _CLOSE_S)
    nodes: list[Node] = []

    async def make(
        upstream: str,
        *,
        limit: str = "TIER_2K",
        clock: bool = True,
        environ: Mapping[str, str] | None = None,
        change: Callable[[Services], Services] | None = None,
    ) -> Node:
        store = socket_url(valkey_socket)
        path = tmp_path / "tidegate.toml"
        path.write_text(config_text(store, upstream, limit=limit, clock=clock))
        settings = load(path, {"TIDEGATE_SERVER__LISTEN": "127.0.0.1:0"} | dict(environ or {}))
        node = await build(settings)
        if change is not None:
            _exchange(node, change(node.services))
        nodes.append(node)
        await node.start()
        return node

    yield make
    for node in nodes:
        await node.stop()


def _exchange(node: Node, services: Services) -> None:
    """Have a node that is not started yet answer with these services."""
    node.services, server = services, node.settings.server
    application = make_application(services)
    node.runner = make_runner(application, server, shutdown_timeout=_CLOSE_S)
    if server.control is not None:
        beside = make_application(services, beside=application)
        node.control = make_runner(beside, server.control, shutdown_timeout=_CLOSE_S)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as made:
        yield made


@pytest.fixture
async def call(make_node: NodeMaker, simulator: Simulator, session: aiohttp.ClientSession) -> Caller:
    """A node before the simulator."""
    return Caller.of(await make_node(simulator.url), session)


@pytest.fixture
async def bare(make_node: NodeMaker, graph: Recorder, session: aiohttp.ClientSession) -> Caller:
    """A node before the recording stand-in."""
    return Caller.of(await make_node(graph.url), session)
