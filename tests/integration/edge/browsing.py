"""A browser without a window: it keeps a cookie, and fills in forms as a page of the dashboard has them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from redis.asyncio import Redis

from tests.integration.edge.callers import CHECKOUT, SIMULATED, Answer, Caller, config_text
from tidegate.app import build
from tidegate.settings import load
from tidegate.simulator.server import run_simulator
from tidegate.store.embedded import socket_url


@dataclass
class Browser:
    """Keeps a cookie, and fills in forms as a page of the dashboard has them."""

    call: Caller
    cookie: str = ""
    pages: list[Answer] = field(default_factory=list)

    async def get(self, path: str = "", **headers: str) -> Answer:
        return await self._kept("GET", path, headers)

    async def post(self, path: str, fields: dict[str, str], **headers: str) -> Answer:
        origin = {"Origin": self.call.url} | headers
        return await self._kept("POST", path, origin, data=fields)

    async def submit(self, path: str, **fields: str) -> Answer:
        """Post a form with the token that the overview's forms hold."""
        return await self.post(path, {"csrf": await self.token(), **fields})

    async def token(self) -> str:
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', (await self.get()).raw.decode())
        assert found is not None
        return found[1]

    async def sign_in(self, key: str, **fields: str) -> Answer:
        return await self.post("/login", {"key": key, **fields})

    async def _kept(self, method: str, path: str, headers: dict[str, str], **more: Any) -> Answer:
        cookie = {"Cookie": f"tidegate_session={self.cookie}"} if self.cookie else {}
        answer = await self.call(method, f"/dashboard{path}", None, headers=cookie | headers, **more)
        told = re.match(r'tidegate_session="?([^";]*)"?;', answer["Set-Cookie"] or "")
        if told is not None:
            self.cookie = told[1]
        return answer


async def signed_in(site: Caller, key: str = CHECKOUT) -> Browser:
    browser = Browser(site)
    assert (await browser.sign_in(key)).status == 303
    return browser


@asynccontextmanager
async def browsed(valkey_socket: str, directory: Path) -> AsyncIterator[Caller]:
    """A node of an emptied store, with a clock that can be moved, and the simulated Cloud API behind it."""
    async with Redis.from_url(socket_url(valkey_socket)) as store:
        await store.flushall()
    simulator = await run_simulator(config=SIMULATED)
    path = directory / "tidegate.toml"
    path.write_text(config_text(socket_url(valkey_socket), simulator.url, limit="TIER_2K", clock=True))
    node = await build(load(path, {"TIDEGATE_SERVER__LISTEN": "127.0.0.1:0"}))
    await node.start()
    # A jar would mix the browsers of a test up.
    jar = aiohttp.DummyCookieJar()
    try:
        async with aiohttp.ClientSession(cookie_jar=jar, timeout=aiohttp.ClientTimeout(total=20)) as session:
            yield Caller.of(node, session)
    finally:
        await node.stop()
        await simulator.stop()
