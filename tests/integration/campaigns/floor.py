"""A floor for campaigns: the simulated platform with two numbers, nodes on a real store, and campaigns put there."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any, Final

from tests.factories import make_order
from tests.waiting import until
from tidegate.app import Node, build
from tidegate.policy.campaign.fate import Fate
from tidegate.policy.campaign.order import Order
from tidegate.policy.campaign.phase import Event
from tidegate.policy.campaign.spec import Campaign, Row
from tidegate.policy.standing import Change
from tidegate.settings import Settings
from tidegate.settings.app_keys import hash_key
from tidegate.simulator.behaviour import Behaviour
from tidegate.simulator.config import DEFAULT_PORTFOLIO, UNLIMITED, NumberConfig, SimulatorConfig
from tidegate.simulator.scenarios import INSTANT
from tidegate.simulator.server import Simulator
from tidegate.store.audiences import CHUNK_ROWS, WHO_BYTES, Chunk
from tidegate.store.campaigns import Audience, CampaignRecord, Group

PORTFOLIO: Final = DEFAULT_PORTFOLIO.id
WABA: Final = DEFAULT_PORTFOLIO.wabas[0].id
FIRST, SECOND = "106540352242922", "106540352242923"
TEMPLATE: Final = "black_friday_offer"
APP: Final = "shop"
KEY: Final = "tg_a-key-of-the-campaign-tests-and-nothing-else"


def platform(throughput: int = 500, limit: int = UNLIMITED, behaviour: Behaviour | None = None) -> SimulatorConfig:
    """Two numbers of one account; what is accepted is delivered at once."""
    numbers = (NumberConfig(FIRST, "15550783881", throughput), NumberConfig(SECOND, "15550783882", throughput))
    waba = replace(DEFAULT_PORTFOLIO.wabas[0], numbers=numbers)
    portfolio = replace(DEFAULT_PORTFOLIO, wabas=(waba,), messaging_limit=limit)
    return SimulatorConfig((portfolio,), behaviour or INSTANT)


def settings(store_url: str, simulator: Simulator, throughput: int = 500) -> Settings:
    """Of a node before this platform."""
    portfolio = simulator.config.portfolios[0]
    limit = portfolio.messaging_limit
    numbers = [
        {"id": n.id, "display_phone_number": n.display_phone_number, "throughput": throughput}
        for n in portfolio.wabas[0].numbers
    ]
    waba = {"id": WABA, "access_token": portfolio.wabas[0].access_token, "number": numbers}
    return Settings.model_validate(
        {
            "server": {"listen": "127.0.0.1:0"},
            "store": {"url": store_url},
            "upstream": {"base_url": simulator.url},
            "webhook": {"verify_token": "verify", "app_secrets": [simulator.config.app_secret]},
            "privacy": {"identity_key": "i" * 32, "payload_key": "p" * 32},
            "portfolio": [
                {"id": PORTFOLIO, "messaging_limit": "TIER_UNLIMITED" if limit < 0 else limit, "waba": [waba]}
            ],
            "app": [{"name": APP, "key_sha256": hash_key(KEY), "scopes": ["send", "read", "admin"]}],
            "rules": {"headroom": 0, "reserve": {"authentication": 0, "utility": 0}},
            "poll": {"interval": "6h"},
            "testing": {"clock": True},
        }
    )


@dataclass
class Floor:
    """Nodes on one store before one platform, the first of which gets Meta's webhooks."""

    store_url: str
    simulator: Simulator
    throughput: int = 500
    nodes: list[Node] = field(default_factory=list)

    @property
    def node(self) -> Node:
        return self.nodes[0]

    async def add_node(self) -> Node:
        node = await build(settings(self.store_url, self.simulator, self.throughput))
        await node.start()
        self.nodes.append(node)
        host, port = self.node.address
        self.simulator.courier.url = f"http://{host}:{port}/webhooks/whatsapp"
        return node

    async def campaign(self, rows: int, campaign_id: str = "cmp-1", **order: Any) -> CampaignRecord:
        """A draft with so many recipients, dealt out to its groups in turn."""
        services = self.node.services
        ordered = make_order(**{"numbers": [FIRST, SECOND], "template": a_template()} | order)
        now_ms = (await services.ledger.books(PORTFOLIO)).now_ms
        campaign = Order.model_validate(ordered).campaign(campaign_id, PORTFOLIO, APP, now_ms, ordered)
        record = await services.campaigns.create(campaign)
        assert isinstance(record, CampaignRecord)
        groups: list[list[Row]] = [[] for _ in range(campaign.groups)]
        for number in range(1, rows + 1):
            columns = {column: f"guest {number}" for column in campaign.columns}
            groups[number % len(groups)].append(Row(number, number, phone(number), columns))
        await self._upload(campaign, groups)
        audience = Audience(
            "u1", rows, 0, 0, now_ms, tuple(Group(len(kept), -(-len(kept) // CHUNK_ROWS)) for kept in groups)
        )
        done = await services.audiences.finish(record, audience)
        assert done is not None
        return done

    async def _upload(self, campaign: Campaign, groups: list[list[Row]]) -> None:
        audiences = self.node.services.audiences
        await audiences.ready()
        chunks = []
        for group, rows in enumerate(groups):
            for index, first in enumerate(range(0, len(rows), CHUNK_ROWS)):
                chunk = Chunk(group, index)
                some = rows[first : first + CHUNK_ROWS]
                chunks.append(audiences.sealed(campaign, "u1", chunk, some, bytes(WHO_BYTES * len(some))))
        await audiences.put(campaign, "u1", chunks, [])

    async def move(self, event: Event, campaign_id: str = "cmp-1", **told: Any) -> CampaignRecord:
        record = await self.record(campaign_id)
        moved = await self.node.services.steering.move(record, event, **told)
        assert moved is not None
        return moved

    async def record(self, campaign_id: str = "cmp-1") -> CampaignRecord:
        record = await self.node.services.campaigns.get(PORTFOLIO, campaign_id)
        assert record is not None
        return record

    async def reaches(self, state: str, campaign_id: str = "cmp-1") -> CampaignRecord:
        """Return once the campaign is in this state."""

        async def is_there() -> bool:
            return (await self.record(campaign_id)).state == state

        await until(is_there)
        return await self.record(campaign_id)

    async def fates(self, campaign_id: str = "cmp-1") -> Counter[Fate]:
        kept = await self.node.services.fates.read(PORTFOLIO, campaign_id, 1, 1_000_000)
        return Counter(Fate(byte) for byte in kept)

    async def come_to(self, expected: dict[Fate, int], campaign_id: str = "cmp-1") -> None:
        """Return once the rows have these fates, and the counts say the same."""

        async def have() -> bool:
            counts = await self.node.services.fates.counts(PORTFOLIO, campaign_id)
            told: Counter[Fate] = Counter()
            for (_, fate), count in counts.items():
                told[fate] += count
            return await self.fates(campaign_id) == Counter(expected) and told == +Counter(expected) - Counter(
                {Fate.PENDING: expected.get(Fate.PENDING, 0)}
            )

        try:
            await until(have)
        except AssertionError:
            raise AssertionError(f"{await self.fates(campaign_id)} are not {expected}") from None

    def sent_to(self) -> Counter[str]:
        """How often the platform accepted a message to whom, by its own book."""
        return Counter(sent.user for sent in self.simulator.world.book.accepted)


def phone(row: int) -> str:
    return f"1650{row:07}"


def a_template(**changes: Any) -> dict[str, Any]:
    greeting = {"type": "body", "parameters": [{"type": "text", "text": "{{first_name}}"}]}
    return {"name": TEMPLATE, "language": {"code": "en_US"}, "components": [greeting]} | changes


async def pause(floor: Floor, number: str) -> None:
    """Stop a number by hand."""
    stored = {"scope": "number", "value": number, "reason": "test", "until_ms": None, "by": "ops"}
    now_ms = (await floor.node.services.ledger.books(PORTFOLIO)).now_ms
    change = Change("pause", f"pause-{number}", {"pause": stored}, "operator", now_ms, "test", tightens=True)
    await floor.node.services.signals.restand(PORTFOLIO, [change])
