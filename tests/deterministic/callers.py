"""The callers of a run: apps that send login codes, replies, notices and offers, and try again as real ones do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any, Final, NamedTuple

import orjson

from tests.deterministic.http_calls import Answer, call
from tests.deterministic.loop import DeterministicLoop
from tests.deterministic.meta import NUMBER, Meta
from tests.deterministic.network import Address
from tests.oracle.events import CapacityTold, Conflicted, Event, OptedOut, Promised, Stopped, Told
from tidegate.cloudapi.vocabulary import Category

APPS: Final = "apps"
KEY: Final = "tg_caller"
_PATH: Final = f"/v25.0/{NUMBER}/messages"
_TRIES: Final = 12


class Kind(NamedTuple):
    """What an app sends: its template ("" for a reply), the category that it tells, and its share of the sends."""

    template: str
    category: Category | None
    share: float


KINDS: Final = (
    Kind("code_login", Category.AUTHENTICATION, 0.3),
    Kind("", None, 0.1),
    Kind("order_shipped", Category.UTILITY, 0.3),
    Kind("offer_spring", Category.MARKETING, 0.3),
)


@dataclass(slots=True)
class Callers:
    """All callers of a run, and the one operator."""

    loop: DeterministicLoop
    random: Random
    meta: Meta
    write: Callable[[Event], None]
    now_ms: Callable[[float | None], int]
    gates: Callable[[], list[Address]]
    users: int
    #: What nobody has answered yet.
    under_way: int = 0
    _asked: int = 0
    _calls: int = 0
    known: dict[str, None] = field(default_factory=dict)

    async def send_some(self, count: int, within_s: float) -> None:
        """Send so many messages, spread over a span; returns when each has its answer."""
        sends = []
        for _ in range(count):
            await asyncio.sleep(self.random.expovariate(count / within_s))
            sends.append(self.loop.spawn(APPS, self.send()))
        await asyncio.gather(*sends)

    async def send(self) -> None:
        """One message to somebody, tried until there is an answer that settles it."""
        drawn, kind = self.random.random(), KINDS[-1]
        for kind in KINDS:
            drawn -= kind.share
            if drawn < 0:
                break
        self._asked += 1
        number = self._asked
        user = f"+1650555{1000 + self.random.randrange(self.users)}"
        if kind.category is None and not await self.meta.inbound(user):
            return
        key = f"key-{number}" if self.random.random() < 0.6 else ""
        request = f"r-{number}-0"
        headers = self._headers(kind, key)
        expires_at_ms = None
        if kind.category is not None and self.random.random() < 0.15:
            # As an instant: a span would begin anew with each try.
            expires_at_s = self.now_ms(None) // 1000 + self.random.randint(3, 30)
            headers["Tidegate-Expires"] = datetime.fromtimestamp(expires_at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            expires_at_ms = expires_at_s * 1000
        body = _body(kind, user, request)
        self.under_way += 1
        try:
            settled = await self._until_settled(kind, headers, key, body, request, expires_at_ms)
            if key and settled and self.random.random() < 0.3:
                again = body if self.random.random() < 0.7 else _body(kind, user, f"r-{number}-1")
                await self._until_settled(kind, headers, key, again, request, expires_at_ms)
        finally:
            self.under_way -= 1

    async def _until_settled(
        self, kind: Kind, headers: Mapping[str, str], key: str, body: bytes, request: str, expires_at_ms: int | None
    ) -> bool:
        for _ in range(_TRIES):
            answer = await self._call("POST", _PATH, headers, body)
            if answer is None:
                if not key:
                    # Who has no key can't ask again without a risk of its own.
                    return False
            elif answer.status == 422:
                self.write(Conflicted(self.now_ms(None), APPS, key, body.decode()))
                return True
            elif answer.status != 409:
                verdict = _verdict(answer)
                message_id = answer.headers.get("tidegate-id", "")
                self.known[message_id] = None
                at_ms = self.now_ms(None)
                told = Promised(
                    at_ms, message_id, verdict, APPS, key, body.decode(), expires_at_ms, kind.category, request
                )
                self.write(told)
                if verdict != "503":
                    return True
            await asyncio.sleep(self.random.uniform(0.5, 3.0))
        return False

    def _headers(self, kind: Kind, key: str) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        if kind.category is not None:
            headers["Tidegate-Category"] = kind.category.value
        if key:
            headers["Idempotency-Key"] = key
        return headers

    async def _call(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Answer | None:
        gates = self.gates()
        if not gates:
            return None
        self._calls += 1
        try:
            return await call(gates[self._calls % len(gates)], method, path, headers, body)
        except (OSError, TimeoutError):
            return None

    # The operator.

    async def opt_out(self, user: str) -> None:
        """A user stops marketing."""
        if await self.meta.opt_out(user):
            self.write(OptedOut(self.now_ms(None), user))

    async def pause(self, category: Category, for_s: float) -> None:
        """Stop a category by hand for a while; the stop counts from its acknowledgement to the wish to end it."""
        body = orjson.dumps({"scope": {"category": category.value}, "reason": "a test"})
        made = await self._surely("POST", "/gateway/v1/pauses", body, 201)
        if made is None:
            return
        began_ms = self.now_ms(None)
        await asyncio.sleep(for_s)
        self.write(Stopped(began_ms, "category", category.value, self.now_ms(None)))
        await self._surely("DELETE", f"/gateway/v1/pauses/{made.json['id']}", b"", 200)

    async def _surely(self, method: str, path: str, body: bytes, status: int) -> Answer | None:
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        for _ in range(_TRIES):
            answer = await self._call(method, path, headers, body)
            if answer is not None and answer.status == status:
                return answer
            await asyncio.sleep(1.0)
        return None

    async def ask_all(self, message_ids: list[str], portfolio: str, *, undisturbed: bool) -> None:
        """Ask at the end what became of every message, and what is counted."""
        headers = {"Authorization": f"Bearer {KEY}"}
        for message_id in message_ids:
            told = await self._surely_told(f"/gateway/v1/messages/{message_id}", headers)
            self.write(Told(self.now_ms(None), message_id, told.get("state", "")))
        capacity = await self._surely_told(f"/gateway/v1/portfolios/{portfolio}/capacity", headers)
        if capacity:
            self.write(CapacityTold(self.now_ms(None), capacity["used"], undisturbed))

    async def _surely_told(self, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
        for _ in range(_TRIES):
            answer = await self._call("GET", path, headers)
            if answer is not None and answer.status in (200, 404):
                told: dict[str, Any] = answer.json if answer.status == 200 else {}
                return told
            await asyncio.sleep(0.5)
        raise AssertionError(f"nobody answers {path} although all is well again")


def _body(kind: Kind, user: str, request: str) -> bytes:
    sent: dict[str, Any] = {"messaging_product": "whatsapp", "to": user}
    if not kind.template:
        return orjson.dumps(sent | {"type": "text", "text": {"body": request}})
    parts = [{"type": "body", "parameters": [{"type": "text", "text": request}]}]
    named = {"name": kind.template, "language": {"code": "en_US"}, "components": parts}
    return orjson.dumps(sent | {"type": "template", "template": named})


def _verdict(answer: Answer) -> Any:
    if answer.status >= 500:
        return "503"
    verdict = answer.headers.get("tidegate-verdict", "reject")
    # Meta's own refusal is handed on: the caller knows that nothing was sent.
    return "reject" if verdict == "send" and answer.status >= 300 else verdict
