"""Everything that a run needs, as in a deployment: store, replica, proxies, nodes, the platform, a load balancer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import aiohttp

from tests.chaos.load import KEY, NUMBER, Load, Sent
from tests.chaos.nodes import Fleet, Node
from tests.chaos.server import Server
from tests.chaos.weakened import VARIABLE
from tests.faultproxy import FaultProxy
from tests.ports import free_port
from tests.waiting import until
from tidegate.settings import hash_key
from tidegate.simulator.behaviour import Behaviour
from tidegate.simulator.clock import SteerableClock, system_ms
from tidegate.simulator.config import DEFAULT_TEMPLATES, NumberConfig, PortfolioConfig, SimulatorConfig, WabaConfig
from tidegate.simulator.server import Simulator, run_simulator

PORTFOLIO: Final = "lucky-shrub"
#: More than any run sends.
WIDE: Final = 100_000
_THROUGHPUT: Final = 250
_TURN_S: Final = 0.1
#: Places that a campaign gets: it fills them within seconds, and what follows is queued.
_OFFERS: Final = 40

_CONFIG: Final = """
[server]
listen = "127.0.0.1:{port}"
[store]
url = "redis://127.0.0.1:{store_port}/0?max_connections=64"
replicas_ack = {replicas_ack}
{store}
[upstream]
base_url = "http://127.0.0.1:{upstream_port}"
timeout = "1500ms"
[webhook]
verify_token = "hub-verify-token"
app_secrets = ["app-secret"]
[privacy]
identity_key = "an identity key of at least 32 bytes"
payload_key = "a payload key of at least 32 bytes.."
[rules]
headroom = 0.0
pacing_wait = "1s"
[rules.reserve]
authentication = {codes_share}
utility = 0.0
[poll]
interval = "1h"
[testing]
clock = true
[[app]]
name = "checkout"
key_sha256 = "{key_sha256}"
scopes = ["send", "read", "admin"]
[[portfolio]]
id = "lucky-shrub"
messaging_limit = {limit}
[[portfolio.waba]]
id = "102290129340398"
access_token = "EAAG-simulated-token"
[[portfolio.waba.number]]
id = "106540352242922"
display_phone_number = "15550783881"
throughput = {throughput}
{more}
"""


@dataclass(frozen=True, slots=True)
class Deployment:
    """What is deployed: a limit with places for so many `codes` and for `offers`, `nodes`, the store's `appendfsync`,
    a `replica` beside it or not.

    `store`: further keys of the table of that name; `more`: further tables, whose relative paths lead to a directory of
    the node's own. `environment`: of the last node. `weakness`: what is taken out of the protocol of all nodes.
    """

    codes: int
    nodes: int = 2
    appendfsync: str = "always"
    replica: bool = False
    replicas_ack: int = 0
    behaviour: Behaviour = field(default=Behaviour())
    store: str = ""
    more: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    weakness: str = ""
    offers: int = _OFFERS

    @property
    def limit(self) -> int:
        """Unique users in 24 h."""
        return self.codes + self.offers


@dataclass(slots=True)
class Stage:
    """A deployment that runs. Nodes reach the store through `to_store`, the platform through `to_meta`; the replica
    reaches the store through `link`.
    """

    deployment: Deployment
    store: Server
    replica: Server | None
    to_store: FaultProxy
    to_meta: FaultProxy
    link: FaultProxy
    fleet: Fleet
    meta: Simulator
    clock: SteerableClock
    load: Load
    session: aiohttp.ClientSession
    notes: list[str] = field(default_factory=list)

    async def posts(self, count: int) -> None:
        """Wait until the platform has accepted so many more."""
        wanted = len(self.meta.world.book.accepted) + count

        async def there() -> bool:
            return len(self.meta.world.book.accepted) >= wanted

        await until(there, within_s=60)

    async def queued(self, count: int) -> None:
        """Wait until callers hold so many promises of what is queued."""

        async def there() -> bool:
            return sum(sent.verdict == "queue" for sent in self.load.sent) >= count

        await until(there, within_s=60)

    async def advance(self, by_s: int) -> None:
        """Put forward every clock. Raises AssertionError when no node takes it."""
        self.clock.advance(by_s * 1_000)

        async def taken() -> bool:
            return await self._control("POST", "/testing/clock", {"advance_s": by_s}) is not None

        await until(taken)

    async def limit_is_wide(self) -> int:
        """Let the platform raise the limit far beyond what was sent; when it did (ms)."""
        at_ms = self.clock()
        # News that is lost would leave the queue where it is.
        self.meta.world.behave(replace(self.meta.world.behaviour, lost_share=0.0))
        self.meta.world.set_limit(PORTFOLIO, WIDE, at_ms)
        self.meta.courier.stir()
        return at_ms

    async def states(self) -> int:
        """Ask what became of every promise that is not known to have ended; how many are neither sent nor ended."""
        at_once = asyncio.Semaphore(16)

        async def ask(sent: Sent) -> None:
            async with at_once:
                await until(lambda: self._asked(sent))

        open_ones = [sent for sent in self.load.sent if sent.is_open]
        await asyncio.gather(*(ask(sent) for sent in open_ones))
        return sum(sent.is_open for sent in open_ones)

    async def _asked(self, sent: Sent) -> bool:
        found = await self._control("GET", f"/messages/{sent.message_id}")
        if found is None:
            return False
        sent.state = None if found.get("status") == 404 else str(found["state"])
        sent.is_asked = True
        return True

    async def _control(self, method: str, path: str, body: object = None) -> dict[str, object] | None:
        """An answer of the control plane of any node, 404 with its `status`; None: none now."""
        url = self.fleet.next_url()
        if url is None:
            return None
        key = {"Authorization": f"Bearer {KEY}"}
        try:
            async with self.session.request(method, f"{url}/gateway/v1{path}", json=body, headers=key) as answer:
                told: dict[str, object] = await answer.json(content_type=None)
                return told if answer.status in (200, 404) else None
        except (aiohttp.ClientError, TimeoutError):
            return None


@asynccontextmanager
async def open_stage(deployment: Deployment) -> AsyncIterator[Stage]:
    """Put it up and have it ready; take it down."""
    endings: list[Callable[[], Awaitable[None]]] = []
    # A path that is short: a unix socket's name has room for 107 bytes.
    with TemporaryDirectory(prefix="tidegate-chaos-", ignore_cleanup_errors=True) as directory:
        timeout = aiohttp.ClientTimeout(total=5)
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
            try:
                yield await _put_up(deployment, Path(directory), session, endings)
            finally:
                for end in reversed(endings):
                    await end()


async def _put_up(
    deployment: Deployment, root: Path, session: aiohttp.ClientSession, endings: list[Callable[[], Awaitable[None]]]
) -> Stage:
    clock = SteerableClock(system_ms)
    meta = await run_simulator(config=platform(deployment), clock=clock)
    endings.append(meta.stop)
    store = Server(root / "store", {"appendfsync": deployment.appendfsync})
    endings.append(store.stop)
    await store.start()
    host, _, port = meta.url.removeprefix("http://").partition(":")
    to_store, to_meta, link = FaultProxy(store.address), FaultProxy((host, int(port))), FaultProxy(store.address)
    for proxy in (to_store, to_meta, link):
        await proxy.start()
        endings.append(proxy.stop)
    replica = None
    if deployment.replica:
        replica = Server(root / "replica", {"appendfsync": deployment.appendfsync})
        endings.append(replica.stop)
        await replica.start()
        await _replicate(replica, link)
    fleet = Fleet(_nodes(deployment, root, to_store, to_meta), session)
    endings.append(fleet.stop)
    await fleet.start()
    webhooks = asyncio.get_running_loop().create_task(_balance(fleet, meta), name="load balancer")

    async def no_webhooks() -> None:
        webhooks.cancel()
        await asyncio.gather(webhooks, return_exceptions=True)

    endings.append(no_webhooks)
    load = Load(fleet, meta, session)
    endings.append(load.stop)
    return Stage(deployment, store, replica, to_store, to_meta, link, fleet, meta, clock, load, session)


def platform(deployment: Deployment) -> SimulatorConfig:
    """The platform's side of the same account."""
    number = NumberConfig(NUMBER, "15550783881", _THROUGHPUT)
    waba = WabaConfig("102290129340398", "EAAG-simulated-token", (number,), DEFAULT_TEMPLATES)
    return SimulatorConfig((PortfolioConfig(PORTFOLIO, (waba,), deployment.limit),), deployment.behaviour)


def _nodes(deployment: Deployment, root: Path, to_store: FaultProxy, to_meta: FaultProxy) -> list[Node]:
    nodes = []
    for index in range(deployment.nodes):
        port = free_port()
        home = root / f"node-{index}"
        home.mkdir()
        path = home / "tidegate.toml"
        path.write_text(
            _CONFIG.format(
                port=port,
                store_port=to_store.address[1],
                upstream_port=to_meta.address[1],
                replicas_ack=deployment.replicas_ack,
                store=deployment.store,
                more=deployment.more,
                codes_share=deployment.codes / deployment.limit,
                key_sha256=hash_key(KEY),
                limit=deployment.limit,
                throughput=_THROUGHPUT,
            )
        )
        environment = deployment.environment if index == deployment.nodes - 1 else {}
        module = "tidegate"
        if deployment.weakness:
            environment, module = {**environment, VARIABLE: deployment.weakness}, "tests.chaos.weakened"
        nodes.append(Node(path, f"http://127.0.0.1:{port}", environment, module))
    return nodes


async def _replicate(replica: Server, link: FaultProxy) -> None:
    async with replica.client as client:
        await client.replicaof(*link.address)

        async def is_in_step() -> bool:
            return bool((await client.info("replication"))["master_link_status"] == "up")

        await until(is_in_step)


async def _balance(fleet: Fleet, meta: Simulator) -> None:
    """Have each moment's webhooks go to another node that is awake."""
    while True:
        url = fleet.next_url()
        if url is not None:
            meta.courier.url = f"{url}/webhooks/whatsapp"
        await asyncio.sleep(_TURN_S)
