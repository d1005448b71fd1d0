"""What an audience of a million rows costs the gateway: memory, CPU, time, room in the store, and how late others are.

`python -m loadtest.bench.audience` (two minutes; `--rows`, `--broken`, `--ndjson`). Two processes and the store: the
gateway as `tidegate serve` runs it, and this one, which uploads, asks the gateway every few milliseconds whether it is
there, and reads the list of rejected lines. Exit 1 when one of them is missing, or memory grew by 200 MiB. Linux only.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import aiohttp
import orjson
from rich.console import Console
from rich.table import Table

from loadtest.bench.served import Peer, answers, configured, free_port, headers
from loadtest.deployment import NUMBER
from tidegate.store.client import connect
from tidegate.store.embedded import running_url

MOST_MIB: Final = 200.0
_A_PIECE: Final = 2_000
_ORDER: Final[dict[str, Any]] = {
    "name": "bench",
    "numbers": [NUMBER.id],
    "template": {
        "name": "offer",
        "language": {"code": "en_US"},
        "components": [
            {
                "type": "body",
                "parameters": [{"type": "text", "text": "{{first_name}}"}, {"type": "text", "text": "{{code}}"}],
            }
        ],
    },
    "steps": [{"share": 0.01}, {"share": 0.05}, {"share": 0.25}, {"share": 1}],
}


@dataclass(frozen=True)
class Taken:
    """What one upload took; `late_ms` are the answers to whoever asked meanwhile."""

    rows: int
    listed: int
    missing: int
    seconds: float
    cpu_s: float
    before_mib: float
    peak_mib: float
    megabytes: float
    store_mib: float
    late_ms: tuple[float, ...]

    @property
    def is_good(self) -> bool:
        """Whether every broken line is told, and memory stayed where it has to."""
        return not self.missing and self.peak_mib - self.before_mib < MOST_MIB


class Uploaded:
    """An audience as it is written: every so many lines one is broken."""

    def __init__(self, rows: int, broken: int, ndjson: bool) -> None:
        self._rows = rows
        self._every = rows // broken if broken else rows + 1
        self._ndjson = ndjson
        self.size = 0
        #: Lines that are broken, the header of CSV counted.
        self.broken: list[int] = []

    async def __aiter__(self) -> AsyncIterator[bytes]:
        head = 0 if self._ndjson else 1
        if head:
            yield b"to,first_name,code,not_asked_for\n"
        for begin in range(0, self._rows, _A_PIECE):
            lines = []
            for number in range(begin, min(begin + _A_PIECE, self._rows)):
                is_broken = number % self._every == self._every - 1
                if is_broken:
                    self.broken.append(number + 1 + head)
                lines.append(self._line(number, is_broken))
            piece = b"".join(lines)
            self.size += len(piece)
            yield piece

    def _line(self, number: int, is_broken: bool) -> bytes:
        if self._ndjson:
            return b'{"to":"%s%09d","first_name":"Name %d","code":"C%d"}\n' % (
                b"+15" if not is_broken else b"x", number, number, number
            )  # fmt: skip
        return b'%s%09d,"Name, %d",C%d,x\n' % (b"+15" if not is_broken else b"x", number, number, number)


async def measured(rows: int, broken: int, ndjson: bool) -> Taken:
    """One upload to a gateway of its own, which has taken a small one before."""
    with TemporaryDirectory(prefix="tidegate-audience-") as folder:
        directory, port = Path(folder), free_port()
        config = configured(directory, port, "http://127.0.0.1:9")
        command = ("tidegate", "serve", "--config", str(config), "--log-level", "error")
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", *command)
        try:
            peer = Peer("tidegate", f"http://127.0.0.1:{port}", process.pid)
            await answers(peer.url)
            timeout = aiohttp.ClientTimeout(total=1_800)
            async with aiohttp.ClientSession(peer.url, headers=headers(), timeout=timeout) as session:
                await _upload(session, Uploaded(2_000, 10, ndjson), ndjson)
                return await _measured(session, peer, directory / "data", Uploaded(rows, broken, ndjson), ndjson)
        finally:
            process.terminate()
            await process.wait()


async def _measured(session: aiohttp.ClientSession, peer: Peer, store: Path, audience: Uploaded, ndjson: bool) -> Taken:
    room, over, late_ms = await _store_mib(store), asyncio.Event(), []

    async def ask() -> None:
        while not over.is_set():
            began = time.perf_counter()
            async with session.get("/healthz") as told:
                await told.read()
            late_ms.append((time.perf_counter() - began) * 1_000)
            await asyncio.sleep(0.01)

    before_mib, cpu_s, began = peer.forget_peak(), peer.cpu_s, time.perf_counter()
    asking = asyncio.create_task(ask())
    campaign, told = await _upload(session, audience, ndjson)
    took_s, cpu_s = time.perf_counter() - began, peer.cpu_s - cpu_s
    over.set()
    await asking
    async with session.get(f"/gateway/v1/campaigns/{campaign}/audience/errors") as answer:
        listed = [orjson.loads(line)["line"] async for line in answer.content]
    return Taken(
        rows=told["rows"],
        listed=len(listed),
        missing=len(set(audience.broken) ^ set(listed)),
        seconds=took_s,
        cpu_s=cpu_s,
        before_mib=before_mib,
        peak_mib=peer.peak_mib,
        megabytes=audience.size / 1_000_000,
        store_mib=await _store_mib(store) - room,
        late_ms=tuple(late_ms),
    )


async def _upload(session: aiohttp.ClientSession, audience: Uploaded, ndjson: bool) -> tuple[str, Any]:
    async with session.post("/gateway/v1/campaigns", json=_ORDER) as answer:
        campaign = (await answer.json())["id"]
    kind = {"Content-Type": "application/x-ndjson" if ndjson else "text/csv"}
    async with session.post(f"/gateway/v1/campaigns/{campaign}/audience", data=audience, headers=kind) as answer:
        told = await answer.json()
        if answer.status != 200:
            raise RuntimeError(f"the audience was not taken: {told}")
    return campaign, told


async def _store_mib(directory: Path) -> float:
    url = await running_url(directory)
    if url is None:
        raise RuntimeError("the gateway has no store")
    async with await connect(url) as connection:
        told: Any = await connection.client.info("memory")
    return float(told["used_memory"]) / 2**20


def table(taken: Taken) -> Table:
    """What it took, a row for each figure."""
    made = Table(title=f"an audience of {taken.rows + taken.listed:,} rows, {taken.megabytes:.0f} MB")
    made.add_column("")
    made.add_column("", justify="right")
    late = sorted(taken.late_ms)
    for name, value in {
        "rows taken": f"{taken.rows:,}",
        "broken lines told": f"{taken.listed:,} (missing or wrong: {taken.missing})",
        "rows a second": f"{(taken.rows + taken.listed) / taken.seconds:,.0f}",
        "CPU, us a row": f"{taken.cpu_s / (taken.rows + taken.listed) * 1e6:.1f}",
        "memory before, at most (MiB)": f"{taken.before_mib:.0f}, {taken.peak_mib:.0f}",
        "memory grew by (MiB)": f"{taken.peak_mib - taken.before_mib:.0f} of {MOST_MIB:.0f} that it may",
        "in the store (bytes a row)": f"{taken.store_mib * 2**20 / max(taken.rows, 1):.0f}",
        "another request meanwhile, p50, p99, most (ms)": f"{statistics.median(late):.1f}, "
        f"{late[int(len(late) * 0.99)]:.1f}, {late[-1]:.1f}",
    }.items():
        made.add_row(name, value)
    return made


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--broken", type=int, default=1_000)
    parser.add_argument("--ndjson", action="store_true")
    asked = parser.parse_args()
    found = asyncio.run(measured(asked.rows, asked.broken, asked.ndjson))
    Console(width=120).print(table(found))
    sys.exit(0 if found.is_good else 1)
