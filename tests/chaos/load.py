"""Callers of all kinds, each message for a user of its own: login codes, replies in windows, a campaign."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

import aiohttp

from tests.chaos.nodes import Fleet
from tests.chaos.verdict import Tally, Told
from tidegate.simulator.identity import user_by_phone
from tidegate.simulator.server import Simulator

KEY: Final = "tg_chaos-test-key-of-the-only-app"
NUMBER: Final = "106540352242922"
_PATIENCE: Final = aiohttp.ClientTimeout(total=4)
_PAUSE_S: Final = 0.2
#: A user of a reply writes this long before it.
_WRITES_BEFORE_S: Final = 1.0
_WRITE_AT_ONCE: Final = 150


class Kind(Enum):
    """What is sent: how often (1/s), for how long its caller tries (s), and its template."""

    CODE = (4, 8.0, "login_code")
    REPLY = (12, 12.0, None)
    OFFER = (16, 12.0, "black_friday_offer")

    def __init__(self, rate: int, gives_up_s: float, template: str | None) -> None:
        self.rate = rate
        self.gives_up_s = gives_up_s
        self.template = template

    def body(self, phone: str) -> dict[str, Any]:
        """A body in Meta's shape."""
        told = {"messaging_product": "whatsapp", "recipient_type": "individual", "to": phone}
        if self.template is None:
            return {**told, "type": "text", "text": {"body": "Here is what you asked for."}}
        return {**told, "type": "template", "template": {"name": self.template, "language": {"code": "en_US"}}}


@dataclass(slots=True)
class Sent:
    """One message of a caller's, and what became of it: `status` 0 while he has no answer that he can keep."""

    kind: Kind
    phone: str
    key: str | None
    began_s: float
    ended_s: float = 0.0
    status: int = 0
    verdict: str = ""
    message_id: str = ""
    state: str | None = None
    is_asked: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it is promised, and is neither sent nor ended as far as was asked."""
        return self.status == 200 and (not self.is_asked or self.state in ("queued", "sending"))

    @property
    def user(self) -> str:
        """As the platform's book names him."""
        user = user_by_phone(self.phone)
        assert user is not None
        return user.key

    def told(self) -> Told:
        return Told(self.user, self.status, self.verdict, self.state)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one try was answered, when (ms)."""

    at_ms: int
    sent: Sent
    status: int
    verdict: str
    message_id: str


@dataclass(slots=True)
class Load:
    """All callers. `sent` is what they sent, `answers` what all their tries were answered, both in order; `tally`
    counts those, and the tries that were not.
    """

    fleet: Fleet
    meta: Simulator
    session: aiohttp.ClientSession
    sent: list[Sent] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    _going: set[asyncio.Task[None]] = field(default_factory=set)
    _with_window: Iterator[str] = field(default_factory=lambda: iter(()))
    _phones: Iterator[str] = field(default_factory=lambda: (f"+1555{n:07}" for n in itertools.count(1_000_000)))

    async def open_windows(self, seconds: int) -> None:
        """Have the users of this many seconds of replies write, so that what breaks later closes nobody's window."""
        phones = [next(self._phones) for _ in range(seconds * Kind.REPLY.rate)]
        for first in range(0, len(phones), _WRITE_AT_ONCE):
            for phone in phones[first : first + _WRITE_AT_ONCE]:
                self.meta.world.inbound(NUMBER, phone, self.meta.clock())
            await self.meta.settled()
            # What users write takes of the number's throughput as well.
            await asyncio.sleep(1)
        self._with_window = iter(phones)

    def start(self) -> None:
        """Begin to send."""
        for kind in Kind:
            self._spawn(self._callers(kind))

    async def stop(self) -> None:
        """Begin no more, and return when every caller has his answer or gave up."""
        for task in tuple(self._going):
            if task.get_name() == "callers":
                task.cancel()
        await asyncio.gather(*self._going, return_exceptions=True)

    def _spawn(self, work: Any, name: str = "callers") -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._going.add(task)
        task.add_done_callback(self._going.discard)

    async def _callers(self, kind: Kind) -> None:
        for turn in itertools.count():
            phone = next(self._with_window if kind is Kind.REPLY else self._phones, None) or next(self._phones)
            # A campaign's tool knows nothing of keys in half of the cases.
            key = None if kind is Kind.OFFER and turn % 2 else f"key-of-{phone}"
            self._spawn(self._send(Sent(kind, phone, key, time.monotonic())), "caller")
            await asyncio.sleep(1 / kind.rate)

    async def _send(self, message: Sent) -> None:
        if message.kind is Kind.REPLY:
            self.meta.world.inbound(NUMBER, message.phone, self.meta.clock())
            self.meta.courier.stir()
            await asyncio.sleep(_WRITES_BEFORE_S)
            message.began_s = time.monotonic()
        self.sent.append(message)
        while time.monotonic() < message.began_s + message.kind.gives_up_s:
            pause_s = await self._try(message)
            if pause_s is None:
                break
            await asyncio.sleep(pause_s)
        message.ended_s = time.monotonic()

    async def _try(self, message: Sent) -> float | None:
        """When the caller tries again (s); None: he is told, or left with nothing that he can do."""
        url = self.fleet.next_url()
        if url is None:
            return _PAUSE_S
        headers = {"Authorization": f"Bearer {KEY}"} | ({"Idempotency-Key": message.key} if message.key else {})
        began_s = time.monotonic()
        try:
            async with self.session.post(
                f"{url}/v25.0/{NUMBER}/messages",
                json=message.kind.body(message.phone),
                headers=headers,
                timeout=_PATIENCE,
            ) as answer:
                await answer.read()
        except aiohttp.ClientConnectorError:
            self.tally.note(0, time.monotonic() - began_s)
            return _PAUSE_S  # it did not reach anybody
        except (aiohttp.ClientError, TimeoutError):
            self.tally.note(0, time.monotonic() - began_s)
            # Without a key nobody may try again: it may have been sent.
            return _PAUSE_S if message.key else None
        self.tally.note(answer.status, time.monotonic() - began_s)
        verdict = answer.headers.get("Tidegate-Verdict", "")
        message_id = answer.headers.get("Tidegate-Id", "")
        self.answers.append(Answer(self.meta.clock(), message, answer.status, verdict, message_id))
        if answer.status >= 500 or answer.status in (409, 429):
            # As it asks for, and not all at once.
            return random.uniform(0.5, 1) * float(answer.headers.get("Retry-After", _PAUSE_S))
        message.status, message.verdict, message.message_id = answer.status, verdict, message_id
        return None
