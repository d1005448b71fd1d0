"""One real node, store and platform, brought into trouble step by step; what `/metrics` says is kept along the way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import aiohttp
import orjson
from pydantic import SecretStr

from loadtest.deployment import APP_KEY, MARKETING, NUMBER, PORTFOLIO, WABA, Deployment
from tests.alerts.promtool import Scrape, read_scrape
from tests.integration.edge.callers import signed
from tests.integration.house import LIMIT, House, a_house
from tests.waiting import until
from tidegate.app import Node, build
from tidegate.policy.standing import Change
from tidegate.settings.app_keys import hash_key
from tidegate.settings.tables import Alerts, App
from tidegate.settings.tables import Relay as RelayTable
from tidegate.simulator.faults import Fault, Then
from tidegate.store.keys import PortfolioKeys

RULES = {
    "headroom": 0,
    "reserve": {"authentication": 0, "utility": 0},
    "early_warning": {"mode": "off"},
    # The platform has templates that are not well.
    "consequence": [{"id": name, "mode": "off"} for name in ("template_paused", "template_red")],
}
NARROW_KEY = "tg_a-key-of-an-app-that-may-do-one-thing-at-a-time"
KEYS = PortfolioKeys(PORTFOLIO)
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000


@dataclass
class Stage:
    """`scrapes`: what was told, by the name of the state that the node was in."""

    house: House
    node: Node
    session: aiohttp.ClientSession
    scrapes: dict[str, Scrape] = field(default_factory=dict)
    last: tuple[str, str] = ("", "")
    """Of the last message that Meta took: the gateway's id and Meta's."""
    users: Any = field(default_factory=lambda: count(15_550_100_000))

    # What it is asked

    async def scrape(self) -> Scrape:
        async with self.session.get(f"{self.url}/metrics") as answer:
            assert answer.status == 200
            return read_scrape(await answer.text())

    async def shows(self, name: str, series: str, at_least: float = 1, most: float = float("inf")) -> Scrape:
        """Keep what is told under a name once a series has its value."""

        async def is_so() -> bool:
            self.scrapes[name] = await self.scrape()
            found = [v for s, v in self.scrapes[name].items() if _is(s, series)]
            return bool(found) and at_least <= sum(found) <= most

        await until(is_so)
        return self.scrapes[name]

    @property
    def url(self) -> str:
        host, port = self.node.address
        return f"http://{host}:{port}"

    # What is done to it

    async def send(self, template: str = MARKETING, *, key: str = APP_KEY, hold: str = "reject") -> int:
        body = {
            "messaging_product": "whatsapp",
            "to": f"+{next(self.users)}",
            "type": "template",
            "template": {"name": template, "language": {"code": "en_US"}},
        }
        headers = {"Authorization": f"Bearer {key}", "Tidegate-Hold": hold}
        async with self.session.post(f"{self.url}/v25.0/{NUMBER.id}/messages", json=body, headers=headers) as answer:
            told = orjson.loads(await answer.read())
            if answer.status == 200 and "messages" in told:
                self.last = answer.headers["Tidegate-Id"], told["messages"][0]["id"]
            return answer.status

    async def webhook(self, field_: str, value: Any) -> None:
        entry = {"id": WABA.id, "changes": [{"field": field_, "value": value}]}
        raw = orjson.dumps({"object": "whatsapp_business_account", "entry": [entry]})
        headers = signed(raw, self.house.simulator.config.app_secret)
        async with self.session.post(f"{self.url}/webhooks/whatsapp", data=raw, headers=headers) as answer:
            assert answer.status == 200

    async def inbound(self, at_ms: int | None = None) -> None:
        at_s = (self.now_ms if at_ms is None else at_ms) // 1_000
        user = str(next(self.users))
        message = {"from": user, "id": f"wamid.{user}", "timestamp": str(at_s), "type": "text", "text": {"body": "hi"}}
        await self.webhook("messages", {"messaging_product": "whatsapp", "metadata": METADATA, "messages": [message]})

    @property
    def now_ms(self) -> int:
        return self.node.services.clock.now_ms()

    async def advance(self, ms: int) -> None:
        steerable = self.node.services.steerable
        assert steerable is not None
        await steerable.advance(ms)
        self.node.services.clock.observe(await steerable.now_ms())

    async def change(self, kind: str, key: str, **values: Any) -> None:
        change = Change(kind, key, values, "graph" if kind == "number" else "operator", self.now_ms, "a test")
        await self.node.services.standings.change(PORTFOLIO, [change])

    def fault(self, then: Then, **more: Any) -> None:
        self.house.simulator.faults.add(Fault(then, **more))

    def error(self, code: int, status: int) -> None:
        self.fault(
            Then.STATUS, status=status, body={"error": {"message": "no", "type": "OAuthException", "code": code}}
        )


METADATA = {"display_phone_number": NUMBER.display_phone_number, "phone_number_id": NUMBER.id}


def _is(series: str, wanted: str) -> bool:
    name, *labels = wanted.replace("{", ",").rstrip("}").split(",")
    return series.startswith(name + "{") and all(label in series for label in labels if label)


@asynccontextmanager
async def a_stage() -> AsyncIterator[Stage]:
    """A node that has been well: one send, one webhook."""
    async with a_house() as house, aiohttp.ClientSession() as session:
        settings = Deployment(limit=LIMIT, rules=RULES).settings(house.url, house.simulator.url)
        own = settings.apps[0].model_copy(
            # Nobody listens there.
            update={"webhook_url": "http://127.0.0.1:9/hooks", "webhook_secret": SecretStr("s" * 32)}
        )
        narrow = App.model_validate(
            {"name": "narrow", "key_sha256": hash_key(NARROW_KEY), "scopes": ["send"], "max_in_flight": 1}
        )
        relay = RelayTable.model_validate({"allow_private": True})
        told = Alerts.model_validate({"webhook_url": "http://127.0.0.1:9/alerts", "webhook_secret": "s" * 32})
        settings = settings.model_copy(update={"apps": (own, narrow), "relay": relay, "alerts": told})
        node = await build(settings)
        house.nodes.append(node)
        await node.start()
        stage = Stage(house, node, session)
        assert await stage.send() == 200
        await stage.inbound()
        await stage.shows("well", 'tidegate_store_seconds_count{script="admit"')
        yield stage
