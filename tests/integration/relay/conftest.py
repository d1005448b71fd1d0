"""Nodes on a real store, a recording stand-in for Graph, and apps that webhooks are handed to."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web

from tests.integration.edge.callers import (
    ANN,
    CHECKOUT,
    NUMBER,
    OPERATOR,
    OTHER_NUMBER,
    WABA,
    Answer,
    Caller,
    Recorder,
    config_text,
    signed,
)
from tests.integration.relay.listener import SECRET, Listener
from tests.waiting import until
from tidegate.app import Node, build
from tidegate.settings import load
from tidegate.settings.app_keys import hash_key
from tidegate.store.embedded import socket_url
from tidegate.store.scripts import StoreClient

SHOP = "tg_shop"
AT_S = 1_790_000_000


def status(word: str, wamid: str, opaque: str | None = None, at_s: int = AT_S, to: str = ANN, **more: Any) -> Any:
    told = {"id": wamid, "status": word, "timestamp": str(at_s), "recipient_id": to.removeprefix("+")}
    return told | ({} if opaque is None else {"biz_opaque_callback_data": opaque}) | more


def inbound(body: str = "hello", message_id: str = "wamid.in", sender: str = ANN, **more: Any) -> Any:
    told = {"id": message_id, "from": sender.removeprefix("+"), "timestamp": str(AT_S), "type": "text"}
    return told | {"text": {"body": body}} | more


def messaging(*, number: str = NUMBER, waba: str = WABA, contacts: Any = None, **lists: list[Any]) -> bytes:
    """A delivery of the field `messages`."""
    value: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": number},
        **({} if contacts is None else {"contacts": contacts}),
        **lists,
    }
    return delivery("messages", value, waba)


def delivery(field_: str, value: Any, waba: str = WABA, **more: Any) -> bytes:
    entry = {"id": waba, **more, "changes": [{"field": field_, "value": value}]}
    return orjson.dumps({"object": "whatsapp_business_account", "entry": [entry]})


@dataclass
class Town:
    """Two apps of one number, `checkout` and `shop`, and `depot` of another portfolio's; any number of nodes."""

    session: aiohttp.ClientSession
    graph: Recorder
    checkout: Listener
    shop: Listener
    depot: Listener
    store: str
    directory: Path
    nodes: list[Node] = field(default_factory=list)
    pause: str = ""

    def config(self, relay: str) -> str:
        text = config_text(self.store, self.graph.url, limit="TIER_2K", clock=True)
        text = text.replace("[[app]]\n", f"[relay]\n{relay}\n[[app]]\n", 1)
        text = text.replace('name = "checkout"\n', f'name = "checkout"\n{_hook(self.checkout)}', 1)
        text += f'[[app]]\nname = "shop"\nkey_sha256 = "{hash_key(SHOP)}"\n{_hook(self.shop)}numbers = ["{NUMBER}"]\n'
        key = hash_key("tg_depot")
        return text + (
            f'[[app]]\nname = "depot"\nkey_sha256 = "{key}"\n{_hook(self.depot)}numbers = ["{OTHER_NUMBER}"]\n'
        )

    async def node(
        self, relay: str = 'allow_private = true\ntimeout = "2s"', apps_at: str | None = None, **server: str
    ) -> Node:
        """Start one; `server`: settings of that table."""
        path, text = self.directory / "tidegate.toml", self.config(relay)
        if apps_at is not None:
            hooks = (self.checkout.url, self.shop.url, self.depot.url)
            text = functools.reduce(lambda said, hook: said.replace(hook, apps_at), hooks, text)
        path.write_text(text)
        settings = {f"TIDEGATE_SERVER__{name.upper()}": value for name, value in server.items()}
        node = await build(load(path, {"TIDEGATE_SERVER__LISTEN": "127.0.0.1:0"} | settings))
        self.nodes.append(node)
        await node.start()
        return node

    async def end(self, node: Node) -> None:
        self.nodes.remove(node)
        await node.stop()

    def caller(self, node: Node | None = None) -> Caller:
        return Caller.of(node or self.nodes[0], self.session)

    async def tell(self, raw: bytes, node: Node | None = None) -> int:
        """Meta's delivery; the status of the answer."""
        call = self.caller(node)
        return (await call("POST", "/webhooks/whatsapp", None, data=raw, headers=signed(raw))).status

    async def pass_time(self, seconds: float) -> None:
        got = await self.caller()("POST", "/gateway/v1/testing/clock", OPERATOR, json={"advance_s": seconds})
        assert got.status == 200

    async def send(self, body: Any, key: str = CHECKOUT, **headers: str) -> Answer:
        return await self.caller().send(body, key, **headers)

    @property
    def posted_opaque(self) -> str:
        """The callback data that Graph was given last."""
        return str(orjson.loads(self.graph.requests[-1][3])["biz_opaque_callback_data"])


def _hook(app: Listener) -> str:
    return f'webhook_url = "{app.url}"\nwebhook_secret = "{SECRET}"\n'


@pytest.fixture
async def town(client: StoreClient, valkey_socket: str, tmp_path: Path) -> AsyncIterator[Town]:
    graph, apps = Recorder(), [Listener(), Listener(), Listener()]
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", graph.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    graph.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    for app in apps:
        await app.start()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        made = Town(session, graph, *apps, socket_url(valkey_socket), tmp_path)
        yield made
        for node in list(made.nodes):
            await made.end(node)
    for app in apps:
        await app.stop()
    await runner.cleanup()


Counted = Callable[[Listener, int], Awaitable[None]]


@pytest.fixture
def gets() -> Counted:
    """Returns once an app has got so many webhooks."""

    async def wait(app: Listener, count: int) -> None:
        async def has() -> bool:
            return len(app.got) >= count

        await until(has)

    return wait
