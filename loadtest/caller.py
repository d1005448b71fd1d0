"""A caller of the gateway over real HTTP: sends, and keeps what it was answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import orjson

from tidegate.simulator.clock import Clock

_VERSION: Final = "v25.0"
_TIMEOUT: Final = aiohttp.ClientTimeout(total=60)


@dataclass(frozen=True, slots=True)
class Told:
    """What the gateway answered to one send. Times in ms of the virtual clock; `until` as on the wire."""

    status: int
    verdict: str
    reason: str | None
    until: str | None
    message_id: str
    asked_at_ms: int
    told_at_ms: int
    body: dict[str, Any]

    @property
    def kept(self) -> bool:
        """Whether the message is the gateway's business now: sent, queued, or of unknown outcome."""
        return self.status == 200


class Caller:
    """An app with a key. Sends go to the nodes in turn unless one is named."""

    def __init__(self, key: str, number: str, clock: Clock) -> None:
        self._headers = {"Authorization": f"Bearer {key}"}
        self._number = number
        self._clock = clock
        self._turn = 0
        self._session: aiohttp.ClientSession | None = None
        self.bases: list[str] = []
        self.under_way = 0

    async def start(self) -> None:
        """Open the connection pool."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), timeout=_TIMEOUT, cookie_jar=aiohttp.DummyCookieJar()
        )

    async def close(self) -> None:
        """Close the connection pool."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """The client session. Raises RuntimeError before start."""
        if self._session is None:
            raise RuntimeError("the caller has not been started")
        return self._session

    async def send_template(
        self, to: str, template: str, *, node: int | None = None, headers: Mapping[str, str] | None = None
    ) -> Told:
        """Send a template without parameters."""
        content = {"name": template, "language": {"code": "en_US"}}
        return await self.send(to, {"type": "template", "template": content}, node=node, headers=headers)

    async def send_text(self, to: str, text: str, *, node: int | None = None) -> Told:
        """Send a free-form text."""
        return await self.send(to, {"type": "text", "text": {"body": text}}, node=node)

    async def send(
        self,
        to: str,
        content: Mapping[str, Any],
        *,
        node: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Told:
        """Send any message. Raises aiohttp.ClientError where no answer came."""
        self._turn += 1
        base = self.bases[(self._turn if node is None else node) % len(self.bases)]
        body = orjson.dumps({"messaging_product": "whatsapp", "recipient_type": "individual", "to": to, **content})
        asked_at_ms = self._clock()
        self.under_way += 1
        try:
            async with self.session.post(
                f"{base}/{_VERSION}/{self._number}/messages",
                data=body,
                headers={**self._headers, "Content-Type": "application/json", **(headers or {})},
            ) as answer:
                raw = await answer.read()
        finally:
            self.under_way -= 1
        return Told(
            status=answer.status,
            verdict=answer.headers.get("Tidegate-Verdict", ""),
            reason=answer.headers.get("Tidegate-Reason"),
            until=answer.headers.get("Tidegate-Until"),
            message_id=answer.headers.get("Tidegate-Id", ""),
            asked_at_ms=asked_at_ms,
            told_at_ms=self._clock(),
            body=orjson.loads(raw),
        )

    async def read(self, path: str, node: int = 0) -> dict[str, Any]:
        """GET a path of the control plane, below /gateway/v1. Raises aiohttp.ClientResponseError unless it is 200."""
        url = f"{self.bases[node % len(self.bases)]}/gateway/v1{path}"
        async with self.session.get(url, headers=self._headers, raise_for_status=True) as answer:
            found: dict[str, Any] = orjson.loads(await answer.read())
            return found

    async def post_webhook(self, body: bytes, signature: str, node: int = 0) -> int:
        """POST a webhook body as Meta does; the status answered."""
        async with self.session.post(
            f"{self.bases[node % len(self.bases)]}/webhooks/whatsapp",
            data=body,
            headers={"Content-Type": "application/json", "X-Hub-Signature-256": signature},
        ) as answer:
            await answer.read()
            return answer.status
