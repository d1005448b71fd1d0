"""A store of a test's own, which it may break, with nodes on it."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
from redis import Redis

from loadtest.deployment import APP, MARKETING, NUMBER, PORTFOLIO, WABA, Deployment
from tests.waiting import until
from tidegate.app import Node, build
from tidegate.cloudapi.messages import Request, parse_send
from tidegate.cloudapi.vocabulary import Category
from tidegate.errors import StoreUnavailable
from tidegate.gateway import Answered, Message, Route
from tidegate.settings.tables import Journal as JournalTable
from tidegate.simulator.server import Simulator, run_simulator
from tidegate.store.embedded import socket_url
from tidegate.store.keys import PortfolioKeys
from tidegate.store.valkey_process import SOCKET_NAME, ValkeyProcess

LIMIT = 20
RULES = {"headroom": 0, "reserve": {"authentication": 0, "utility": 0}, "hold": {"utility": "reject"}}
ROUTE = Route(PORTFOLIO, WABA.id, NUMBER.id)
ON_DISK = {"save": "", "appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"}


@dataclass
class House:
    """A store of the test's own, which it may break, nodes on it, and the platform that they send to."""

    directory: Path
    simulator: Simulator
    nodes: list[Node] = field(default_factory=list)
    server: ValkeyProcess | None = None
    options: dict[str, str] = field(default_factory=lambda: dict(ON_DISK))
    rules: Mapping[str, Any] = field(default_factory=lambda: RULES)

    @property
    def url(self) -> str:
        return socket_url(str(self.directory / SOCKET_NAME))

    async def start_store(self) -> None:
        self.server = ValkeyProcess.spawn(self.directory, self.options)
        await self.server.ready(str(self.directory / SOCKET_NAME), timeout_s=10)

    async def end_store(self, how: int = signal.SIGKILL) -> None:
        assert self.server is not None
        self.server._process.send_signal(how)
        await self.server.ended()

    def look(self) -> Redis:
        return Redis.from_url(self.url)

    async def node(self, journal: Path | None = None, url: str | None = None) -> Node:
        settings = Deployment(limit=LIMIT, rules=self.rules).settings(url or self.url, self.simulator.url)
        node = await build(settings.model_copy(update={"journal": JournalTable(directory=journal)}))
        await node.start()
        self.nodes.append(node)
        return node

    async def end(self, node: Node) -> None:
        self.nodes.remove(node)
        await node.stop()

    @property
    def accepted(self) -> int:
        return len(self.simulator.world.book.accepted)


@asynccontextmanager
async def a_house() -> AsyncIterator[House]:
    """A store, a platform, and no node yet."""
    simulator = await run_simulator(config=Deployment(limit=LIMIT).platform)
    with TemporaryDirectory(prefix="tidegate-test-") as directory:
        made = House(Path(directory), simulator)
        await made.start_store()
        try:
            yield made
        finally:
            for node in list(made.nodes):
                await made.end(node)
            assert made.server is not None
            await made.server.stop(5)
            await simulator.stop()


def a_message(node: Node, to: str, category: Category | None = Category.MARKETING, *, hold: bool = True) -> Message:
    if category is None:
        body = {"messaging_product": "whatsapp", "to": to, "type": "text", "text": {"body": "yes"}}
    else:
        template = {"name": MARKETING, "language": {"code": "en_US"}}
        body = {"messaging_product": "whatsapp", "to": to, "type": "template", "template": template}
    request = parse_send(orjson.dumps(body))
    assert isinstance(request, Request)
    gateway = node.services.gateway
    return Message(
        message_id=gateway.new_id(PORTFOLIO),
        app=APP,
        route=ROUTE,
        request=request,
        raw_path=f"/v25.0/{NUMBER.id}/messages",
        deadline_ms=gateway.deadline_ms(ROUTE, category),
        category=category,
        hold=hold and category is not None,
    )


async def sent(node: Node, to: str, category: Category | None = Category.MARKETING, *, hold: bool = True) -> Answered:
    return await node.services.gateway.submit(a_message(node, to, category, hold=hold))


async def used(node: Node) -> int:
    return (await node.services.ledger.books(PORTFOLIO)).used


async def works_again(house: House, node: Node) -> None:
    """Return once the node trusts the books that there are now, on the server that there is now."""

    async def trusted() -> bool:
        with house.look() as store:
            era = store.hget(PortfolioKeys(PORTFOLIO).ledger, "era") or b"none"
            run_id = store.info("server")["run_id"]
        recovery = node.recovery
        known = recovery.witness.trusts(run_id) and recovery.journals[0].of(PORTFOLIO).era == era.decode()
        return known and not recovery.witness.doubts.is_set()

    await until(trusted)


async def whole(node: Node) -> None:
    """Return once the books are whole, and the node knows it."""

    async def are_whole() -> bool:
        try:
            await node.services.standings.reload(PORTFOLIO, -1)
        except StoreUnavailable:
            return False
        return node.services.standings.known(PORTFOLIO).held_until_ms == 0

    await until(are_whole)


async def held(node: Node) -> None:
    async def are_held() -> bool:
        try:
            await node.services.standings.reload(PORTFOLIO, -1)
        except StoreUnavailable:
            return False
        return node.services.standings.known(PORTFOLIO).held_until_ms > 0

    await until(are_held)


async def emptied(house: House) -> None:
    with house.look() as store:
        store.flushall()
