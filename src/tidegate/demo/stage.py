"""The demo's parts, started in order and ended in the other: simulator, store, gateway node."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tidegate.app import build
from tidegate.demo import estate
from tidegate.simulator.server import Simulator, run_simulator

USUAL_PORT: Final = 8080


@dataclass(frozen=True, slots=True)
class Stage:
    """What is running: `gateway` is the address that takes the place of https://graph.facebook.com."""

    gateway: str
    simulator: Simulator


@asynccontextmanager
async def running(port: int | None, seed: int, scenario: str = estate.USUAL_SCENARIO) -> AsyncIterator[Stage]:
    """Run everything on loopback; `port` None takes 8080, or a free one when that is taken.

    Raises OSError when a `port` that was asked for is taken, StoreUnavailable when the store does not start.
    """
    listen = f"127.0.0.1:{_free(port)}"
    with TemporaryDirectory(prefix="tidegate-demo-", ignore_cleanup_errors=True) as directory:
        simulator = await run_simulator("127.0.0.1:0", None, estate.simulated(seed, scenario))
        try:
            secret = simulator.config.app_secret
            node = await build(estate.configured(listen, simulator.url, Path(directory), secret))
            try:
                await node.start()
                host, bound = node.address
                gateway = f"http://{host}:{bound}"
                simulator.courier.url = f"{gateway}/webhooks/whatsapp"
                yield Stage(gateway, simulator)
            finally:
                await node.stop()
        finally:
            await simulator.stop()


def _free(port: int | None) -> int:
    wanted = USUAL_PORT if port is None else port
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            if port is not None:
                raise
            return 0
    return wanted
