"""A gateway process in front of the simulated Cloud API, and an estate of numbers for each client library."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp

from tests.system.served import Served
from tests.waiting import until
from tidegate.settings import hash_key
from tidegate.simulator.config import NumberConfig, PortfolioConfig, SimulatorConfig, WabaConfig
from tidegate.simulator.config import TemplateConfig as Template
from tidegate.simulator.scenarios import INSTANT
from tidegate.simulator.server import Simulator, run_simulator

TEMPLATES: Final = (
    Template("order_confirmation", "UTILITY"),
    Template("black_friday_offer", "MARKETING"),
    Template("login_code", "AUTHENTICATION"),
    Template("winback", "MARKETING"),
    Template("newsletter", "MARKETING"),
)
_ROOMY: Final = 250
#: One place: the stage takes it, so that whatever comes next waits.
_FULL: Final = 1

_HEAD: Final = """
[server]
listen = "127.0.0.1:{port}"
[store]
url = "embedded:{data}"
[upstream]
base_url = "{upstream}"
[webhook]
verify_token = "hub-verify-token"
app_secrets = ["app-secret"]
[privacy]
identity_key = "an identity key of at least 32 bytes"
payload_key = "a payload key of at least 32 bytes.."
[rules]
headroom = 0.0
pacing_wait = "0s"
[rules.reserve]
authentication = 0.0
utility = 0.0
"""
_ESTATE: Final = """
[[app]]
name = "{estate.name}"
key_sha256 = "{key_sha256}"
scopes = ["send", "read"]
numbers = ["{estate.room}", "{estate.slow}"]
[[app]]
name = "{estate.name}-full"
key_sha256 = "{full_key_sha256}"
scopes = ["send", "read"]
numbers = ["{estate.full}"]
[[portfolio]]
id = "roomy-{estate.name}"
messaging_limit = {roomy}
[[portfolio.waba]]
id = "{estate.waba}"
access_token = "{estate.token}"
number = [
  {{ id = "{estate.room}", display_phone_number = "{estate.digits}1" }},
  {{ id = "{estate.slow}", display_phone_number = "{estate.digits}2", throughput = 1 }},
]
[[portfolio]]
id = "full-{estate.name}"
messaging_limit = {full}
[[portfolio.waba]]
id = "{estate.full_waba}"
access_token = "{estate.full_token}"
number = [{{ id = "{estate.full}", display_phone_number = "{estate.digits}3" }}]
"""


@dataclass(frozen=True, slots=True)
class Estate:
    """What one library has to itself: numbers with room, at one message per second, and at a full limit."""

    index: int

    @property
    def name(self) -> str:
        return f"client-{self.index}"

    @property
    def digits(self) -> str:
        return f"15550{self.index:05}"

    @property
    def room(self) -> str:
        return f"1065403522{self.index:04}1"

    @property
    def slow(self) -> str:
        return f"1065403522{self.index:04}2"

    @property
    def full(self) -> str:
        return f"1065403522{self.index:04}3"

    @property
    def waba(self) -> str:
        return f"1022901293{self.index:04}8"

    @property
    def full_waba(self) -> str:
        return f"1022901293{self.index:04}9"

    @property
    def token(self) -> str:
        """Meta's, which opens one account: the gateway lets no file through on one that opens more."""
        return f"EAAG-simulated-token-of-{self.waba}"

    @property
    def full_token(self) -> str:
        return f"EAAG-simulated-token-of-{self.full_waba}"

    def user(self, nth: int) -> str:
        """A user whom no other library writes to."""
        return f"16505{self.index:03}{nth:03}"

    def key_for(self, number: str) -> str:
        """The key of the app that a number belongs to."""
        return f"tg_of-{self.name}" if number != self.full else f"tg_of-{self.name}-full"

    def login(self, number: str, key: str | None = None) -> dict[str, str]:
        """What a library's client is made with."""
        return {"key": key or self.key_for(number), "number": number, "waba": self.waba}

    def configured(self) -> str:
        return _ESTATE.format(
            estate=self,
            key_sha256=hash_key(self.key_for(self.room)),
            full_key_sha256=hash_key(self.key_for(self.full)),
            roomy=_ROOMY,
            full=_FULL,
        )

    def imitated(self) -> tuple[PortfolioConfig, PortfolioConfig]:
        room, slow = NumberConfig(self.room, f"{self.digits}1"), NumberConfig(self.slow, f"{self.digits}2")
        roomy = WabaConfig(self.waba, self.token, (room, slow), TEMPLATES)
        full = WabaConfig(self.full_waba, self.full_token, (NumberConfig(self.full, f"{self.digits}3"),), TEMPLATES)
        return (
            PortfolioConfig(
                f"roomy-{self.name}", (roomy,), messaging_limit=_ROOMY, business_id=f"5069143{self.index}1"
            ),
            PortfolioConfig(f"full-{self.name}", (full,), messaging_limit=_FULL, business_id=f"5069143{self.index}2"),
        )


@dataclass(slots=True)
class Stage:
    """A gateway and the platform behind it."""

    url: str
    simulator: Simulator
    _session: aiohttp.ClientSession

    def accepted(self, user: str) -> list[str]:
        """The ids of what Meta accepted for a user."""
        return [send.wamid for send in self.simulator.world.book.accepted if send.user == user]

    async def user_writes(self, number: str, user: str) -> None:
        """A user's message to a number, and the gateway has been told of it."""
        self.simulator.world.inbound(number, user, self.simulator.clock())
        self.simulator.courier.stir()
        await self.simulator.settled()

    async def send(self, estate: Estate, number: str, **message: Any) -> int:
        """Send a message without any library; the HTTP status."""
        body = {"messaging_product": "whatsapp", **message}
        headers = {"Authorization": f"Bearer {estate.key_for(number)}"}
        async with self._session.post(f"{self.url}/v25.0/{number}/messages", json=body, headers=headers) as answer:
            return answer.status

    async def state(self, estate: Estate, number: str, message_id: str) -> str:
        """What became of a number's message, as the gateway tells."""
        headers = {"Authorization": f"Bearer {estate.key_for(number)}"}
        async with self._session.get(f"{self.url}/gateway/v1/messages/{message_id}", headers=headers) as answer:
            return str((await answer.json()).get("state"))

    async def throttled(self) -> int:
        """How many sends the gateway has refused until now because they came too fast."""
        async with self._session.get(f"{self.url}/metrics") as answer:
            text = await answer.text()
        counts = re.findall(r'^tidegate_sends_total\{[^}]*reason="throughput"[^}]*\} ([0-9.]+)', text, re.MULTILINE)
        return int(sum(map(float, counts)))

    async def uploaded(self, estate: Estate, media: str) -> bytes | None:
        """What Meta got as this file."""
        headers = {"Authorization": f"Bearer {estate.token}"}
        async with self._session.get(f"{self.simulator.url}/_media/{media}", headers=headers) as answer:
            return await answer.read() if answer.status == 200 else None

    async def upload(self, estate: Estate, content: bytes) -> str:
        """Send a file without any library; its id."""
        form = aiohttp.FormData({"messaging_product": "whatsapp", "type": "image/png"})
        form.add_field("file", content, filename="picture.png", content_type="image/png")
        headers = {"Authorization": f"Bearer {estate.key_for(estate.room)}"}
        url = f"{self.url}/v25.0/{estate.room}/media"
        async with self._session.post(url, data=form, headers=headers) as answer:
            return str((await answer.json())["id"])


@asynccontextmanager
async def staged(estates: Sequence[Estate], directory: Path) -> AsyncIterator[Stage]:
    """Start both, with each estate's limit of one place taken."""
    portfolios = tuple(portfolio for estate in estates for portfolio in estate.imitated())
    simulator = await run_simulator("127.0.0.1:0", None, SimulatorConfig(portfolios, INSTANT))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = directory / "tidegate.toml"
    head = _HEAD.format(port=port, data=directory / "data", upstream=simulator.url)
    config.write_text(head + "".join(estate.configured() for estate in estates))
    node = Served(config, port)
    url = f"http://127.0.0.1:{port}"
    simulator.courier.url = f"{url}/webhooks/whatsapp"
    try:
        await node.start()
        async with aiohttp.ClientSession() as session:
            stage = Stage(url, simulator, session)
            await asyncio.gather(*(_take_the_place(stage, estate) for estate in estates))
            yield stage
    finally:
        await node.kill()
        await simulator.stop()


async def _take_the_place(stage: Stage, estate: Estate) -> None:
    template = {"name": "order_confirmation", "language": {"code": "en_US"}}

    async def is_taken() -> bool:
        return await stage.send(estate, estate.full, to=estate.user(0), type="template", template=template) == 200

    await until(is_taken)
