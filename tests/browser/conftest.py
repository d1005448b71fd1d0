"""A node before the simulated platform, and a real browser to look at its dashboard with: both shared by a module."""

from __future__ import annotations

import os
import shutil
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright
from redis.asyncio import Redis

from tests.integration.edge.callers import CHECKOUT, SIMULATED, Caller, config_text
from tidegate.app import Node, build
from tidegate.settings import Settings
from tidegate.simulator.server import Simulator, run_simulator
from tidegate.store.embedded import socket_url

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
#: Chromium's own sandbox needs what a container does not give, and no page but ours is loaded.
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage"]


@dataclass
class Site:
    """A running node with what stands around it."""

    call: Caller
    node: Node
    simulator: Simulator

    @property
    def url(self) -> str:
        """Where its dashboard is."""
        return f"{self.call.url}/dashboard"


@dataclass
class Seat:
    """Somebody at a browser of his own. `complaints`: what the browser said against the page."""

    page: Page
    site: Site
    complaints: list[str] = field(default_factory=list)

    async def sign_in(self, key: str) -> None:
        """Fill in the form, and arrive at the overview."""
        await self.page.goto(f"{self.site.url}/login")
        await self.page.get_by_label("App key").fill(key)
        await self.page.get_by_role("button", name="Sign in").click()

    async def is_live(self) -> None:
        """Return once the page keeps itself current."""
        await self.page.locator("#live-state[data-state=on]").wait_for()

    def hear(self, message: ConsoleMessage) -> None:
        """Keep what is wrong: a blocked style or script, a fault in ours."""
        if message.type in ("error", "warning") and "status of 4" not in message.text:
            self.complaints.append(message.text)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(valkey_socket: str) -> AsyncIterator[Site]:
    """What one test stops, it starts again."""
    async with Redis.from_url(socket_url(valkey_socket)) as store:
        await store.flushall()
    simulator = await run_simulator(config=SIMULATED)
    text = config_text(socket_url(valkey_socket), simulator.url, limit="TIER_2K", clock=False)
    written = tomllib.loads(text) | {"server": {"listen": "127.0.0.1:0"}}
    node = await build(Settings.model_validate(written))
    await node.start()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        caller = Caller.of(node, session)
        simulator.courier.url = f"{caller.url}/webhooks/whatsapp"
        yield Site(caller, node, simulator)
    await node.stop()
    await simulator.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium, headless."""
    if CHROMIUM is None:
        if os.environ.get("TESTS_NEED_CHROMIUM"):
            pytest.fail("no chromium is installed here, and TESTS_NEED_CHROMIUM says that one has to be")
        pytest.skip("no chromium is installed here: apt install chromium")
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        await started.close()


@asynccontextmanager
async def seated(site: Site, browser: Browser, key: str) -> AsyncIterator[Seat]:
    """A browser profile of its own, signed in. No page may make the browser complain."""
    context: BrowserContext = await browser.new_context()
    context.set_default_timeout(20_000)
    made = Seat(await context.new_page(), site)
    made.page.on("console", made.hear)
    made.page.on("pageerror", lambda error: made.complaints.append(str(error)))
    await made.sign_in(key)
    yield made
    await context.close()
    assert made.complaints == []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def operator(site: Site, browser: Browser) -> AsyncIterator[Seat]:
    """Somebody who may act, and stays signed in from test to test."""
    async with seated(site, browser, CHECKOUT) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def seat(operator: Seat) -> Seat:
    """The operator, before the overview."""
    await operator.page.goto(operator.site.url)
    await operator.page.get_by_role("heading", name="Overview").wait_for()
    return operator
