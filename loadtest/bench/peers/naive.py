"""The second yardstick: a gateway as it is usually written first. It limits, and it is none that could be relied on.

`python -m loadtest.bench.peers.naive PORT UPSTREAM STORE_URL`. aiohttp's server and client on uvloop, the whole message
validated by pydantic, two calls of redis-py a send (one script that looks and counts, one that notes the outcome),
three for a text, prometheus' counters, one line of structlog. No queue, no idempotency, no opt-outs, no retries, no
webhooks, and what it counted before a failed POST stays counted.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import sys
import time
from typing import Final, Literal

import aiohttp
import orjson
import structlog
import uvloop
from aiohttp import web
from prometheus_client import Counter, Histogram
from pydantic import BaseModel, Field, ValidationError
from redis.asyncio import Redis

LIMIT: Final = 50_000_000
_KEY: Final = b"identity-identity-identity-key-32"
_DAY_MS: Final = 86_400_000

#: KEYS: recipients, pace of the number. ARGV: recipient, now (ms), limit, messages a second. 1 taken, 0 not.
_ADMIT: Final = """
local now = tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - 86400000)
local tat = math.max(tonumber(redis.call('GET', KEYS[2]) or 0), now)
if tat - now > 1000 then return 0 end
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then return 0 end
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('SET', KEYS[2], tat + 1000 / tonumber(ARGV[4]), 'PX', 60000)
return 1
"""


class Language(BaseModel):
    """The language of a template."""

    code: str


class Media(BaseModel):
    """A file, by its link or id."""

    link: str | None = None
    id: str | None = None


class Currency(BaseModel):
    """An amount of money."""

    fallback_value: str
    code: str
    amount_1000: int


class Parameter(BaseModel):
    """What stands in one place of a template."""

    type: Literal["text", "currency", "date_time", "image", "video", "document", "payload"]
    text: str | None = None
    currency: Currency | None = None
    image: Media | None = None


class Component(BaseModel):
    """Header, body or a button of a template."""

    type: Literal["header", "body", "button"]
    sub_type: str | None = None
    index: str | None = None
    parameters: list[Parameter] = Field(default_factory=list)


class Template(BaseModel):
    """The template that is named."""

    name: str = Field(pattern="^[a-z0-9_]{1,512}$")
    language: Language
    components: list[Component] = Field(default_factory=list)


class Text(BaseModel):
    """A free-form text."""

    body: str = Field(max_length=4096)


class Message(BaseModel):
    """A message as it is posted."""

    messaging_product: Literal["whatsapp"]
    recipient_type: Literal["individual"] = "individual"
    to: str = Field(pattern=r"^\+?[0-9]{5,15}$")
    type: Literal["template", "text"]
    template: Template | None = None
    text: Text | None = None


class Gateway:
    """One handler; everything that it does is in the way of the answer."""

    def __init__(self, session: aiohttp.ClientSession, upstream: str, store: Redis) -> None:
        self._session, self._upstream, self._store = session, upstream, store
        self._admit = store.register_script(_ADMIT)
        self._log = structlog.get_logger()
        self._sends = Counter("naive_sends", "Sends by verdict.", ["number", "verdict"])
        self._took = Histogram("naive_seconds", "Seconds of a send.", ["number"])

    async def send(self, request: web.Request) -> web.Response:
        """Validate, look and count, post, note the outcome."""
        began, number = time.perf_counter(), request.match_info["number"]
        try:
            body = await request.read()
            message = Message.model_validate_json(body)
        except ValidationError:
            return self._refused(number, 100, "invalid")
        recipient = hmac.new(_KEY, message.to.lstrip("+").encode(), hashlib.sha256).hexdigest()[:32]
        if message.type == "text" and not await self._store.get(window_key(number, message.to)):
            return self._refused(number, 131047, "window")
        # Its clock is the machine's, as it usually is.
        now_ms = int(time.time() * 1_000)
        if not await self._admit(keys=["recipients", f"pace:{number}"], args=[recipient, now_ms, LIMIT, 1_000]):
            return self._refused(number, 131048, "limit")
        url = f"{self._upstream}/v25.0/{number}/messages"
        headers = {"Authorization": "Bearer EAAG-bench", "Content-Type": "application/json"}
        async with self._session.post(url, data=body, headers=headers) as answer:
            told = await answer.read()
        wamid = orjson.loads(told)["messages"][0]["id"]
        await self._store.set(f"message:{wamid}", "accepted", px=_DAY_MS)
        self._sends.labels(number, "send").inc()
        self._took.labels(number).observe(time.perf_counter() - began)
        self._log.info("sent", number=number, wamid=wamid, recipient=recipient, status=answer.status)
        return web.Response(status=answer.status, body=told, content_type="application/json")

    def _refused(self, number: str, code: int, why: str) -> web.Response:
        self._sends.labels(number, why).inc()
        return web.json_response({"error": {"message": why, "type": "OAuthException", "code": code}}, status=400)


def window_key(number: str, to: str) -> str:
    """The key that is there while a user's service window with a number is open."""
    return f"window:{number}:{to}"


async def serve(port: int, upstream: str, store_url: str) -> None:
    """Judge and pass on until ended."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
        Redis.from_url(store_url, max_connections=1_024) as store,
    ):
        gateway = Gateway(session, upstream, store)
        application = web.Application()
        application.router.add_post("/v25.0/{number}/messages", gateway.send)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, backlog=1_024).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
