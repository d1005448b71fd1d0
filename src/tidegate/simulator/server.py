"""The imitated Cloud API on a port."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from tidegate.simulator.clock import Clock, SteerableClock, system_ms
from tidegate.simulator.config import SimulatorConfig
from tidegate.simulator.courier import Courier
from tidegate.simulator.faults import Faults
from tidegate.simulator.graph import Graph
from tidegate.simulator.media import MediaShelf
from tidegate.simulator.steering import Steering
from tidegate.simulator.world import World

_LARGEST_BODY: Final = 110 * 1024 * 1024  # Meta takes documents of up to 100 MB
_FAREWELL_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Simulator:
    """A running simulator; `url` is what takes the place of https://graph.facebook.com."""

    url: str
    config: SimulatorConfig
    world: World
    clock: Clock
    courier: Courier
    faults: Faults
    _runner: web.AppRunner
    _carrying: asyncio.Task[None]

    async def settled(self) -> None:
        """Wait until every webhook due by now was taken, or was refused and waits for its next try."""
        await self.courier.settled()

    async def wait(self) -> None:
        """Run until cancelled."""
        await asyncio.shield(self._carrying)

    async def stop(self) -> None:
        """Close the port and leave undelivered webhooks undelivered."""
        await self._runner.cleanup()
        self._carrying.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._carrying


async def run_simulator(
    listen: str = "127.0.0.1:0",
    webhook_url: str | None = None,
    config: SimulatorConfig | None = None,
    *,
    clock: Clock | None = None,
    steer: bool = False,
) -> Simulator:
    """Start a simulator on `host:port` (port 0: any free one) and give it, listening.

    `webhook_url` gets the webhooks; None: nobody does. `clock` tells the time in ms since 1970 and may be
    steered by whoever gives it; `steer` lets `POST /_sim/clock` put it forward.

    Raises:
        ValueError: `listen` is no `host:port`.
        OSError: the port cannot be had.
    """
    config = config or SimulatorConfig()
    told = clock or system_ms
    if steer and not isinstance(told, SteerableClock):
        told = SteerableClock(told)
    world = World(config, told())
    courier = Courier(world, told, config.app_secret, webhook_url)
    graph = Graph(world, told, courier, MediaShelf(config.seed))
    app = web.Application(client_max_size=_LARGEST_BODY)
    app.add_routes(Steering(world, told, courier, graph.faults).routes())
    app.router.add_get("/_media/{id}", graph.download)
    app.router.add_route("*", "/{path:.*}", graph.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_FAREWELL_S)
    await runner.setup()
    try:
        url = await _listen(runner, listen)
    except BaseException:
        await runner.cleanup()
        raise
    carrying = asyncio.get_running_loop().create_task(courier.run(), name="simulator webhooks")
    return Simulator(url, config, world, told, courier, graph.faults, runner, carrying)


async def _listen(runner: web.AppRunner, listen: str) -> str:
    host, colon, port = listen.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdecimal()) or int(port) > 65_535:
        raise ValueError("an address to listen on is host:port")
    host = host.removeprefix("[").removesuffix("]")
    listener = socket.create_server((host, int(port)), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    await web.SockSite(runner, listener).start()
    bound_host, bound_port = listener.getsockname()[:2]
    return f"http://[{bound_host}]:{bound_port}" if ":" in bound_host else f"http://{bound_host}:{bound_port}"
