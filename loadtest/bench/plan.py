"""What the plan of a large campaign takes, and what it does to the sends beside it: `python -m loadtest.bench.plan`.

An audience of a million recipients in thirty countries is uploaded to a node and planned over HTTP, with steps, quiet
hours, a budget by market and a limit of 100,000; meanwhile a task of the same loop looks how late it is woken. One
process is node and caller.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final

import aiohttp
import typer
from rich.console import Console
from rich.table import Table

from loadtest.deployment import APP_KEY, NUMBER, Deployment
from tidegate.app import build
from tidegate.simulator.server import run_simulator
from tidegate.store.embedded import socket_url
from tidegate.store.valkey_process import SOCKET_NAME, ValkeyProcess
from tidegate.tasks import spawn

MOST_S: Final = 30.0
LONGEST_STALL_MS: Final = 50.0
_LOOK_S: Final = 0.002
_COUNTRIES: Final = (
    "1212", "1415", "1312", "1808", "44", "49", "33", "39", "34", "351", "48", "31", "81", "82", "62", "91", "92",
    "880", "55", "5255", "57", "54", "56", "27", "234", "254", "20", "971", "61", "64",
)  # fmt: skip
_RULES: Final = {
    "quiet_hours": {"from": "21:00", "to": "08:00"},
    "budget": {
        "amount": "900000",
        "rate_card": [
            {
                "currency": "USD",
                "markets": {
                    name: {"prefixes": [prefix], "marketing": "0.02", "utility": "0.01", "authentication": "0.01"}
                    for name, prefix in (("america", "1"), ("india", "91"), ("brazil", "55"), ("other", "*"))
                },
            }
        ],
    },
}


def lines(recipients: int) -> Iterator[bytes]:
    """The audience as NDJSON, ten thousand rows at a time."""
    for first in range(0, recipients, 10_000):
        rows = (
            f'{{"to":"+{_COUNTRIES[n % len(_COUNTRIES)]}{5_000_000 + n:08}"}}\n' for n in range(first, first + 10_000)
        )
        yield "".join(rows).encode()


class Pulse:
    """Looks how late it is woken by the loop that it shares."""

    def __init__(self) -> None:
        self.late_ms: list[float] = []

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            began = time.perf_counter()
            await asyncio.sleep(_LOOK_S)
            self.late_ms.append((time.perf_counter() - began - _LOOK_S) * 1_000)


async def measure(recipients: int) -> dict[str, Any]:
    """Upload and plan; seconds, what was told, and how late the loop was (ms, sorted)."""
    with TemporaryDirectory(prefix="tidegate-bench-") as directory:
        process = ValkeyProcess.spawn(Path(directory), {"save": "", "appendonly": "no"})
        socket_path = str(Path(directory, SOCKET_NAME))
        await process.ready(socket_path, timeout_s=10)
        try:
            return await _on_a_node(socket_url(socket_path), recipients)
        finally:
            await process.stop(timeout_s=10)


async def _on_a_node(store_url: str, recipients: int) -> dict[str, Any]:
    deployment = Deployment(limit=100_000, rules=_RULES)
    simulator = await run_simulator(config=deployment.platform)
    node = await build(deployment.settings(store_url, simulator.url))
    await node.start()
    try:
        headers = {"Authorization": f"Bearer {APP_KEY}"}
        timeout = aiohttp.ClientTimeout(total=600)
        async with aiohttp.ClientSession(
            f"http://127.0.0.1:{node.address[1]}", headers=headers, timeout=timeout
        ) as http:
            return await _uploaded_and_planned(http, recipients)
    finally:
        await node.stop()
        await simulator.stop()


async def _uploaded_and_planned(http: aiohttp.ClientSession, recipients: int) -> dict[str, Any]:
    order = {
        "name": "a million",
        "numbers": [NUMBER.id],
        "template": {"name": "black_friday_offer", "language": {"code": "en_US"}},
        "steps": [{"share": 0.01, "gate": True}, {"share": 0.05, "gate": True}, {"share": 1}],
    }
    campaign = (await _asked(http, "/gateway/v1/campaigns", json=order))["id"]
    kind = {"Content-Type": "application/x-ndjson"}

    async def body() -> Any:
        for piece in lines(recipients):
            yield piece

    began = time.perf_counter()
    await _asked(http, f"/gateway/v1/campaigns/{campaign}/audience", data=body(), headers=kind)
    uploaded_s = time.perf_counter() - began
    pulse = Pulse()
    looking = spawn(pulse.run(), "pulse")
    began, cpu = time.perf_counter(), time.process_time()
    plan = await _asked(http, "/gateway/v1/campaigns:plan", json={"campaign_id": campaign})
    took_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    looking.cancel()
    with suppress(asyncio.CancelledError):
        await looking
    return {
        "uploaded_s": uploaded_s,
        "took_s": took_s,
        "cpu_s": cpu_s,
        "late_ms": sorted(pulse.late_ms),
        "plan": plan,
    }


async def _asked(http: aiohttp.ClientSession, path: str, **body: Any) -> dict[str, Any]:
    async with http.post(path, **body) as answer:
        told: dict[str, Any] = await answer.json(content_type=None)
        if answer.status >= 300:
            raise RuntimeError(f"{path}: {answer.status} {told}")
        return told


def main(recipients: Annotated[int, typer.Option(min=10_000, max=1_000_000)] = 1_000_000) -> None:
    """Plan a campaign of so many; exit 1 where it takes too long, or stalls the loop."""
    found = asyncio.run(measure(recipients))
    late_ms, plan = found["late_ms"], found["plan"]
    table = Table(title=f"the plan of {recipients:,} recipients", show_header=False, title_justify="left")
    for name, value in (
        ("upload", f"{found['uploaded_s']:.1f} s"),
        ("plan", f"{found['took_s']:.1f} s, {found['cpu_s']:.1f} s of CPU"),
        ("the loop was late: median", f"{late_ms[len(late_ms) // 2]:.1f} ms"),
        ("99th percentile", f"{late_ms[len(late_ms) * 99 // 100]:.1f} ms"),
        ("at most", f"{late_ms[-1]:.1f} ms"),
        ("planned to finish", f"{plan['finish_at'] or 'not within the deadline'}, {plan['sent']:,} sent"),
        ("other plans made beside it", str(len(plan["faster"]) + (plan["finish_at_latest"] is not None))),
    ):
        table.add_row(name, value)
    Console().print(table)
    raise typer.Exit(0 if found["took_s"] < MOST_S and late_ms[-1] < LONGEST_STALL_MS else 1)


if __name__ == "__main__":
    typer.run(main)
