"""What a storm of webhooks costs the login codes beside it: 20 deliveries of 1,000 updates and 3 MB each, at once.

`python -m loadtest.bench.storm` (a minute). One process is node, caller and Meta, and shares its event loop: what is
told of the codes holds for a node on a fraction of a core. Read the ratios, not the figures.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import aiohttp
import orjson
from rich.console import Console
from rich.table import Table

from loadtest.deployment import APP_KEY, LOGIN_CODE, NUMBER, WABA, Deployment
from tidegate.app import Node, build
from tidegate.simulator.server import run_simulator
from tidegate.store.embedded import socket_url
from tidegate.store.valkey_process import SOCKET_NAME, ValkeyProcess
from tidegate.tasks import spawn

DELIVERIES: Final = 20
UPDATES: Final = 1_000
PADDING: Final = 2_700
CODES_EVERY_S: Final = 0.05
CALM_S: Final = 10.0
_KEEPING: Final = {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"}


class Codes:
    """Login codes at a steady pace, each to another user; how long each took (ms), and what was not sent."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, url
        self._user = 0
        self.took_ms: list[float] = []
        self.unsent = 0

    async def run(self, until: asyncio.Event) -> None:
        """Ask until told to end; a code that is late does not hold up the next."""
        asked: list[asyncio.Task[None]] = []
        while not until.is_set():
            asked.append(spawn(self._ask(), "code"))
            await asyncio.sleep(CODES_EVERY_S)
        await asyncio.gather(*asked)

    async def _ask(self) -> None:
        self._user += 1
        named = {"name": LOGIN_CODE, "language": {"code": "en_US"}}
        body = {"messaging_product": "whatsapp", "to": f"+1556{self._user:07}", "type": "template", "template": named}
        headers = {"Authorization": f"Bearer {APP_KEY}", "Tidegate-Category": "authentication"}
        began = time.perf_counter()
        async with self._session.post(self._url, json=body, headers=headers) as told:
            await told.read()
        self.took_ms.append((time.perf_counter() - began) * 1_000)
        self.unsent += told.headers.get("Tidegate-Verdict") != "send"


class Lag:
    """How late the event loop was for what it was to do every 5 ms (ms)."""

    def __init__(self) -> None:
        self.late_ms: list[float] = []

    async def run(self, until: asyncio.Event) -> None:
        """Watch until told to end."""
        while not until.is_set():
            began = time.perf_counter()
            await asyncio.sleep(0.005)
            self.late_ms.append((time.perf_counter() - began) * 1_000 - 5)


def delivery(part: int) -> bytes:
    """A delivery of statuses of as many messages, none of which the gateway knows."""
    metadata = {"display_phone_number": NUMBER.display_phone_number, "phone_number_id": NUMBER.id}
    statuses = [
        {
            "id": f"wamid.{part:03}{i:05}",
            "status": "delivered",
            "timestamp": str(int(time.time())),
            "recipient_id": f"1557{part:03}{i:04}",
            "of_no_use": "x" * PADDING,
        }
        for i in range(UPDATES)
    ]
    value = {"messaging_product": "whatsapp", "metadata": metadata, "statuses": statuses}
    return orjson.dumps(
        {
            "object": "whatsapp_business_account",
            "entry": [{"id": WABA.id, "changes": [{"field": "messages", "value": value}]}],
        }
    )


def at(values: Sequence[float], share: float) -> float:
    """The value that this share of them does not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else 0.0


async def _phase(codes: Codes, during: asyncio.Task[None]) -> Lag:
    over, lag = asyncio.Event(), Lag()
    beside = [spawn(codes.run(over), "codes"), spawn(lag.run(over), "lag")]
    await during
    over.set()
    await asyncio.gather(*beside)
    return lag


async def _measured(node: Node, secret: bytes) -> Table:
    url = f"http://127.0.0.1:{node.address[1]}"
    answers: list[int] = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        bodies = [delivery(part) for part in range(DELIVERIES)]
        seals = [f"sha256={hmac.new(secret, body, hashlib.sha256).hexdigest()}" for body in bodies]

        async def post(body: bytes, seal: str) -> None:
            headers = {"X-Hub-Signature-256": seal}
            async with session.post(f"{url}/webhooks/whatsapp", data=body, headers=headers) as told:
                answers.append(told.status)

        async def storm() -> None:
            await asyncio.gather(*(post(body, seal) for body, seal in zip(bodies, seals, strict=True)))

        async def calm() -> None:
            await asyncio.sleep(CALM_S)

        phases = {}
        before_kb = 0
        for name, during in (("calm", calm), ("storm", storm)):
            codes = Codes(session, f"{url}/v25.0/{NUMBER.id}/messages")
            before_kb, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
            lag = await _phase(codes, spawn(during(), name))
            phases[name] = (codes, lag, time.perf_counter() - began)
        grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb) / 1_024
    mb = len(bodies[0]) / 1_048_576
    table = Table(title=f"{DELIVERIES} x {UPDATES:,} updates, {mb:.1f} MB each: {sorted(set(answers))}")
    for column in ("", "s", "codes", "not sent", "p50 ms", "p99 ms", "loop late p99 ms", "most ms"):
        table.add_column(column, justify="right")
    for name, (codes, lag, took_s) in phases.items():
        took, late = codes.took_ms, lag.late_ms
        figures = (at(took, 0.5), at(took, 0.99), at(late, 0.99), max(late, default=0.0))
        table.add_row(name, f"{took_s:.1f}", str(len(took)), str(codes.unsent), *(f"{value:.1f}" for value in figures))
    calm_p99, storm_p99 = (at(codes.took_ms, 0.99) for codes, _, _ in phases.values())
    rate = DELIVERIES * UPDATES / phases["storm"][2]
    table.caption = (
        f"p99 {storm_p99 / calm_p99:.1f} times the calm one; {rate:,.0f} updates a second; {grown_mb:.0f} MB"
    )
    return table


async def main() -> None:
    """Run both phases on a store and a platform of their own."""
    with TemporaryDirectory(prefix="tidegate-storm-") as directory:
        process = ValkeyProcess.spawn(Path(directory), _KEEPING)
        path = str(Path(directory, SOCKET_NAME))
        await process.ready(path, timeout_s=10)
        deployment = Deployment(limit=-1)
        simulator = await run_simulator(config=deployment.platform)
        settings = deployment.settings(socket_url(path), simulator.url)
        node = await build(settings)
        await node.start()
        try:
            secret = settings.webhook.app_secrets[0].get_secret_value().encode()
            Console(width=140).print(await _measured(node, secret))
        finally:
            await node.stop()
            await simulator.stop()
            await process.stop(timeout_s=5)


if __name__ == "__main__":
    asyncio.run(main())
