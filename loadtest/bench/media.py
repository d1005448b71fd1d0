"""What a file of 100 MB costs the gateway on its way up and down: memory, CPU and time, beside a bare proxy's.

`python -m loadtest.bench.media` (half a minute; `--megabytes`, `--rounds`). Four processes: a Graph that takes and
gives files, the gateway as `tidegate serve` runs it, a bare proxy of aiohttp's server and client, and this one, the
caller. Both are on uvloop, and take turns; figures are medians of the rounds. Memory is the peak of the process over
what it had just before (`VmHWM`, started anew for each file), so Linux only.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp
from rich.console import Console
from rich.table import Table

from loadtest.bench.media_peers import CHUNK
from loadtest.bench.served import Peer, answers, configured, free_port, headers
from loadtest.deployment import NUMBER


@dataclass(frozen=True)
class Passage:
    """One file through one of them: `way` is up or down; `memory_mib` is what it took at most beyond what it had."""

    through: str
    way: str
    seconds: float
    cpu_s: float
    memory_mib: float


async def measured(megabytes: int, rounds: int) -> list[Passage]:
    """Every passage of every round, on processes of its own."""
    size = megabytes * 1_000_000
    timeout = aiohttp.ClientTimeout(total=300)
    async with _peers() as peers, aiohttp.ClientSession(timeout=timeout) as session:
        for peer in peers:
            for way in (_up, _down):
                # What is imported and opened at the first file is no cost of a file.
                await way(session, peer, 1_000_000)
        return [
            await _passage(session, peer, way, size) for _ in range(rounds) for peer in peers for way in ("up", "down")
        ]


async def _passage(session: aiohttp.ClientSession, peer: Peer, way: str, size: int) -> Passage:
    before_mib, cpu_s, began = peer.forget_peak(), peer.cpu_s, time.perf_counter()
    await (_up if way == "up" else _down)(session, peer, size)
    took_s = time.perf_counter() - began
    return Passage(peer.name, way, took_s, peer.cpu_s - cpu_s, peer.peak_mib - before_mib)


async def _up(session: aiohttp.ClientSession, peer: Peer, size: int) -> None:
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\nContent-Type: video/mp4\r\n\r\n'
    tail = b"\r\n--b--\r\n"

    async def form() -> AsyncIterator[bytes]:
        yield head
        for begin in range(0, size, len(CHUNK)):
            yield CHUNK[: size - begin]
        yield tail

    length = len(head) + size + len(tail)
    sent = headers() | {"Content-Type": "multipart/form-data; boundary=b", "Content-Length": str(length)}
    async with session.post(f"{peer.url}/v25.0/{NUMBER.id}/media", data=form(), headers=sent) as answer:
        if await answer.json() != {"id": str(length)}:
            raise RuntimeError(f"{peer.name} did not take the file: {answer.status}")


async def _down(session: aiohttp.ClientSession, peer: Peer, size: int) -> None:
    async with session.get(f"{peer.url}/v25.0/{size}", headers=headers()) as answer:
        told = await answer.json()
    # The bare proxy leaves Graph's own address in: the file is read through it all the same.
    path = told["url"].partition("/_file/")[2]
    url = f"{peer.url}/_file/{path}" if path else told["url"]
    async with session.get(url, headers=headers()) as answer:
        got = 0
        async for chunk in answer.content.iter_any():
            got += len(chunk)
        if got != size:
            raise RuntimeError(f"{peer.name} gave {got} of {size} bytes: {answer.status}")


@asynccontextmanager
async def _peers() -> AsyncIterator[Sequence[Peer]]:
    """The bare proxy and the gateway before the same Graph."""
    graph_port, proxy_port, gate_port = (free_port() for _ in range(3))
    graph, proxy, gate = (f"http://127.0.0.1:{port}" for port in (graph_port, proxy_port, gate_port))
    with TemporaryDirectory(prefix="tidegate-media-") as directory:
        config = configured(Path(directory), gate_port, graph)
        peers = "loadtest.bench.media_peers"
        commands = (
            (peers, "graph", str(graph_port)),
            (peers, "proxy", str(proxy_port), graph),
            ("tidegate", "serve", "--config", str(config), "--log-level", "error"),
        )
        processes = []
        try:
            for command in commands:
                processes.append(await asyncio.create_subprocess_exec(sys.executable, "-m", *command))
            for url in (graph, proxy, gate):
                await answers(url)
            yield Peer("bare proxy", proxy, processes[1].pid), Peer("tidegate", gate, processes[2].pid)
        finally:
            for process in processes:
                process.terminate()
            await asyncio.gather(*(process.wait() for process in processes))


def table(passages: Sequence[Passage], megabytes: int) -> Table:
    """Medians by who it was and which way, with the ratio to the bare proxy."""
    made = Table(title=f"a file of {megabytes} MB")
    for column in ("through", "way", "MB/s", "CPU s", "memory MiB", "time, ratio", "CPU, ratio"):
        made.add_column(column, justify="right")
    for way in ("up", "down"):
        bare = _medians(passages, "bare proxy", way)
        for name in ("bare proxy", "tidegate"):
            seconds, cpu_s, memory_mib = _medians(passages, name, way)
            ratios = (f"{seconds / bare[0]:.2f}", f"{cpu_s / bare[1]:.2f}")
            made.add_row(name, way, f"{megabytes / seconds:.0f}", f"{cpu_s:.2f}", f"{memory_mib:.1f}", *ratios)
    return made


def _medians(passages: Sequence[Passage], name: str, way: str) -> tuple[float, float, float]:
    of = [passage for passage in passages if (passage.through, passage.way) == (name, way)]
    return (
        statistics.median(passage.seconds for passage in of),
        statistics.median(passage.cpu_s for passage in of),
        max(passage.memory_mib for passage in of),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    found = asyncio.run(measured(asked.megabytes, asked.rounds))
    Console(width=120).print(table(found, asked.megabytes))
