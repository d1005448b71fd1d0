"""A node as a real process, before the simulated Cloud API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.system.served import CONFIG, KEY, Served
from tidegate.settings import hash_key
from tidegate.simulator.server import Simulator, run_simulator


@pytest.fixture
async def meta() -> AsyncIterator[Simulator]:
    simulator = await run_simulator()
    yield simulator
    await simulator.stop()


@pytest.fixture
async def served(
    meta: Simulator, tmp_path: Path, unused_tcp_port: int, request: pytest.FixtureRequest
) -> AsyncIterator[Served]:
    config = tmp_path / "tidegate.toml"
    config.write_text(
        CONFIG.format(
            port=unused_tcp_port,
            workers=getattr(request, "param", 1),
            data=tmp_path / "data",
            upstream=meta.url,
            key_sha256=hash_key(KEY),
        )
    )
    served = Served(config, unused_tcp_port)
    await served.start()
    yield served
    await served.kill()
