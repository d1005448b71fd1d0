"""A floor with one node."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.integration.campaigns.floor import Floor, platform
from tidegate.simulator.config import SimulatorConfig
from tidegate.simulator.server import run_simulator
from tidegate.store.embedded import socket_url
from tidegate.store.scripts import StoreClient


@pytest.fixture
async def floor(request: pytest.FixtureRequest, client: StoreClient, valkey_socket: str) -> AsyncIterator[Floor]:
    """With one node; a parameter is the platform's configuration."""
    config: SimulatorConfig = getattr(request, "param", platform())
    simulator = await run_simulator(config=config)
    throughput = config.portfolios[0].wabas[0].numbers[0].throughput
    made = Floor(socket_url(valkey_socket), simulator, throughput)
    try:
        await made.add_node()
        yield made
    finally:
        for node in made.nodes:
            await node.stop()
        await simulator.stop()
