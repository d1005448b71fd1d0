"""What the tests of the HTTP face share: a configuration, bodies, a caller, and a recording stand-in for Graph."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
from aiohttp import web
from yarl import URL

from tidegate.app import Node
from tidegate.settings.app_keys import hash_key
from tidegate.simulator.config import (
    DEFAULT_PORTFOLIO,
    DEFAULT_TOKEN,
    NumberConfig,
    PortfolioConfig,
    SimulatorConfig,
    WabaConfig,
)
from tidegate.simulator.scenarios import INSTANT

NUMBER, WABA, PORTFOLIO = "106540352242922", "102290129340398", "lucky-shrub"
OTHER_NUMBER, OTHER_WABA, OTHER_PORTFOLIO = "200000000000002", "300000000000003", "wind-and-wool"
ANN, BOB = "+16505551234", "+16505559999"
CHECKOUT, READER, SENDER, OPERATOR, STRANGER = "tg_checkout", "tg_reader", "tg_sender", "tg_operator", "tg_stranger"
ONCALL = "tg_oncall"
APP_SECRET, VERIFY_TOKEN = "app-secret", "hub-verify-token"

CONFIG = """
[store]
url = "{store}"
[upstream]
base_url = "{upstream}"
timeout = "2s"
[webhook]
verify_token = "hub-verify-token"
app_secrets = ["next-app-secret", "app-secret"]
[privacy]
identity_key = "identity-identity-identity-key-32"
payload_key = "payload-payload-payload-key-32byt"
[[portfolio]]
id = "lucky-shrub"
messaging_limit = "{limit}"
[[portfolio.waba]]
id = "102290129340398"
access_token = "{token}"
[[portfolio.waba.number]]
id = "106540352242922"
display_phone_number = "15550783881"
[[portfolio]]
id = "wind-and-wool"
messaging_limit = "TIER_UNLIMITED"
[[portfolio.waba]]
id = "300000000000003"
access_token = "EAAG-another-token"
[[portfolio.waba.number]]
id = "200000000000002"
[rules]
pacing_wait = "1s"
[testing]
clock = {clock}
"""

APPS = (
    ("checkout", CHECKOUT, '["send", "read", "admin"]', f'["{NUMBER}"]'),
    ("reader", READER, '["read"]', f'["{NUMBER}"]'),
    ("sender", SENDER, '["send"]', f'["{NUMBER}"]'),
    ("operator", OPERATOR, '["send", "read", "admin"]', None),
    ("oncall", ONCALL, '["oncall"]', f'["{NUMBER}"]'),
    ("stranger", STRANGER, '["send", "read", "admin"]', f'["{OTHER_NUMBER}"]'),
)


def config_text(store: str, upstream: str, *, limit: str, clock: bool) -> str:
    text = CONFIG.format(
        store=store, upstream=upstream, token=DEFAULT_TOKEN, limit=limit, clock="true" if clock else "false"
    )
    for name, key, scopes, numbers in APPS:
        text += f'[[app]]\nname = "{name}"\nkey_sha256 = "{hash_key(key)}"\nscopes = {scopes}\n'
        text += f"numbers = {numbers}\n" if numbers else ""
    return text


def template(to: str = ANN, name: str = "order_confirmation", **more: Any) -> dict[str, Any]:
    """A template send."""
    named = {"name": name, "language": {"code": "en_US"}}
    return {"messaging_product": "whatsapp", "to": to, "type": "template", "template": named} | more


def text(to: str = ANN) -> dict[str, Any]:
    """A free-form send."""
    return {"messaging_product": "whatsapp", "to": to, "type": "text", "text": {"body": "Hello"}}


def accepted(wamid: str = "wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI=", to: str = ANN) -> dict[str, Any]:
    """Meta's answer to a send."""
    return {
        "messaging_product": "whatsapp",
        "contacts": [{"input": to, "wa_id": to.removeprefix("+")}],
        "messages": [{"id": wamid, "message_status": "accepted"}],
    }


def signed(raw: bytes, secret: str = APP_SECRET) -> dict[str, str]:
    """Headers of a webhook of Meta's."""
    digest = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    return {"X-Hub-Signature-256": f"sha256={digest}", "Content-Type": "application/json"}


@dataclass
class Answer:
    """An HTTP answer, read."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return orjson.loads(self.raw)

    @property
    def error(self) -> dict[str, Any]:
        return dict(self.body["error"])

    def __getitem__(self, header: str) -> str | None:
        return self.headers.get(header)


@dataclass
class Caller:
    """Calls one node."""

    url: str
    session: aiohttp.ClientSession

    @classmethod
    def of(cls, node: Node, session: aiohttp.ClientSession) -> Caller:
        """A caller of this node."""
        return cls(f"http://127.0.0.1:{node.address[1]}", session)

    async def __call__(self, method: str, path: str, key: str | None = CHECKOUT, **more: Any) -> Answer:
        headers = dict(more.pop("headers", {}))
        if key is not None:
            headers.setdefault("Authorization", f"Bearer {key}")
        target = URL(self.url + path, encoded=True)
        async with self.session.request(method, target, headers=headers, allow_redirects=False, **more) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    async def send(self, body: Any, key: str | None = CHECKOUT, number: str = NUMBER, **headers: str) -> Answer:
        """Send a message; header names with _ for -."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self("POST", f"/v25.0/{number}/messages", key, json=body, headers=named)


@dataclass
class Recorder:
    """A stand-in for Graph that keeps what it gets; `answer` may be replaced."""

    url: str = ""
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    answer: Callable[[web.Request, bytes], Awaitable[web.StreamResponse]] | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        if _is_poll(request):
            return web.json_response({"data": []})
        self.requests.append((request.method, request.raw_path, dict(request.headers), raw))
        if self.answer is not None:
            return await self.answer(request, raw)
        is_send = request.method == "POST" and request.path.rstrip("/").endswith("messages") and b'"read"' not in raw
        return web.json_response(accepted(to=_recipient(raw)) if is_send else {"success": True})


def _recipient(raw: bytes) -> str:
    try:
        return str(json.loads(raw).get("to", ANN))
    except ValueError:
        return ANN


def _is_poll(request: web.Request) -> bool:
    """Whether it is the node's own reading at its start."""
    fields = request.query.get("fields", "")
    polled = ("quality_rating,status", "name,language,category,status", "account_review_status")
    return request.method == "GET" and fields.startswith(polled)


async def raw_exchange(url: str, sent: bytes) -> bytes:
    """Write bytes to the node's port; all that it answers until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", URL(url).port)
    writer.write(sent)
    await writer.drain()
    received = await reader.read()
    writer.close()
    await writer.wait_closed()
    return received


SIMULATED = SimulatorConfig(
    portfolios=(
        DEFAULT_PORTFOLIO,
        PortfolioConfig(
            id=OTHER_PORTFOLIO,
            wabas=(WabaConfig(OTHER_WABA, "EAAG-another-token", (NumberConfig(OTHER_NUMBER, "15550001111"),)),),
            messaging_limit=-1,
        ),
    ),
    behaviour=INSTANT,
)
"""The simulated platform of both portfolios, which delivers at once."""
