"""`python -m loadtest.bench.clients`: CPU of a POST by client, in one run; `--failures`: what each tells. Linux only.

Needs nginx. Clients that are not installed are left out (`pip install pycurl pyreqwest`). Each window is a process of
its own on the first core, with uvloop; all else is on the others. Its CPU time is that of all its threads.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib.util
import json
import os
import random
import statistics
import sys
import time
from pathlib import Path
from typing import Final

import uvloop
from rich.console import Console
from rich.table import Table

from loadtest.bench.clients.failing import told
from loadtest.bench.clients.platform import platform
from loadtest.bench.clients.posters import POSTERS, many
from loadtest.bench.speed import machine

_WARM_S: Final = 0.3
_TIMEOUT_S: Final = 20.0
_BARE: Final = "aiohttp"


def _here() -> list[str]:
    return [name for name in POSTERS if name == "tidegate" or importlib.util.find_spec(name.partition(",")[0])]


async def _window(name: str, url: str, trusted: Path | None, connections: int, seconds: float) -> float:
    """CPU microseconds of a POST, in this process."""
    async with POSTERS[name](url, trusted, _TIMEOUT_S) as post:
        await many(post, connections, _WARM_S)
        gc.collect()
        gc.freeze()
        began_s = time.process_time()
        posted = await many(post, connections, seconds)
        return (time.process_time() - began_s) / posted * 1_000_000


async def _measured(rounds: int, connections: int, seconds: float) -> Table:
    machine.place_caller()
    found: dict[tuple[str, str], list[float]] = {}
    async with platform() as peer:
        ways = [
            (name, way) for name in _here() for way in ("plain", "TLS") if not ("HTTP/2" in name and way == "plain")
        ]
        for _ in range(rounds):
            for name, way in random.sample(ways, len(ways)):
                url = peer.plain if way == "plain" else peer.http2 if "HTTP/2" in name else peer.tls
                asked = ("--window", name, url, str(peer.trusted) if way == "TLS" else "")
                command = (*machine.on_gateway_core(), sys.executable, "-m", "loadtest.bench.clients", *asked)
                process = await asyncio.create_subprocess_exec(
                    *command, "--connections", str(connections), "--seconds", str(seconds),
                    stdout=asyncio.subprocess.PIPE, env={**os.environ, "SSL_CERT_FILE": str(peer.trusted)},
                )  # fmt: skip
                told, _ = await process.communicate()
                found.setdefault((name, way), []).append(json.loads(told))
    return _table(found, rounds, connections)


def _table(found: dict[tuple[str, str], list[float]], rounds: int, connections: int) -> Table:
    made = Table(title=f"CPU of a POST, {connections} connections, medians of {rounds} rounds (least - most)")
    for column in ("client", "way", "us", "", "of aiohttp's, round by round"):
        made.add_column(column, justify="right" if column == "us" else "left")
    for (name, way), costs in sorted(found.items(), key=lambda entry: (entry[0][1], -statistics.median(entry[1]))):
        ratio = statistics.median(cost / bare for cost, bare in zip(costs, found[_BARE, way], strict=True))
        made.add_row(
            name, way, f"{statistics.median(costs):.1f}", f"{min(costs):.1f} - {max(costs):.1f}", f"{ratio:.2f}"
        )
    return made


async def _failures() -> Table:
    made = Table(title="a POST that fails: what the client tells, and how many the peer has read")
    for column in ("case", "client", "told", "read"):
        made.add_column(column)
    rows = [row for name in _here() if "HTTP/2" not in name for row in await told(name)]
    for row in sorted(rows, key=lambda row: row.case):
        made.add_row(row.case, row.by, row.told, str(row.taken))
    return made


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--failures", action="store_true")
    parser.add_argument("--window", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.window:
        name, url, trusted = asked.window
        print(uvloop.run(_window(name, url, Path(trusted) if trusted else None, asked.connections, asked.seconds)))
        return
    work = _failures() if asked.failures else _measured(asked.rounds, asked.connections, asked.seconds)
    Console(width=140).print(uvloop.run(work))


if __name__ == "__main__":
    main()
