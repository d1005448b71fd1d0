"""A gateway process in front of the simulated Cloud API."""

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

from tests.clients.estate import Estate
from tests.system.served import Served
from tests.waiting import until
from tidegate.simulator.config import SimulatorConfig
from tidegate.simulator.scenarios import INSTANT
from tidegate.simulator.server import Simulator, run_simulator

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
        told: dict[str, str] = {}

        async def is_told() -> bool:
            url = f"{self.url}/gateway/v1/messages/{message_id}"
            async with self._session.get(url, headers=headers) as answer:
                told.update(await answer.json())
                return answer.status == 200

        await until(is_told)
        return told["state"]

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
