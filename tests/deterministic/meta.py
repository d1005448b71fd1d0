"""The simulated Cloud API of a run: takes messages or not, answers or not, and tells by webhook what became of them.

A double that shares nothing with the gateway: it keeps its own book of users, windows and messages, and writes what it
saw for the oracle. What it does to a message is drawn by the seed; see `Temper`.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from random import Random
from typing import Any, Final

import orjson

from tests.deterministic.http_calls import call
from tests.deterministic.loop import DeterministicLoop, context_of
from tests.deterministic.network import Address, MemoryNetwork, MemoryTransport
from tests.oracle.events import Accepted, Event, Heard, InboundSent, PostEnded, PostStarted, StatusSent
from tidegate.cloudapi.vocabulary import Category

META: Final = "meta"
ADDRESS: Final = Address("10.0.0.200", 80)
WABA, NUMBER, DISPLAY = "102290129340398", "106540352242922", "15550783881"
APP_SECRET: Final = "app-secret"
DAY_MS: Final = 86_400_000
#: By the beginning of a template's name.
_CATEGORIES: Final = {"code": Category.AUTHENTICATION, "order": Category.UTILITY, "offer": Category.MARKETING}
_MESSAGE_ID: Final = re.compile(rb"tg[0-9a-f]{8}-[0-9a-v]{26}")
_REQUEST: Final = re.compile(rb"r-[0-9]+-[0-9]+")
_LENGTH: Final = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)
_TRIES: Final = 40
_UNDELIVERABLE: Final = 131026


@dataclass(frozen=True, slots=True)
class Temper:
    """How often Meta does what: shares of POSTs, and of status webhooks."""

    refuses: float = 0.04
    throttles: float = 0.02
    hangs_taken: float = 0.03
    hangs_untaken: float = 0.02
    resets_taken: float = 0.02
    resets_untaken: float = 0.02
    breaks_taken: float = 0.015
    breaks_untaken: float = 0.015
    truncates: float = 0.015
    without_id: float = 0.015
    slow: float = 0.05
    undeliverable: float = 0.03
    webhook_lost: float = 0.02
    webhook_twice: float = 0.1
    webhook_late: float = 0.1


USUAL: Final = Temper()
#: Takes all, answers all, and tells of each once.
FLAWLESS: Final = Temper(**{share.name: 0.0 for share in fields(Temper)})
_FATES: Final = (
    "refuses",
    "throttles",
    "hangs_taken",
    "hangs_untaken",
    "resets_taken",
    "resets_untaken",
    "breaks_taken",
    "breaks_untaken",
    "truncates",
    "without_id",
    "slow",
)


class Meta:
    """One business account's side of Meta."""

    def __init__(
        self,
        loop: DeterministicLoop,
        network: MemoryNetwork,
        seed: int,
        temper: Temper,
        write: Callable[[Event], None],
        now_ms: Callable[[float | None], int],
        gates: Callable[[], list[Address]],
    ) -> None:
        """`now_ms` tells the time now, or at a time of the loop's; `gates`: where nodes take webhooks now."""
        self._loop = loop
        self._random = Random(f"meta {seed}")
        self.temper = temper
        self.write = write
        self.now_ms = now_ms
        self._gates = gates
        self._windows: dict[str, int] = {}
        self._wamids = 0
        self._webhooks = 0
        #: Called with the process whose POST has just arrived.
        self.watchers: list[Callable[[str], None]] = []
        #: Webhooks that were not answered 200 yet.
        self.telling = 0
        context_of(META).run(network.listen, lambda: _Call(self), *ADDRESS)

    # Sends.

    def posted(self, path: str, body: dict[str, Any], raw: bytes, conversation: _Call, began: float) -> None:
        """A POST has arrived whole."""
        found = _MESSAGE_ID.search(raw)
        message_id = found[0].decode() if found else ""
        asked = _REQUEST.search(raw)
        request = asked[0].decode() if asked else ""
        user, name = body["to"], body.get("template", {}).get("name", "")
        category = _CATEGORIES.get(name[:4] if name.startswith("code") else name[:5])
        number = path.split("/")[-2]
        at_ms = self.now_ms(began)
        self.write(PostStarted(at_ms, message_id, user, category, number, conversation.peer, name, request))
        for watch in list(self.watchers):
            self._loop.call_soon(watch, conversation.peer)
        fate = self._draw()
        self._loop.note(f"post {message_id} {fate}")
        taken = fate not in ("refuses", "throttles", "hangs_untaken", "resets_untaken", "breaks_untaken")
        wamid = self._take(message_id, user, category, number, body, request) if taken else ""
        learns = (
            "accepted" if fate in ("done", "slow") else "refused" if fate in ("refuses", "throttles") else "unknown"
        )

        def end() -> None:
            self.write(PostEnded(self.now_ms(None), message_id, learns))  # type: ignore[arg-type]
            self._answer(fate, wamid, user, conversation)

        delay_s = self._random.uniform(0.02, 0.2) if fate != "slow" else self._random.uniform(1.0, 2.5)
        self._loop.call_later(delay_s, end)

    def _draw(self) -> str:
        drawn = self._random.random()
        for fate in _FATES:
            drawn -= getattr(self.temper, fate)
            if drawn < 0:
                return fate
        return "done"

    def _take(
        self, message_id: str, user: str, category: Category | None, number: str, body: dict[str, Any], request: str
    ) -> str:
        now_ms = self.now_ms(None)
        self._wamids += 1
        wamid = f"wamid.SIM{self._wamids:08d}"
        in_window = self._windows.get(user, 0) + DAY_MS > now_ms
        self.write(Accepted(now_ms, message_id, user, category, in_window, wamid, request))
        self._loop.call_soon(lambda: self._loop.spawn(META, self._live(message_id, wamid, user, number, body)))
        return wamid

    def _answer(self, fate: str, wamid: str, user: str, conversation: _Call) -> None:
        whole = orjson.dumps(
            {
                "messaging_product": "whatsapp",
                "contacts": [{"input": user, "wa_id": user.removeprefix("+")}],
                "messages": [{"id": wamid, "message_status": "accepted"}],
            }
        )
        match fate:
            case "done" | "slow":
                conversation.answer(200, whole)
            case "refuses":
                conversation.answer(400, _error(131008, "Required parameter is missing"))
            case "throttles":
                conversation.answer(429, _error(130429, "Rate limit hit"))
            case "hangs_taken" | "hangs_untaken":
                return
            case "resets_taken" | "resets_untaken":
                conversation.reset()
            case "breaks_taken" | "breaks_untaken":
                conversation.answer(502, b"<html>Bad gateway</html>", "text/html")
            case "truncates":
                conversation.answer(200, whole, cut=len(whole) // 2)
            case "without_id":
                conversation.answer(200, b'{"success":true}')
            case _:
                raise AssertionError(f"{fate} is no fate")

    # Webhooks.

    async def _live(self, message_id: str, wamid: str, user: str, number: str, body: dict[str, Any]) -> None:
        failed = self._random.random() < self.temper.undeliverable
        opaque = body.get("biz_opaque_callback_data", "")
        for status in ("sent", "failed") if failed else ("sent", "delivered", "read"):
            await asyncio.sleep(self._random.uniform(0.1, 3.0))
            self.write(StatusSent(self.now_ms(None), message_id, status))
            told: dict[str, Any] = {
                "id": wamid,
                "status": status,
                "timestamp": str(self.now_ms(None) // 1000),
                "recipient_id": user.removeprefix("+"),
                "biz_opaque_callback_data": opaque,
            }
            if failed and status == "failed":
                told["errors"] = [{"code": _UNDELIVERABLE, "title": "Message undeliverable"}]
            self._tell_status(message_id, status, _value(number, {"statuses": [told]}))

    def _tell_status(self, message_id: str, status: str, value: dict[str, Any]) -> None:
        if self._random.random() < self.temper.webhook_lost:
            return
        for _ in range(2 if self._random.random() < self.temper.webhook_twice else 1):
            late = self._random.random() < self.temper.webhook_late
            delay_s = self._random.uniform(5.0, 40.0) if late else self._random.uniform(0.0, 0.5)

            async def tell(delay_s: float = delay_s) -> None:
                await asyncio.sleep(delay_s)
                if await self.tell("messages", value):
                    self.write(Heard(self.now_ms(None), message_id, status))

            self._loop.spawn(META, tell())

    async def inbound(self, user: str, number: str = NUMBER) -> bool:
        """A user writes, which opens a window; whether a node took the news."""
        now_ms = self.now_ms(None) // 1000 * 1000
        self._windows[user] = max(self._windows.get(user, 0), now_ms)
        self.write(InboundSent(now_ms, user, number))
        wa_id = user.removeprefix("+")
        message = {"from": wa_id, "id": f"wamid.IN{now_ms}{wa_id}", "timestamp": str(now_ms // 1000), "type": "text"}
        contacts = [{"profile": {"name": "A user"}, "wa_id": wa_id}]
        value = _value(number, {"contacts": contacts, "messages": [message | {"text": {"body": "Hello"}}]})
        return await self.tell("messages", value)

    async def opt_out(self, user: str) -> bool:
        """A user stops marketing; whether a node took the news."""
        wa_id = user.removeprefix("+")
        stop = {
            "wa_id": wa_id,
            "detail": "User requested to stop marketing messages",
            "category": "marketing_messages",
            "value": "stop",
            "timestamp": self.now_ms(None) // 1000,
        }
        value = _value(NUMBER, {"user_preferences": [stop], "contacts": [{"wa_id": wa_id}]})
        return await self.tell("user_preferences", value)

    async def limit(self, limit: int) -> bool:
        """Meta moves the messaging limit; whether a node took the news."""
        return await self.tell("business_capability_update", {"max_daily_conversations_per_business": limit})

    async def tell(self, field: str, value: dict[str, Any]) -> bool:
        """POST a webhook until a node answers 200; whether one did."""
        entry = {"id": WABA, "time": self.now_ms(None) // 1000, "changes": [{"field": field, "value": value}]}
        raw = orjson.dumps({"object": "whatsapp_business_account", "entry": [entry]})
        digest = hmac.new(APP_SECRET.encode(), raw, hashlib.sha256).hexdigest()
        headers = {"X-Hub-Signature-256": f"sha256={digest}", "Content-Type": "application/json"}
        self.telling += 1
        try:
            for _ in range(_TRIES):
                gates = self._gates()
                if gates:
                    self._webhooks += 1
                    try:
                        answer = await call(
                            gates[self._webhooks % len(gates)], "POST", "/webhooks/whatsapp", headers, raw, 10.0
                        )
                    except (OSError, TimeoutError):
                        pass
                    else:
                        if answer.status == 200:
                            return True
                await asyncio.sleep(self._random.uniform(0.5, 2.0))
            return False
        finally:
            self.telling -= 1


class _Call(asyncio.Protocol):
    """One connection of a node's: requests one after the other."""

    def __init__(self, meta: Meta) -> None:
        self._meta = meta
        self._buffer = b""
        self._began: float | None = None
        self._transport: MemoryTransport

    @property
    def peer(self) -> str:
        """The process at the other end."""
        return self._transport.other.process

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, MemoryTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._began is None:
            self._began = self._transport.written_at
        self._buffer += data
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        found = _LENGTH.search(head)
        length = int(found[1]) if found else 0
        if not separator or len(rest) < length:
            return
        began, self._began, self._buffer = self._began, None, rest[length:]
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        path = target.partition("?")[0]
        raw = rest[:length]
        if method == "POST" and path.endswith("/messages"):
            self._meta.posted(path, orjson.loads(raw), raw, self, began)
        else:
            self.answer(200, b'{"data":[]}')

    def answer(self, status: int, body: bytes, kind: str = "application/json", cut: int | None = None) -> None:
        """Answer; with `cut` only so many bytes of the body, and then the end."""
        head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        self._transport.write(head + body[:cut])
        if cut is not None:
            self._transport.close()

    def reset(self) -> None:
        """Break the connection."""
        self._transport.abort()


def _value(number: str, more: dict[str, Any]) -> dict[str, Any]:
    metadata = {"display_phone_number": DISPLAY, "phone_number_id": number}
    return {"messaging_product": "whatsapp", "metadata": metadata} | more


def _error(code: int, title: str) -> bytes:
    error = {"message": f"(#{code}) {title}", "type": "OAuthException", "code": code, "fbtrace_id": "AbCdEf"}
    return orjson.dumps({"error": error})
