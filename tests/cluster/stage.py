"""A node whose portfolios are spread over a Valkey Cluster, the platform behind it, and callers of every portfolio."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import aiohttp
import orjson

from loadtest.own_cluster import OwnCluster, own_cluster, spread
from tests.chaos.verdict import Findings, Taken, Told, judge
from tests.ports import free_port
from tests.waiting import until
from tidegate.app import Node, build
from tidegate.settings import Settings
from tidegate.settings.app_keys import hash_key
from tidegate.simulator.config import DEFAULT_TEMPLATES as TEMPLATES
from tidegate.simulator.config import UNLIMITED, NumberConfig, PortfolioConfig, SimulatorConfig, WabaConfig
from tidegate.simulator.identity import user_by_phone
from tidegate.simulator.server import Simulator, run_simulator

KEY: Final = "tg_a-key-of-the-cluster-test"
SHARDS: Final = 3
OFFER: Final = "black_friday_offer"
_PATIENCE: Final = aiohttp.ClientTimeout(total=5)
_PAUSE_S: Final = 0.02


def soon() -> str:
    """The next whole second but one: what is not to be sent before is queued."""
    return (datetime.now(UTC) + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(slots=True)
class Sent:
    """One message, of which its caller was told this; status 0: nothing."""

    portfolio: str
    phone: str
    status: int = 0
    verdict: str = ""
    message_id: str = ""
    reason: str = ""
    state: str | None = None

    @property
    def user(self) -> str:
        user = user_by_phone(self.phone)
        assert user is not None
        return user.key


@dataclass(slots=True)
class Stage:
    """What is on. `portfolios`: those of one shard not beside each other; `sent`: all that callers have sent."""

    cluster: OwnCluster
    portfolios: Sequence[str]
    platform: SimulatorConfig
    meta: Simulator
    node: Node
    session: aiohttp.ClientSession
    sent: list[Sent] = field(default_factory=list)
    _phones: Iterator[str] = field(default_factory=lambda: (f"+1555{n:07}" for n in itertools.count(1_000_000)))

    def number(self, portfolio: str) -> NumberConfig:
        """The only number of a portfolio."""
        return next(p.wabas[0].numbers[0] for p in self.platform.portfolios if p.id == portfolio)

    def of_shard(self, shard: int) -> list[str]:
        """The portfolios that it had at the start."""
        return [portfolio for portfolio in self.portfolios if self.cluster.home(portfolio) == shard]

    def nobody_yet(self) -> str:
        """The phone of somebody to whom nothing was sent before."""
        return next(self._phones)

    async def send(self, portfolio: str, **headers: str) -> Sent:
        """Send an offer to somebody to whom nothing was sent before."""
        sent = Sent(portfolio, self.nobody_yet())
        self.sent.append(sent)
        template = {"name": OFFER, "language": {"code": "en_US"}}
        body = {"messaging_product": "whatsapp", "to": sent.phone, "type": "template", "template": template}
        path = f"/v25.0/{self.number(portfolio).id}/messages"
        status, told, _ = await self.call("POST", path, body, **headers)
        sent.status, sent.verdict = status, told.get("Tidegate-Verdict", "")
        sent.message_id, sent.reason = told.get("Tidegate-Id", ""), told.get("Tidegate-Reason", "")
        return sent

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, Any]:
        """Ask the node: status, headers, what the body says."""
        host, port = self.node.address
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"http://{host}:{port}{path}"
        async with self.session.request(method, url, json=body, headers=named, timeout=_PATIENCE) as answer:
            return answer.status, answer.headers, await answer.json(content_type=None)

    async def told_of(self) -> set[str]:
        """The portfolios of which the live feed tells a decision, each of which sends once somebody reads."""
        told: set[str] = set()
        url = f"http://{self.node.address[0]}:{self.node.address[1]}/gateway/v1/events?kinds=decision"
        async with self.session.get(url) as feed, self.callers(), asyncio.timeout(20):
            async for line in feed.content:
                if line.startswith(b"data:"):
                    told.add(orjson.loads(line[5:])["portfolio"])
                if len(told) == len(self.portfolios):
                    break
        return told

    @asynccontextmanager
    async def callers(self) -> AsyncIterator[None]:
        """Have every portfolio send on and on within the block. Raises what ended one of them."""

        async def go_on(portfolio: str) -> None:
            while not over.is_set():
                await self.send(portfolio)
                await asyncio.sleep(_PAUSE_S)

        over = asyncio.Event()
        going = [asyncio.create_task(go_on(portfolio)) for portfolio in self.portfolios]
        try:
            yield
        finally:
            over.set()
            await asyncio.gather(*going)

    async def goes_on(self, portfolios: Sequence[str], times: int = 3) -> None:
        """Wait until each of these has had so many sends taken from now on."""
        seen = len(self.sent)

        async def have() -> bool:
            taken = [sent.portfolio for sent in self.sent[seen:] if sent.status == 200]
            return all(taken.count(portfolio) >= times for portfolio in portfolios)

        await until(have)

    async def findings(self) -> Findings:
        """Judge all that was sent, once nothing is queued or under way any more."""

        async def is_settled() -> bool:
            for sent in self.sent:
                if sent.status == 200 and sent.state in (None, "queued", "sending"):
                    status, _, told = await self.call("GET", f"/gateway/v1/messages/{sent.message_id}")
                    sent.state = None if status == 404 else told.get("state")
            return all(sent.status != 200 or sent.state not in ("queued", "sending") for sent in self.sent)

        await until(is_settled)
        book = [Taken(one.at_ms, one.user, one.counts) for one in self.meta.world.book.accepted]
        told = [Told(sent.user, sent.status, sent.verdict, sent.state) for sent in self.sent]
        return judge(book, told, len(self.sent), 0)

    def refused(self, since: int = 0) -> list[Sent]:
        """What was not taken."""
        return [sent for sent in self.sent[since:] if sent.status != 200]


def platform(portfolios: Sequence[str]) -> SimulatorConfig:
    """The platform's side: each portfolio with one account and one number."""
    return SimulatorConfig(
        tuple(
            PortfolioConfig(
                name,
                (
                    WabaConfig(
                        f"10229012934{index:04}",
                        f"EAAG-simulated-token-{index}",
                        (NumberConfig(f"10654035224{index:04}", f"1555078{index:04}"),),
                        TEMPLATES,
                    ),
                ),
                UNLIMITED,
            )
            for index, name in enumerate(portfolios)
        ),
        delivery_scale=0.0,
    )


def settings(platform: SimulatorConfig, store_url: str, upstream_url: str) -> Settings:
    """The node's side of the same."""
    portfolios = [
        {
            "id": one.id,
            "messaging_limit": "TIER_UNLIMITED",
            "waba": [
                {
                    "id": waba.id,
                    "access_token": waba.access_token,
                    "number": [{"id": n.id, "display_phone_number": n.display_phone_number} for n in waba.numbers],
                }
                for waba in one.wabas
            ],
        }
        for one in platform.portfolios
    ]
    return Settings.model_validate(
        {
            "server": {"listen": "127.0.0.1:0"},
            "store": {"url": store_url},
            "upstream": {"base_url": upstream_url},
            "webhook": {"verify_token": "verify", "app_secrets": [platform.app_secret]},
            "privacy": {"identity_key": "i" * 32, "payload_key": "p" * 32},
            "portfolio": portfolios,
            "app": [{"name": "shop", "key_sha256": hash_key(KEY), "scopes": ["send", "read", "admin"]}],
            "poll": {"interval": "6h"},
        }
    )


@asynccontextmanager
async def open_stage(portfolios_each: int = 4, *, replicas: bool = True) -> AsyncIterator[Stage]:
    """Put it up: three primaries, a replica of each, one node, whose portfolios are spread evenly."""
    names = spread(SHARDS, portfolios_each)
    ports = [free_port() for _ in range(2 * SHARDS * (1 + replicas))]
    async with own_cluster(ports, replicas=replicas) as cluster:
        made = platform(names)
        meta = await run_simulator(config=made)
        node = await build(settings(made, cluster.url, meta.url))
        try:
            await node.start()
            host, port = node.address
            meta.courier.url = f"http://{host}:{port}/webhooks/whatsapp"
            headers = {"Authorization": f"Bearer {KEY}"}
            connector = aiohttp.TCPConnector(limit=0)
            async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
                yield Stage(cluster, names, made, meta, node, session)
        finally:
            await node.stop()
            await meta.stop()
