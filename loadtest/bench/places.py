"""What a counted recipient costs in memory, and an admission in the store's time.

`python -m loadtest.bench.places` (a minute). `settled`: every recipient was delivered to. `on its way`: every recipient
has a message of unknown fate.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from redis.asyncio import Redis
from rich.console import Console
from rich.table import Table

from loadtest.bench.filling import fill
from tidegate.journal import Intent
from tidegate.policy.facts import NO_LIMIT, Terms
from tidegate.policy.lifecycle import RANK
from tidegate.store.asks import Ask
from tidegate.store.ledger import Ledger
from tidegate.store.valkey_process import SOCKET_NAME, ValkeyProcess

SIZES: Final = (2_000, 100_000, 1_000_000)
ADMISSIONS: Final = 16_384
AT_ONCE: Final = 64
_DAY_MS: Final = 86_400_000
_PORTFOLIO: Final = "bench"


@dataclass(frozen=True)
class Cost:
    """What `recipients` cost: bytes each, and the server's microseconds of an admission that takes a place."""

    recipients: int
    settled_bytes: float
    on_its_way_bytes: float
    admit_us: float


async def _fill(client: Redis, recipients: int, *, settled: bool) -> float:
    """Let so many recipients hold a place; bytes each."""
    await client.execute_command("FLUSHALL", "SYNC")  # type: ignore[no-untyped-call]  # it has no hints
    return await fill(client, _PORTFOLIO, recipients, settled=settled)


async def _server_us(client: Redis) -> float:
    cpu = await client.info("cpu")
    return 1e6 * (float(cpu["used_cpu_user_main_thread"]) + float(cpu["used_cpu_sys_main_thread"]))


async def _admit(client: Redis) -> float:
    """Admit new recipients, `AT_ONCE` at a time; the server's microseconds for each."""
    ledger = Ledger(client, [_PORTFOLIO], {state.value: rank for state, rank in RANK.items()}, one_slot=False)
    terms = Terms(
        epoch=0, needs_window=False, counts=True, places=10**9, limit_places=10**9, category_places=NO_LIMIT,
        hold_ms=31 * _DAY_MS, window_margin_ms=10_000, pair_emission_ms=6_000, pair_tolerance_ms=264_000,
        throughput_emission_us=1, throughput_tolerance_us=10_000,
    )  # fmt: skip
    deadline_ms = 10**13
    before = await _server_us(client)
    for begin in range(0, ADMISSIONS, AT_ONCE):
        asks = [
            Ask(Intent(_PORTFOLIO, f"m{begin + n}", 1, secrets.token_bytes(16), "1", b"{}"), terms, deadline_ms)
            for n in range(AT_ONCE)
        ]
        if not all(facts.taken for facts in await asyncio.gather(*map(ledger.admit, asks))):
            raise RuntimeError("an admission was refused: nothing was measured")
    return (await _server_us(client) - before) / ADMISSIONS


async def measure(sizes: Sequence[int] = SIZES) -> list[Cost]:
    """The costs at each size, on an embedded server of this run's own."""
    with TemporaryDirectory(prefix="tidegate-bench-") as directory:
        process = ValkeyProcess.spawn(Path(directory), {"save": "", "appendonly": "no"})
        socket_path = str(Path(directory, SOCKET_NAME))
        await process.ready(socket_path, timeout_s=10)
        try:
            async with Redis(unix_socket_path=socket_path, socket_timeout=60) as client:
                return [await _cost(client, size) for size in sizes]
        finally:
            await process.stop(timeout_s=10)


async def _cost(client: Redis, recipients: int) -> Cost:
    on_its_way = await _fill(client, recipients, settled=False)
    settled = await _fill(client, recipients, settled=True)
    return Cost(recipients, settled, on_its_way, await _admit(client))


def _print(costs: list[Cost]) -> None:
    table = Table("recipients", "bytes, settled", "bytes, on its way", "server us an admission")
    for column in table.columns:
        column.justify = "right"
    for cost in costs:
        numbers = (cost.settled_bytes, cost.on_its_way_bytes, cost.admit_us)
        table.add_row(f"{cost.recipients:,}", *(f"{number:.1f}" for number in numbers))
    Console().print(table)


if __name__ == "__main__":
    _print(asyncio.run(measure()))
