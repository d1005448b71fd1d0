"""A reader of `GET /gateway/v1/events`, as any client of server-sent events reads them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
from yarl import URL

from tests.integration.edge.callers import OPERATOR, Caller
from tests.waiting import until
from tidegate.tasks import spawn

EVENTS = "/gateway/v1/events"


@dataclass(frozen=True)
class Heard:
    """One event of the stream."""

    kind: str
    id: str | None
    data: dict[str, Any]


@dataclass
class FeedReader:
    """What was heard so far; `over` is set when the stream has ended."""

    response: aiohttp.ClientResponse
    events: list[Heard] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self) -> None:
        """Read to the end."""
        lines: dict[str, str] = {}
        try:
            async for raw in self.response.content:
                name, _, value = raw.decode().rstrip("\n").partition(": ")
                if name:
                    lines[name] = value
                elif "data" in lines:
                    self.events.append(Heard(lines["event"], lines.get("id"), orjson.loads(lines["data"])))
                    lines = {}
        except aiohttp.ClientError:
            pass
        finally:
            self.over.set()

    def of(self, kind: str, **wanted: Any) -> list[Heard]:
        """Those of a kind whose data says so."""
        return [e for e in self.events if e.kind == kind and all(e.data.get(k) == v for k, v in wanted.items())]

    async def hears(self, kind: str, **wanted: Any) -> Heard:
        """The first of a kind whose data says so, once it has come."""
        await self.sees(lambda: bool(self.of(kind, **wanted)))
        return self.of(kind, **wanted)[0]

    async def sees(self, check: Callable[[], bool]) -> None:
        async def is_so() -> bool:
            return check()

        await until(is_so)


@asynccontextmanager
async def reading(
    call: Caller, query: str = "", key: str = OPERATOR, after: str | None = None
) -> AsyncIterator[FeedReader]:
    """Read the feed of a node."""
    headers = {"Authorization": f"Bearer {key}"} | ({} if after is None else {"Last-Event-ID": after})
    url = URL(f"{call.url}{EVENTS}{query}", encoded=True)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
    async with call.session.get(url, headers=headers, timeout=timeout) as response:
        assert response.status == 200, await response.text()
        reader = FeedReader(response)
        task = spawn(reader.read(), "reader of the feed")
        try:
            yield reader
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
