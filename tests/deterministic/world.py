"""A world in one process: nodes of the production code, their store, the simulated Meta, callers; all on one loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

from tests.deterministic.callers import KEY, Callers
from tests.deterministic.loop import DeterministicLoop
from tests.deterministic.memory_store import URL, MemoryStore, wall_s
from tests.deterministic.meta import ADDRESS, APP_SECRET, DISPLAY, NUMBER, WABA, Meta, Temper
from tests.deterministic.network import Address, MemoryNetwork
from tests.oracle.events import Event
from tidegate.app import build
from tidegate.settings import Settings
from tidegate.settings.app_keys import hash_key
from tidegate.upstream import Upstream

PORTFOLIO: Final = "lucky-shrub"
_START_AGAIN_S: Final = 1.0
_MOST_STARTS: Final = 120


@dataclass(slots=True)
class Member:
    """One node of the fleet, through all its lives."""

    name: str
    address: Address
    life: int = 0

    @property
    def process(self) -> str:
        """The process of its present life."""
        return f"{self.name}#{self.life}"


@dataclass(slots=True)
class World:
    """Everything of a run; `open_world` makes it."""

    loop: DeterministicLoop
    network: MemoryNetwork
    store: MemoryStore
    configured_limit: int
    limit: int
    random: Random
    events: list[Event] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    meta: Meta = field(init=False)
    callers: Callers = field(init=False)
    #: What the number takes in a second.
    throughput: int = 80
    #: How many replicas have to hold a promise.
    replicas_ack: int = 0
    #: Where nodes keep their journals, one folder a machine; None: they remember as long as they live.
    folder: Path | None = None
    #: Files that are locked by a process.
    locks: dict[str, list[int]] = field(default_factory=dict)
    nowhere: int = -1
    #: Processes to which nobody sends anything.
    idle: frozenset[str] = frozenset()
    #: Faults that nobody handled, told to the loop: bugs of the code under test.
    crashes: list[str] = field(default_factory=list)

    def now_ms(self, at_s: float | None = None) -> int:
        """The one clock of store, platform and callers; at a time of the loop's, or now."""
        return int(wall_s(self.loop.time() if at_s is None else at_s) * 1000)

    def gates(self) -> list[Address]:
        """Where nodes take calls, as a load balancer knows it: whoever listens, though it may be stopped."""
        return [
            member.address
            for member in self.members
            if member.address in self.network.listeners and member.process not in self.idle
        ]

    async def start_member(self, member: Member) -> None:
        """Start a node, again and again until it runs, as a supervisor does. Raises what keeps it from starting."""
        for tries in range(1, _MOST_STARTS + 1):
            member.life += 1
            task = self.loop.spawn(member.process, self._start(member))
            # A killed one never ends, and nobody tells.
            while not task.done() and self.loop.is_alive(member.process):
                await asyncio.wait([task], timeout=0.05)
            if not task.done() or task.exception() is None:
                return
            if tries == _MOST_STARTS:
                task.result()
            self.loop.note(f"no start of {member.process}: {type(task.exception()).__name__}")
            if self.loop.is_alive(member.process):
                # It has ended by itself.
                self.kill_member(member)
            await asyncio.sleep(_START_AGAIN_S)

    async def _start(self, member: Member) -> None:
        node = await build(self._settings(member))
        self.loop.endings.append(lambda: _drop_session(node.services.upstream))
        await node.start()

    def kill_member(self, member: Member) -> None:
        """SIGKILL. Its kernel gives up the locks that it held, too."""
        if self.loop.is_alive(member.process):
            self.loop.kill(member.process)
            for lock in self.locks.pop(member.process, ()):
                # Not closed: whoever clears the process away closes it, and may not close another's file.
                os.dup2(self.nowhere, lock)

    def _settings(self, member: Member) -> Settings:
        number = {"id": NUMBER, "display_phone_number": DISPLAY, "throughput": self.throughput}
        waba = {"id": WABA, "access_token": "EAAG-token", "number": [number]}
        journal = {} if self.folder is None else {"directory": str(self.folder / member.name)}
        return Settings.model_validate(
            {
                "server": {"listen": f"{member.address.host}:{member.address.port}"},
                "store": {"url": URL, "replicas_ack": self.replicas_ack},
                "journal": journal,
                "upstream": {"base_url": f"http://{ADDRESS.host}:{ADDRESS.port}", "timeout": "5s"},
                "webhook": {"verify_token": "verify", "app_secrets": [APP_SECRET]},
                "privacy": {"identity_key": "i" * 32, "payload_key": "p" * 32},
                "portfolio": [{"id": PORTFOLIO, "messaging_limit": self.configured_limit, "waba": [waba]}],
                "app": [{"name": "shop", "key_sha256": hash_key(KEY), "scopes": ["send", "read", "admin"]}],
                "rules": {"headroom": 0.0, "reserve": {"authentication": 0.0, "utility": 0.0}},
                "poll": {"interval": "6h"},
            }
        )


def _drop_session(upstream: Upstream) -> None:
    """Nobody closes what a killed process had; where the collector finds it, that is no fault of whoever runs then."""
    session, upstream._session = upstream._session, None
    if session is not None and session.connector is not None:
        session.connector._closed = True
        session.detach()


def open_world(
    loop: DeterministicLoop,
    seed: int,
    *,
    nodes: int,
    limit: int,
    users: int,
    temper: Temper,
    edit: Callable[[bytes], bytes] = lambda text: text,
) -> World:
    """A world in which nothing runs yet but the simulated Meta."""
    network = MemoryNetwork(loop, seed)
    world = World(loop, network, MemoryStore(loop, network, seed, edit), limit, limit, Random(f"world {seed}"))
    world.meta = Meta(loop, network, seed, temper, world.events.append, world.now_ms, world.gates)
    world.callers = Callers(
        loop, Random(f"callers {seed}"), world.meta, world.events.append, world.now_ms, world.gates, users
    )
    world.members = [Member("abcdefgh"[i], Address(f"10.0.0.{i + 1}", 8080)) for i in range(nodes)]

    def crashed(_: Any, context: dict[str, Any]) -> None:
        fault = context.get("exception")
        world.crashes.append(f"{context.get('message')}: {fault!r}")

    loop.set_exception_handler(crashed)
    return world
