"""What a watched dashboard costs the node that serves it, and the browser that shows it, while sends come fast.

`python -m loadtest.bench.dashboard` (12 minutes; needs a chromium, and two cores that nothing else uses: the node has
one of its own, all else the other). Sends come at their own rate all the time, and Meta tells of each that it was sent,
delivered and read. Spans in which nobody watches and spans in which two windows do (overview and live feed) take
turns, each pair in the other order than the one before, so that whatever grows with time is in both alike. In a last
watched span, `--last` seconds long, it is looked at what the browser holds: that has to stay as it is.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import uvloop
from playwright.async_api import Browser
from rich.console import Console
from rich.table import Table

from loadtest.bench.browser import Memory, Window, chromium
from loadtest.bench.speed import machine
from loadtest.bench.speed.candidates import DEFAULT, Tidegate, signature
from loadtest.bench.speed.configs import KEY, RULES_DEFAULT, Estate
from loadtest.bench.speed.intake import deliveries
from loadtest.bench.speed.load import Load, Told
from loadtest.bench.speed.stage import Candidate, Stage, stage
from loadtest.bench.speed.window import Meter
from tidegate.tasks import cancelled, spawn

_ESTATE: Final = Estate(numbers_each=1)
_CONNECTIONS: Final = 64
_PATHS: Final = ("", "/feed")
_SETTLE_S: Final = 5.0
_LOOK_S: Final = 15.0
#: How often Meta tells of what was sent since, and how many statuses it puts into one delivery.
_TELL_S: Final = 0.2
_AT_ONCE: Final = 100


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


class Bench:
    """A node under load, and a browser to look at it with."""

    def __init__(self, candidate: Candidate, browser: Browser, told: Told) -> None:
        self._candidate, self._browser, self._told = candidate, browser, told

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[Sequence[Window]]:
        """Have windows on the overview and the live feed."""
        windows = [await Window.open(self._browser, self._candidate.url, path, KEY) for path in _PATHS]
        try:
            yield windows
        finally:
            for window in windows:
                await window.close()

    async def span(self, seconds: float, *, watched: bool) -> Span:
        """One span; nothing is counted until what began with it has settled."""
        async with self.watching() if watched else contextlib.nullcontext():
            await asyncio.sleep(_SETTLE_S)
            meter, sent = Meter(self._candidate), self._told.answered
            await asyncio.sleep(seconds)
            spent_s, node_s, store_s = meter.read()
            return Span(watched, spent_s, self._told.answered - sent, node_s, store_s)

    async def pair(self, nth: int, seconds: float) -> tuple[Span, Span]:
        """A span that nobody watches, and one that two windows do; which is first changes from pair to pair."""
        first = await self.span(seconds, watched=nth % 2 == 1)
        second = await self.span(seconds, watched=not first.watched)
        return (second, first) if first.watched else (first, second)

    async def held(self, seconds: float) -> list[list[Memory]]:
        """What each window holds, now and again until so long is over."""
        found: list[list[Memory]] = []
        loop = asyncio.get_running_loop()
        async with self.watching() as windows:
            await asyncio.sleep(_SETTLE_S)
            until_s = loop.time() + seconds
            while True:
                found.append([await window.memory() for window in windows])
                if loop.time() >= until_s:
                    return found
                await asyncio.sleep(_LOOK_S)


async def _tell(at: Stage, candidate: Candidate) -> None:
    """Be Meta: tell of each send what became of it, until cancelled."""
    await at.upstream("keep")
    while True:
        await asyncio.sleep(_TELL_S)
        for body in deliveries(_ESTATE, await at.upstream("taken"), _AT_ONCE):
            headers = {"X-Hub-Signature-256": signature(body), "Content-Type": "application/json"}
            async with at.session.post(f"{candidate.url}/webhooks/whatsapp", data=body, headers=headers) as answer:
                await answer.read()


def _costs(pairs: Sequence[tuple[Span, Span]]) -> Table:
    shares = Table("watched", "s", "sends/s", "node, % of a core", "us a send", "store, % of a core")
    for one in (span for pair in pairs for span in pair):
        shares.add_row(
            "yes" if one.watched else "no",
            f"{one.spent_s:.0f}",
            f"{one.sent / one.spent_s:.0f}",
            f"{one.node_share:.1f}",
            f"{1e6 * one.node_s / max(1, one.sent):.0f}",
            f"{100 * one.store_s / one.spent_s:.1f}",
        )
    extra = statistics.median(watched.node_share - alone.node_share for alone, watched in pairs)
    usual = statistics.median(alone.node_share for alone, _ in pairs)
    shares.caption = (
        f"watched, the node takes {extra:+.1f} points of a core more (median of {len(pairs)} pairs), "
        f"{100 * extra / usual:+.1f} % of what it takes anyway"
    )
    return shares


def _held(memories: Sequence[Sequence[Memory]]) -> Table:
    held = Table("window", "s", "heap MiB", "nodes", "of the page", "listeners")
    for name, looks in zip(("overview", "feed"), zip(*memories, strict=True), strict=True):
        for nth, one in enumerate(looks):
            told = (f"{one.heap_mib:.2f}", str(one.nodes), str(one.shown), str(one.listeners))
            held.add_row(name, f"{nth * _LOOK_S:.0f}", *told)
    held.caption = "after a collection of garbage; nodes beyond those of the page are held by scripts alone"
    return held


async def _run(options: argparse.Namespace) -> None:
    console = Console()
    machine.place_caller()
    async with stage() as at, chromium() as browser:
        candidate = await Tidegate(DEFAULT, rules=RULES_DEFAULT, estate=_ESTATE)(at)
        load = Load(candidate.port, _CONNECTIONS, candidate.traffic.request)
        telling = spawn(_tell(at, candidate), "statuses") if options.statuses else None
        await load.begin(options.per_second)
        bench = Bench(candidate, browser, load.told)
        try:
            console.print(_costs([await bench.pair(nth, options.seconds) for nth in range(options.pairs)]))
            console.print(_held(await bench.held(options.last)))
        finally:
            told = await load.end()
            await cancelled([telling] if telling else [], 10)
    console.print(f"answers: {dict(told.answers)}, lost: {told.lost}; load {os.getloadavg()[0]:.1f}")


def main() -> None:
    """Measure, and print it."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench.dashboard", description=__doc__)
    parser.add_argument("--per-second", type=float, default=500.0, help="sends a second")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each span")
    parser.add_argument("--last", type=float, default=300.0, help="seconds of the span in which memory is looked at")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--no-statuses", dest="statuses", action="store_false", help="Meta tells of no send")
    uvloop.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
