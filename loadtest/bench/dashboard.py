"""What a watched dashboard costs the node that serves it, and the browser that shows it, while sends come fast.

`python -m loadtest.bench.dashboard` (12 minutes; needs a chromium, and cores that nothing else uses). The gateway,
its store and simulated Meta are processes of their own. Sends come at their own rate all the
time; spans in which nobody watches and spans in which two windows do (overview and live feed) are measured in turn. The
last watched span is `--last` seconds long: over it the browser's heap has to stay as it is.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import shutil
import signal
import statistics
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import aiohttp
import uvloop
from playwright.async_api import Browser, CDPSession, Page, async_playwright
from rich.console import Console
from rich.table import Table

from loadtest.bench.served import KEY, Peer, answers, configured, free_port, headers
from loadtest.deployment import NUMBER, UTILITY, WABA, Deployment
from loadtest.open_loop import OpenLoop
from tidegate.simulator.scenarios import INSTANT
from tidegate.simulator.server import run_simulator
from tidegate.tasks import cancelled, spawn

#: Recipients take turns, so that a pair's turn has come again when they are written to again.
_RECIPIENTS: Final = 20_000
_LIMIT: Final = 100_000
_PLATFORM: Final = Deployment(limit=_LIMIT, throughput=1_000, behaviour=INSTANT).platform
_SETTLE_S: Final = 5.0
_LOOK_S: Final = 15.0
_PATIENCE_MS: Final = 120_000
_END_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Span:
    """One span: how long (s), the sends in it, the CPU that node and store used (s)."""

    watched: bool
    spent_s: float
    sent: int
    node_s: float
    store_s: float

    @property
    def node_share(self) -> float:
        """Of one core, in percent."""
        return 100 * self.node_s / self.spent_s


@dataclass(frozen=True, slots=True)
class Memory:
    """What a window holds after its garbage was collected: script's heap (MiB), and nodes of the document."""

    heap_mib: float
    nodes: int


class Window:
    """A browser's window on a page of the dashboard."""

    def __init__(self, page: Page, cdp: CDPSession) -> None:
        self._page, self._cdp = page, cdp

    @classmethod
    async def open(cls, browser: Browser, url: str, path: str) -> Window:
        """Sign in, and look at the page."""
        page = await (await browser.new_context()).new_page()
        page.set_default_timeout(_PATIENCE_MS)
        await page.goto(f"{url}/dashboard/login?next=/dashboard{path}")
        await page.get_by_label("App key").fill(KEY)
        await page.get_by_role("button", name="Sign in").click()
        await page.locator("#live-state[data-state=on]").wait_for()
        cdp = await page.context.new_cdp_session(page)
        await cdp.send("Performance.enable")
        return cls(page, cdp)

    async def memory(self) -> Memory:
        """What it holds now."""
        await self._cdp.send("HeapProfiler.collectGarbage")
        told = (await self._cdp.send("Performance.getMetrics"))["metrics"]
        found = {metric["name"]: metric["value"] for metric in told}
        return Memory(found["JSHeapUsedSize"] / 2**20, int(found["Nodes"]))

    async def close(self) -> None:
        """Look away."""
        await self._page.context.close()


class Caller:
    """Sends utility messages, and counts what they were answered."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, f"{url}/v25.0/{NUMBER.id}/messages"
        self.answers: Counter[str] = Counter()

    async def ask(self, nth: int, _due_s: float) -> None:
        """Send the next message."""
        named = {"name": UTILITY, "language": {"code": "en_US"}}
        to = f"+1555{nth % _RECIPIENTS:07}"
        body = {"messaging_product": "whatsapp", "to": to, "type": "template", "template": named}
        try:
            async with self._session.post(self._url, json=body, headers=headers()) as told:
                await told.read()
        except (aiohttp.ClientError, TimeoutError) as fault:
            self.answers[type(fault).__name__] += 1
            return
        verdict, reason = told.headers.get("Tidegate-Verdict"), told.headers.get("Tidegate-Reason")
        self.answers[f"{verdict or told.status} {reason or ''}".strip()] += 1


def _simulate(port: int, webhook_url: str) -> None:
    """Be Meta, until the process is ended."""

    async def run() -> None:
        await run_simulator(f"127.0.0.1:{port}", webhook_url, _PLATFORM)
        await asyncio.Event().wait()

    uvloop.run(run())


@asynccontextmanager
async def _served(directory: Path) -> AsyncIterator[tuple[str, Peer, Peer]]:
    """A running gateway before a running Meta: its address, its process, and its store's."""
    port, graph_port = free_port(), free_port()
    config = configured(directory, port, f"http://127.0.0.1:{graph_port}")
    told = config.read_text().replace('id = "bench"\n', f'id = "bench"\nmessaging_limit = {_LIMIT}\n', 1)
    told = told.replace(f'id = "{NUMBER.id}"\n', f'id = "{NUMBER.id}"\nthroughput = 1000\n', 1)
    told = told.replace("EAAG-bench", WABA.access_token).replace('"app-secret"', f'"{_PLATFORM.app_secret}"')
    config.write_text(told + 'scopes = ["send", "read", "admin"]\n')
    url = f"http://127.0.0.1:{port}"
    arguments = (graph_port, f"{url}/webhooks/whatsapp")
    meta = multiprocessing.get_context("spawn").Process(target=_simulate, args=arguments, daemon=True)
    meta.start()
    log = (directory / "node.log").open("wb")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tidegate", "serve", "--config", str(config), stdout=log, stderr=log
    )
    try:
        await answers(url)
        yield url, Peer("node", url, process.pid), Peer("store", "", _child_of(process.pid))
    finally:
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(_END_S):
            await process.wait()
        log.close()
        meta.terminate()
        meta.join()


def _child_of(pid: int) -> int:
    """The embedded store's process."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid:
                return int(entry.name)
    raise RuntimeError("the gateway has no store of its own")


async def _span(node: Peer, store: Peer, caller: Caller, seconds: float, *, watched: bool) -> Span:
    loop = asyncio.get_running_loop()
    await asyncio.sleep(_SETTLE_S)
    began_s, node_s, store_s, sent = loop.time(), node.cpu_s, store.cpu_s, caller.answers.total()
    await asyncio.sleep(seconds)
    return Span(
        watched,
        loop.time() - began_s,
        caller.answers.total() - sent,
        node.cpu_s - node_s,
        store.cpu_s - store_s,
    )


async def _memories(windows: Sequence[Window], seconds: float) -> list[list[Memory]]:
    """What each window held, now and again until so long is over."""
    found: list[list[Memory]] = []
    loop = asyncio.get_running_loop()
    until_s = loop.time() + seconds
    while True:
        found.append([await window.memory() for window in windows])
        if loop.time() >= until_s:
            return found
        await asyncio.sleep(_LOOK_S)


async def _measured(
    url: str, node: Peer, store: Peer, browser: Browser, options: argparse.Namespace
) -> tuple[list[Span], list[list[Memory]], Counter[str], int]:
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        caller = Caller(session, url)
        sends = OpenLoop(options.per_second, caller.ask)
        sending = spawn(sends.run(), "sends")
        spans, memories = [], []
        try:
            for pair in range(options.pairs):
                spans.append(await _span(node, store, caller, options.seconds, watched=False))
                windows = [await Window.open(browser, url, path) for path in ("", "/feed")]
                last = pair == options.pairs - 1
                seconds = options.last if last else options.seconds
                looking = spawn(_memories(windows, seconds), "memories") if last else None
                spans.append(await _span(node, store, caller, seconds, watched=True))
                memories += await looking if looking else []
                for window in windows:
                    await window.close()
        finally:
            await cancelled([sending], 10)
        return spans, memories, caller.answers, sends.missed


def _told(spans: Sequence[Span], memories: Sequence[Sequence[Memory]]) -> list[Table]:
    shares = Table("watched", "s", "sends/s", "node, % of a core", "us a send", "store, % of a core")
    for one in spans:
        shares.add_row(
            "yes" if one.watched else "no",
            f"{one.spent_s:.0f}",
            f"{one.sent / one.spent_s:.0f}",
            f"{one.node_share:.1f}",
            f"{1e6 * one.node_s / max(1, one.sent):.0f}",
            f"{100 * one.store_s / one.spent_s:.1f}",
        )
    extra = [watched.node_share - alone.node_share for alone, watched in zip(spans[::2], spans[1::2], strict=True)]
    alone = statistics.median(one.node_share for one in spans[::2])
    shares.caption = (
        f"watched, the node takes {statistics.median(extra):+.1f} points of a core more (median of {len(extra)}), "
        f"{100 * statistics.median(extra) / alone:+.1f} % of what it takes anyway"
    )
    held = Table("s", "overview: heap MiB", "nodes", "feed: heap MiB", "nodes", title="the last watched span")
    for nth, (overview, feed) in enumerate(memories):
        told = (f"{overview.heap_mib:.2f}", f"{overview.nodes}", f"{feed.heap_mib:.2f}", f"{feed.nodes}")
        held.add_row(f"{nth * _LOOK_S:.0f}", *told)
    return [shares, held]


async def _run(options: argparse.Namespace) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("no chromium is installed here: apt install chromium")
    with TemporaryDirectory(prefix="tidegate-bench-") as directory:
        async with _served(Path(directory)) as (url, node, store), async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            spans, memories, told, missed = await _measured(url, node, store, browser, options)
            await browser.close()
    console = Console()
    for table in _told(spans, memories):
        console.print(table)
    console.print(f"answers: {dict(told)}; not asked, for too many were open: {missed}; load {os.getloadavg()[0]:.1f}")


def main() -> None:
    """Measure, and print it."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench.dashboard", description=__doc__)
    parser.add_argument("--per-second", type=float, default=500.0, help="sends a second")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each span")
    parser.add_argument("--last", type=float, default=300.0, help="seconds of the last watched span")
    parser.add_argument("--pairs", type=int, default=3)
    asyncio.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
