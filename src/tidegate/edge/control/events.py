"""`GET /events`: what is decided and what changes, as it happens; server-sent events (WHATWG HTML, section 9.2)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from tidegate.edge.calls import Call
from tidegate.edge.denials import Denial
from tidegate.edge.denials import Kind as DenialKind
from tidegate.edge.door.keyring import bearer
from tidegate.edge.sight import is_about, sees
from tidegate.feed import FeedEvent, Kind, Passes, Subscription
from tidegate.settings.app_keys import hash_key

VERDICTS: Final = ("send", "queue", "reject", "unknown")
#: What may be asked for; a reader is told of its own gaps whatever it asks for.
KINDS: Final = tuple(kind for kind in Kind if kind is not Kind.GAP)
_FILTERS: Final = ("kinds", "number", "verdict")
_HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    # Proxies that collect answers before they hand them on are asked not to.
    "X-Accel-Buffering": "no",
}
#: How long a client waits before it comes back (ms), and how often it is told that the connection is good.
_RETRY_MS: Final = 2_000
_HEARTBEAT_S: Final = 15.0
#: How often it is looked whether the reader is still there, and may still read.
_LOOK_S: Final = 1.0
_JOIN_S: Final = 2.0


async def read_events(call: Call) -> web.StreamResponse:
    """Events until the reader leaves, its key is revoked, or the node drains. Raises Denial."""
    passes = _filtered(call)
    key = hash_key(bearer(call.request.headers.getall("Authorization", [])) or "")
    reader = call.services.feed.subscribe(
        call.grants.portfolios(call.app),
        passes,
        whose=call.app.name,
        after=call.request.headers.get("Last-Event-ID"),
    )
    if reader is None:
        if call.services.ending.drains:
            raise Denial(DenialKind.DRAINING)
        raise Denial(DenialKind.OVERLOADED, "as many read the feed as may: of this app, or of this node")
    with reader:
        # Whoever has the head of the answer misses nothing from then on.
        await reader.joined(_JOIN_S)
        response = web.StreamResponse(headers=_HEADERS)
        await response.prepare(call.request)
        await _write(call, response, f"retry: {_RETRY_MS}\n\n".encode())
        await _tell(call, response, reader, key)
    return response


async def _tell(call: Call, response: web.StreamResponse, reader: Subscription, key: str) -> None:
    loop = asyncio.get_running_loop()
    beat_at_s = loop.time() + _HEARTBEAT_S
    while not reader.ended:
        events = await reader.next(_LOOK_S)
        await call.services.keys.refresh()
        transport = call.request.transport
        if call.services.keys.find(key) is None or transport is None or transport.is_closing():
            return
        if events:
            await _write(call, response, b"".join(map(sse, events)))
        elif loop.time() >= beat_at_s:
            await _write(call, response, b": nothing new\n\n")
        else:
            continue
        beat_at_s = loop.time() + _HEARTBEAT_S


async def _write(call: Call, response: web.StreamResponse, text: bytes) -> None:
    """Write; whoever takes nothing for as long as any body may stand still is cut off."""
    try:
        async with asyncio.timeout(call.services.settings.server.stall_timeout_ms / 1000):
            await response.write(text)
    except TimeoutError:
        if call.request.transport is not None:
            call.request.transport.abort()
        raise ConnectionResetError("the reader takes nothing") from None


def sse(event: FeedEvent) -> bytes:
    """An event as it is written; JSON holds no line end."""
    name = b"" if event.id is None else f"id: {event.id}\n".encode()
    return b"event: " + event.kind.value.encode() + b"\n" + name + b"data: " + event.text + b"\n\n"


def _filtered(call: Call) -> Passes:
    """What the reader may see, as far as it asks for it. Raises Denial."""
    unknown = set(call.request.query) - set(_FILTERS)
    if unknown:
        raise Denial(DenialKind.BAD_REQUEST, f"query: may have {', '.join(_FILTERS)}, and nothing else")
    verdicts = _words(call.query("verdict"), "verdict", VERDICTS)
    kinds = _words(call.query("kinds"), "kinds", KINDS) or ({Kind.DECISION} if verdicts else frozenset(KINDS))
    number, may_see = call.query("number"), sees(call.grants, call.app)
    route = None if number is None else call.route(number)

    def passes(event: FeedEvent) -> bool:
        of = event.data["of"] if event.kind is Kind.LEFT_OUT else event.kind
        if event.kind not in kinds and of not in kinds:
            return False
        if verdicts and of == Kind.DECISION and event.data.get("verdict", event.data.get("word")) not in verdicts:
            return False
        if route is not None and not (route.portfolio == event.portfolio and is_about(route.number, route.waba, event)):
            return False
        return may_see(event)

    return passes


def _words(given: str | None, name: str, known: Sequence[str]) -> frozenset[str]:
    words = frozenset(given.split(",")) if given is not None else frozenset[str]()
    if not words <= set(known):
        raise Denial(DenialKind.BAD_REQUEST, f"query {name}: may name {', '.join(known)}, parted by commas")
    return words
