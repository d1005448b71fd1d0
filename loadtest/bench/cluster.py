"""`python -m loadtest.bench.cluster`: what a send costs on one server, on a cluster of one and on one of three.

The same node, the same portfolios, spread evenly over the shards; in turns, as `python -m loadtest.bench` does. On a
machine of two cores the load, the upstream and all stores share one core: what shows is CPU, not what three machines
could do. Linux only.
"""

from __future__ import annotations

from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Annotated, Final

import typer
import uvloop
from rich.console import Console
from rich.table import Table

from loadtest.bench.served import free_port
from loadtest.bench.speed.candidates import Tidegate
from loadtest.bench.speed.configs import Estate
from loadtest.bench.speed.rounds import Rounds, in_rounds
from loadtest.bench.speed.stage import Candidate, Stage, stage
from loadtest.bench.speed.window import Shape, Window, measured
from loadtest.own_cluster import SLOTS, OwnCluster, own_cluster, slot_of
from tidegate.store.valkey_process import ValkeyProcess

SHARDS: Final = 3
_ONE_SERVER: Final = "one server"
_FORGETFUL: Final = {"appendonly": "no"}

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@dataclass(frozen=True)
class Sharded(Tidegate):
    """A node whose store is a cluster."""

    cluster: OwnCluster | None = None

    async def _stores(self, stage: Stage) -> tuple[list[ValkeyProcess], str]:
        assert self.cluster is not None
        return [one.process for one in self.cluster.primaries], self.cluster.url


@app.command()
def bench(
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="How often each is measured.")] = 5,
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, help="Length of a window.")] = 1.0,
    portfolios: Annotated[int, typer.Option("--portfolios", min=SHARDS, help="How many there are.")] = 24,
    connections: Annotated[int, typer.Option("--connections", min=1, help="Of callers.")] = 64,
) -> None:
    """Measure them in turns, and compare them round by round."""
    estate = Estate(portfolios, max(1, 48 // portfolios))
    homes = Counter(slot_of(estate.portfolio(index)) * SHARDS // SLOTS for index in range(portfolios))
    found = uvloop.run(_found(estate, rounds, Shape(connections, seconds)))
    Console(width=160).print(_table(found, estate, [homes[shard] for shard in range(SHARDS)]))
    for void in found.voids:
        Console(stderr=True).print(void)
    if found.voids:
        raise typer.Exit(1)


async def _found(estate: Estate, rounds: int, shape: Shape) -> Rounds[Window]:
    async with AsyncExitStack() as opened:
        at = await opened.enter_async_context(stage())
        candidates = [await Tidegate(_ONE_SERVER, estate=estate)(at)]
        for shards in (1, SHARDS):
            ports = [free_port() for _ in range(2 * shards)]
            cluster = await opened.enter_async_context(own_cluster(ports, options=_FORGETFUL))
            candidates.append(await Sharded(_name(shards), estate=estate, cluster=cluster)(at))

        async def measure(candidate: Candidate) -> Window:
            return await measured(at, candidate, shape)

        made = await in_rounds(candidates, rounds, measure)
        for candidate in candidates:
            # Before its store goes.
            await _end(at, candidate)
        return made


async def _end(at: Stage, candidate: Candidate) -> None:
    own = candidate.name == _ONE_SERVER
    await at.end(candidate if own else Candidate(candidate.name, candidate.port, candidate.pids, candidate.traffic))


def _name(shards: int) -> str:
    return f"a cluster of {shards}"


def _table(found: Rounds[Window], estate: Estate, homes: list[int]) -> Table:
    spread = " + ".join(map(str, homes))
    title = f"{estate.portfolios} portfolios ({spread} by shard), all rules on"
    table = Table(title=title, title_justify="left")
    for head in ("store", "sends/s", "gateway us", "store us", "p50 ms", "p99 ms", "CPU a send against one server"):
        table.add_column(head, justify="left" if head == "store" else "right")
    for name in found.windows:
        if not found.has(name):
            continue
        ratio = found.ratio(name, _ONE_SERVER, lambda window: window.cpu_us) if found.has(_ONE_SERVER) else None
        table.add_row(
            name,
            f"{found.of(name, lambda window: window.per_second).median:,.0f}",
            f"{found.of(name, lambda window: window.gateway_us).median:.0f}",
            f"{found.of(name, lambda window: window.store_us).median:.0f}",
            f"{found.of(name, lambda window: window.p50_ms).median:.1f}",
            f"{found.of(name, lambda window: window.p99_ms).median:.1f}",
            f"{ratio.median:.2f} ({ratio.low:.2f}-{ratio.high:.2f})" if ratio else "",
        )
    return table


if __name__ == "__main__":
    app()
