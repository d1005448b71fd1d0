"""`python -m loadtest.bench.cluster`: what a send costs on one server, on a cluster of one and on one of three.

The same node and the same portfolios, which the hash of their names spreads over the shards; in turns, as `python -m
loadtest.bench` does. On a machine of two cores the load, the upstream and all stores share one core: what shows is CPU,
not what three machines could do; how much more they could shows in the largest shard's share of the stores' CPU. Linux
only.
"""

from __future__ import annotations

import gc
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Annotated, Final, NamedTuple

import typer
import uvloop
from rich.console import Console
from rich.table import Table

from loadtest.bench.served import free_port
from loadtest.bench.speed import machine
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


class Seen(NamedTuple):
    """A window, and the share of the stores' CPU that the busiest of them took meanwhile."""

    window: Window
    largest: float


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


async def _found(estate: Estate, rounds: int, shape: Shape) -> Rounds[Seen]:
    machine.place_caller()
    gc.freeze()
    async with AsyncExitStack() as opened:
        at = await opened.enter_async_context(stage())
        candidates = [await Tidegate(_ONE_SERVER, estate=estate)(at)]
        for shards in (1, SHARDS):
            ports = [free_port() for _ in range(2 * shards)]
            cluster = await opened.enter_async_context(own_cluster(ports, options=_FORGETFUL))
            candidates.append(await Sharded(_name(shards), estate=estate, cluster=cluster)(at))

        async def measure(candidate: Candidate) -> Seen:
            before = [machine.cpu_s([pid]) for pid in candidate.store_pids]
            window = await measured(at, candidate, shape)
            after = [machine.cpu_s([pid]) for pid in candidate.store_pids]
            took = [later - earlier for later, earlier in zip(after, before, strict=True)]
            return Seen(window, max(took) / sum(took))

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


def _table(found: Rounds[Seen], estate: Estate, homes: list[int]) -> Table:
    spread = " + ".join(map(str, homes))
    title = f"{estate.portfolios} portfolios ({spread} by shard of {SHARDS}), all rules on"
    table = Table(title=title, title_justify="left")
    heads = ("store", "sends/s", "gateway us", "store us", "largest shard", "p50 ms", "p99 ms")
    for head in (*heads, f"CPU against {_ONE_SERVER}", f"against {_name(1)}"):
        table.add_column(head, justify="left" if head == "store" else "right")
    for name in found.windows:
        if not found.has(name):
            continue
        table.add_row(
            name,
            f"{found.of(name, lambda seen: seen.window.per_second).median:,.0f}",
            f"{found.of(name, lambda seen: seen.window.gateway_us).median:.0f}",
            f"{found.of(name, lambda seen: seen.window.store_us).median:.0f}",
            f"{found.of(name, lambda seen: seen.largest).median:.0%}",
            f"{found.of(name, lambda seen: seen.window.p50_ms).median:.1f}",
            f"{found.of(name, lambda seen: seen.window.p99_ms).median:.1f}",
            _against(found, name, _ONE_SERVER),
            _against(found, name, _name(1)),
        )
    return table


def _against(found: Rounds[Seen], name: str, other: str) -> str:
    if not any(one and two for one, two in zip(found.windows[name], found.windows[other], strict=True)):
        return ""
    ratio = found.ratio(name, other, lambda seen: seen.window.cpu_us)
    return f"{ratio.median:.2f} ({ratio.low:.2f}-{ratio.high:.2f})"


if __name__ == "__main__":
    app()
