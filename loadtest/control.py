"""An owner of campaigns: orders one, uploads its audience, asks for the plan, starts it, and looks how it goes."""

from __future__ import annotations

from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import orjson

_V1: Final = "/gateway/v1"
#: An upload of a million recipients takes its time.
_TIMEOUT: Final = aiohttp.ClientTimeout(total=1_800)


class Denied(Exception):
    """The gateway did not do what was asked; says what it answered."""


@dataclass(frozen=True, slots=True)
class Control:
    """The control plane of a gateway at `base` (http://host:port), asked with an app's key over a client session.

    Every call raises Denied for an answer that is no success, and aiohttp.ClientError where there is none.
    """

    session: aiohttp.ClientSession
    base: str
    key: str

    async def order(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Order a campaign."""
        return await self._ask("POST", "/campaigns", orjson.dumps(order))

    async def upload(self, campaign: str, rows: AsyncIterable[bytes]) -> dict[str, Any]:
        """Upload an audience, NDJSON."""
        return await self._ask("POST", f"/campaigns/{campaign}/audience", rows, "application/x-ndjson")

    async def plan(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """How a campaign would go."""
        return await self._ask("POST", "/campaigns:plan", orjson.dumps(question))

    async def start(self, campaign: str) -> dict[str, Any]:
        """Start a campaign."""
        return await self._ask("POST", f"/campaigns/{campaign}/start", orjson.dumps({"reason": "load test"}))

    async def look(self, campaign: str) -> dict[str, Any]:
        """How a campaign is."""
        return await self._ask("GET", f"/campaigns/{campaign}")

    async def _ask(
        self,
        method: str,
        path: str,
        body: bytes | AsyncIterable[bytes] | None = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": content_type}
        url = f"{self.base}{_V1}{path}"
        async with self.session.request(method, url, data=body, headers=headers, timeout=_TIMEOUT) as answer:
            raw = await answer.read()
        if not 200 <= answer.status < 300:
            raise Denied(f"{method} {path}: {answer.status} {raw[:500].decode(errors='replace')}")
        found: dict[str, Any] = orjson.loads(raw)
        return found
