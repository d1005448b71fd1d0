"""A browser's window on a page of the dashboard, and what it holds."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from playwright.async_api import Browser, CDPSession, Page, async_playwright

_PATIENCE_MS: Final = 120_000
#: What goes with the first collection may be all that holds something else.
_COLLECTIONS: Final = 2
_NODES_OF_THE_PAGE: Final = """() => {
  const walker = document.createTreeWalker(document, NodeFilter.SHOW_ALL);
  let count = 1;
  while (walker.nextNode()) count++;
  return count;
}"""


@dataclass(frozen=True, slots=True)
class Memory:
    """What a window holds after its garbage was collected: script's heap (MiB), nodes, and listeners to events.

    `shown`: nodes of the page that it shows; others hang on nothing but a script.
    """

    heap_mib: float
    nodes: int
    shown: int
    listeners: int


class Window:
    """A browser's window on a page of the dashboard."""

    def __init__(self, page: Page, cdp: CDPSession) -> None:
        self._page, self._cdp = page, cdp

    @classmethod
    async def open(cls, browser: Browser, url: str, path: str, key: str) -> Window:
        """Sign in, and look at the page."""
        page = await (await browser.new_context()).new_page()
        page.set_default_timeout(_PATIENCE_MS)
        await page.goto(f"{url}/dashboard/login?next=/dashboard{path}")
        await page.get_by_label("App key").fill(key)
        await page.get_by_role("button", name="Sign in").click()
        await page.locator("#live-state[data-state=on]").wait_for()
        return cls(page, await page.context.new_cdp_session(page))

    async def memory(self) -> Memory:
        """What it holds now."""
        for _ in range(_COLLECTIONS):
            await self._cdp.send("HeapProfiler.collectGarbage")
        counted = await self._cdp.send("Memory.getDOMCounters")
        heap = await self._cdp.send("Runtime.getHeapUsage")
        shown = int(await self._page.evaluate(_NODES_OF_THE_PAGE))
        return Memory(heap["usedSize"] / 2**20, int(counted["nodes"]), shown, int(counted["jsEventListeners"]))

    async def close(self) -> None:
        """Look away."""
        await self._page.context.close()


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser without a screen. Raises SystemExit where none is installed."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        raise SystemExit("no chromium is installed here: apt install chromium")
    with TemporaryDirectory(prefix="tidegate-bench-") as directory:
        modest = _modest(program, Path(directory, "chromium"))
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=modest, args=["--no-sandbox"])
            try:
                yield browser
            finally:
                await browser.close()


def _modest(program: str, path: Path) -> Path:
    # On a desk of its own it would take nothing from the store: here it has what that leaves.
    path.write_text(f'#!/bin/sh\nexec nice -n 10 {shlex.quote(program)} "$@"\n')
    path.chmod(0o700)
    return path
