"""A node as it is composed for production, the platform in place of its HTTP client, all of it in leaping time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from unittest.mock import patch

from redis import Redis

from loadtest.deployment import PORTFOLIO
from loadtest.leaping.postman import Postman
from loadtest.leaping.tempo import EPOCH_MS, Tempo
from loadtest.leaping.upstream import WorldUpstream
from loadtest.store_glance import StoreGlance
from tidegate.app import Node, build
from tidegate.clock import StoreClock
from tidegate.cloudapi.webhooks import read_body
from tidegate.settings import Settings
from tidegate.simulator.config import SimulatorConfig
from tidegate.simulator.world import World
from tidegate.store.send_queue import Lane
from tidegate.upstream import Upstream

#: Within this after news from the platform a node judges them: until then time makes no longer leap.
_JUDGED_MS: Final = 16_000


@dataclass(slots=True)
class House:
    """Everything that is on; made by `open_house`."""

    tempo: Tempo
    world: World
    node: Node
    postman: Postman
    glance: StoreGlance
    store: Redis
    #: When somebody outside of the gateway does something next (virtual ms), None: never.
    next_call_ms: Callable[[], int | None] = lambda: None
    #: Called after the platform was sent something.
    hear: Callable[[], None] = lambda: None
    _news: int = 0
    _idle: frozenset[asyncio.Task[Any]] = field(default=frozenset())

    def stir(self) -> None:
        """Say that the platform was sent something."""
        self.postman.stir()
        self.hear()

    def know_idle(self) -> None:
        """Take all tasks that there are now, and only they, for such as wait for work."""
        self._idle = frozenset(asyncio.all_tasks(self.tempo))

    def has_work(self) -> bool:
        """Whether anything is in hand."""
        return self.postman.is_busy or not asyncio.all_tasks(self.tempo) <= self._idle

    def next_ms(self) -> int | None:
        """When something comes: webhooks, a time of the store's, a call, or the judgement of what came."""
        times = [self.postman.planned_ms, self.glance.look().next_ms, self.next_call_ms()]
        if self._news != self.postman.bodies:
            self._news = self.postman.bodies
            times.append(self.tempo.now_ms() + _JUDGED_MS)
        return min((at_ms for at_ms in times if at_ms is not None and at_ms > self.tempo.now_ms()), default=None)


@asynccontextmanager
async def open_house(
    platform: SimulatorConfig, settings: Settings, store_url: str, lanes: Sequence[Lane], tempo: Tempo
) -> AsyncIterator[House]:
    """Start a node on the empty store at `store_url` (unix://...), and end it. `lanes`: those that are looked at.

    To be entered in `tempo`. Raises Stuck where the store does not answer.
    """
    world = World(platform, EPOCH_MS)
    with Redis.from_url(store_url) as store:
        node: Node
        house: House
        postman = Postman(world, tempo.now_ms, lambda body: node.services.signals.receive(read_body(body)))
        upstream = partial(WorldUpstream, world=world, clock=tempo.now_ms, stir=lambda: house.stir())
        node = await _compose(settings, store_url, tempo, upstream)
        tempo.lead(store, PORTFOLIO)
        await node.start()
        tempo.freeze(store, PORTFOLIO)
        carrying = tempo.create_task(postman.run(), name="postman")
        house = House(tempo, world, node, postman, StoreGlance(store, PORTFOLIO, lanes), store)
        await asyncio.sleep(1)
        house.know_idle()
        tempo.lookers = frozenset(node.duties)
        tempo.has_work, tempo.next_ms = house.has_work, house.next_ms
        try:
            yield house
        finally:
            carrying.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await carrying
            await node.stop()


async def _compose(settings: Settings, store_url: str, tempo: Tempo, upstream: partial[WorldUpstream]) -> Node:
    """Compose a node with this process' time, and the platform in place of a client of it; all else as it is."""

    def in_process(base_url: str, timeout_s: float, tokens: Mapping[str, str]) -> Upstream:
        return upstream(base_url, timeout_s, tokens)

    with (
        patch("tidegate.app.ground.Upstream", in_process),
        patch("tidegate.app.ground.StoreClock", partial(StoreClock, tempo.time)),
    ):
        return await build(settings, store_url)
