"""An app that is down for an hour, and what it missed: is all of it delivered, in order, and how often twice?

`python -m loadtest.bench.relay` (two minutes). 10,000 messages of 500 users come in by signed webhooks on two nodes of
one store, some of them twice, while the app refuses everything; time is the store's, and steered. Halfway one of the
nodes ends. Then the app is back, and loses one answer in a hundred after it took what was told.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import itertools
import logging
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import aiohttp
import orjson
import structlog
from aiohttp import web
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from loadtest.deployment import NUMBER, PORTFOLIO, WABA, Deployment
from tidegate.app import Node, build
from tidegate.errors import StoreUnavailable
from tidegate.settings import Settings
from tidegate.settings.tables import Relay
from tidegate.store.embedded import socket_url
from tidegate.store.steerable_clock import SteerableClock
from tidegate.store.valkey_process import SOCKET_NAME, ValkeyProcess

HOUR_S: Final = 3_600
_SECRET: Final = "the-secret-of-the-app"
_AT_S: Final = 1_790_000_000
#: Messages of one delivery of Meta's, and one in so many deliveries that comes twice.
_TOGETHER: Final = 50
_TWICE: Final = 10
#: One in so many answers of the app is lost once it is back.
_LOST: Final = 100
_STEP_S: Final = 60
_PATIENCE_S: Final = 600.0
_ON_DISK: Final = {"save": "", "appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"}


@dataclass
class App:
    """The app: down at first. `got` counts what it took, by user and number; `order` has each user's first ones."""

    is_down: bool = True
    refused: int = 0
    unsigned: int = 0
    got: Counter[tuple[str, int]] = field(default_factory=Counter)
    order: dict[str, list[int]] = field(default_factory=dict)
    chance: random.Random = field(default_factory=lambda: random.Random(7))

    async def take(self, request: web.Request) -> web.Response:
        """One POST of the gateway's."""
        raw = await request.read()
        if self.is_down:
            self.refused += 1
            return web.Response(status=503)
        signed = "sha256=" + hmac.digest(_SECRET.encode(), raw, "sha256").hex()
        self.unsigned += request.headers.get("X-Hub-Signature-256") != signed
        [message] = orjson.loads(raw)["entry"][0]["changes"][0]["value"]["messages"]
        user, number = message["from"], int(message["text"]["body"])
        self.got[user, number] += 1
        if self.got[user, number] == 1:
            self.order.setdefault(user, []).append(number)
        if self.chance.randrange(_LOST) == 0 and request.transport is not None:
            request.transport.abort()
        return web.Response()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run. `out_of_order`: users whose messages did not come in their order."""

    told: int
    told_twice: int
    delivered: int
    twice: int
    lost: int
    out_of_order: int
    unsigned: int
    tries_while_down: int
    down_s: int
    drained_s: float
    """Of the machine's time, from the app's return to the last message."""

    @property
    def is_good(self) -> bool:
        """Whether every message came, in its user's order, signed."""
        return (self.lost, self.out_of_order, self.unsigned) == (0, 0, 0)


async def run(users: int, each: int) -> Outcome:
    """`each` messages of every one of `users`, an outage of an hour, and what came of it."""
    app = App()
    runner = web.AppRunner(_application(app), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/whatsapp"
    try:
        with TemporaryDirectory(prefix="tidegate-relay-") as directory:
            server = ValkeyProcess.spawn(Path(directory), _ON_DISK)
            socket_path = str(Path(directory, SOCKET_NAME))
            try:
                await server.ready(socket_path, timeout_s=10)
                return await _outage(app, _settings(socket_url(socket_path), url), users, each)
            finally:
                await server.stop(5)
    finally:
        await runner.cleanup()


async def _outage(app: App, settings: Settings, users: int, each: int) -> Outcome:
    nodes = [await build(settings), await build(settings)]
    for node in nodes:
        await node.start()
    clock = SteerableClock(nodes[0].connection.client, [PORTFOLIO])
    deliveries = list(_deliveries(users, each))
    told_twice = 0
    try:
        async with aiohttp.ClientSession() as session:
            steps = HOUR_S // _STEP_S
            for step in range(steps):
                if step == steps // 2:
                    await nodes.pop().stop()
                for i in range(step * len(deliveries) // steps, (step + 1) * len(deliveries) // steps):
                    await _tell(session, nodes[i % len(nodes)], deliveries[i])
                    if i % _TWICE == 0:
                        told_twice += deliveries[i].count(b'"from"')
                        await _tell(session, nodes[0], deliveries[i])
                await _pass_time(clock)
        before, app.is_down = app.refused, False
        began = time.monotonic()
        wanted = users * each
        while len(app.got) < wanted and time.monotonic() - began < _PATIENCE_S:
            # Whoever is left alone now is tried again; what follows is as fast as it goes.
            await _pass_time(clock)
            seen = len(app.got)
            await asyncio.sleep(0.5)
            while len(app.got) != seen:
                seen = len(app.got)
                await asyncio.sleep(0.5)
        drained_s = time.monotonic() - began
        await _settled(nodes[0])
    finally:
        for node in nodes:
            await node.stop()
    return _outcome(app, users, each, told_twice, before, drained_s)


def _outcome(app: App, users: int, each: int, told_twice: int, tries: int, drained_s: float) -> Outcome:
    return Outcome(
        told=users * each,
        told_twice=told_twice,
        delivered=len(app.got),
        twice=app.got.total() - len(app.got),
        lost=users * each - len(app.got),
        out_of_order=sum(numbers != sorted(numbers) for numbers in app.order.values()),
        unsigned=app.unsigned,
        tries_while_down=tries,
        down_s=HOUR_S,
        drained_s=drained_s,
    )


async def _pass_time(clock: SteerableClock) -> None:
    for _ in range(20):
        try:
            return await clock.advance(_STEP_S * 1_000)
        except StoreUnavailable:
            # A busy machine is no broken store; that a step may be taken twice changes nothing here.
            await asyncio.sleep(0.25)
    raise RuntimeError("the store does not answer")


async def _settled(node: Node) -> None:
    """Return once nothing waits: what was answered for by a lost answer is delivered again first."""
    clock = SteerableClock(node.connection.client, [PORTFOLIO])
    for _ in range(40):
        with contextlib.suppress(StoreUnavailable):
            if (await node.services.relays.backlog(PORTFOLIO, node.settings.apps[0].name)).waiting == 0:
                return
        await _pass_time(clock)
        await asyncio.sleep(0.25)


def _application(app: App) -> web.Application:
    application = web.Application()
    application.router.add_post("/whatsapp", app.take)
    return application


def _settings(store_url: str, app_url: str) -> Settings:
    settings = Deployment().settings(store_url, "http://127.0.0.1:9")
    [caller] = settings.apps
    caller = caller.model_copy(update={"webhook_url": app_url, "webhook_secret": SecretStr(_SECRET)})
    return settings.model_copy(update={"apps": (caller,), "relay": Relay(allow_private=True)})


def _deliveries(users: int, each: int) -> Iterator[bytes]:
    """Deliveries of Meta's: everybody's first message, everybody's second ..."""
    texts = ((f"1650{user:07}", number) for number in range(each) for user in range(users))
    while batch := list(itertools.islice(texts, _TOGETHER)):
        messages = [
            {
                "id": f"wamid.{user}.{number}",
                "from": user,
                "timestamp": str(_AT_S + number),
                "type": "text",
                "text": {"body": str(number)},
            }
            for user, number in batch
        ]
        metadata = {"display_phone_number": NUMBER.display_phone_number, "phone_number_id": NUMBER.id}
        value = {"messaging_product": "whatsapp", "metadata": metadata, "messages": messages}
        entry = {"id": WABA.id, "changes": [{"field": "messages", "value": value}]}
        yield orjson.dumps({"object": "whatsapp_business_account", "entry": [entry]})


async def _tell(session: aiohttp.ClientSession, node: Node, raw: bytes) -> None:
    host, port = node.address
    secret = node.settings.webhook.app_secrets[0].get_secret_value().encode()
    headers = {"X-Hub-Signature-256": f"sha256={hmac.new(secret, raw, hashlib.sha256).hexdigest()}"}
    # As Meta does: what is not answered 200 is told again.
    for _ in range(20):
        async with session.post(f"http://{host}:{port}/webhooks/whatsapp", data=raw, headers=headers) as answer:
            if answer.status == 200:
                return
        await asyncio.sleep(0.25)
    raise RuntimeError("the gateway takes no webhooks")


def main() -> int:
    """Run it and print what came of it; 1 when anything was lost, out of order or unsigned."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    outcome = asyncio.run(run(users=500, each=20))
    table = Table(title="An app down for an hour", title_justify="left")
    table.add_column("")
    table.add_column("", justify="right")
    for label, told in (
        ("messages told by Meta", f"{outcome.told:,}"),
        ("of them told twice", f"{outcome.told_twice:,}"),
        ("tries while the app was down", f"{outcome.tries_while_down:,}"),
        ("delivered", f"{outcome.delivered:,}"),
        ("lost", f"{outcome.lost:,}"),
        ("delivered twice (1 % of the app's answers are lost)", f"{outcome.twice:,}"),
        ("users whose order was broken", f"{outcome.out_of_order:,}"),
        ("without a good signature", f"{outcome.unsigned:,}"),
        ("time from the app's return to the last one (s)", f"{outcome.drained_s:.1f}"),
    ):
        table.add_row(label, told)
    Console().print(table)
    return 0 if outcome.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
