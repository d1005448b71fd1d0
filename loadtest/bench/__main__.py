"""`python -m loadtest.bench`: what a send costs beside other proxies, on this machine, in one run. Linux only."""

from __future__ import annotations

import gc
import time
from pathlib import Path
from typing import Annotated, Final

import typer
import uvloop
from aiohttp import ClientError
from redis.exceptions import RedisError
from rich.console import Console

from loadtest.bench.speed import machine
from loadtest.bench.speed.axes import RUN, Plan, planned
from loadtest.bench.speed.found import AXES, Found, Setting
from loadtest.bench.speed.musts import missed
from loadtest.bench.speed.picture import draw
from loadtest.bench.speed.record import record
from loadtest.bench.speed.stage import NotStarted
from loadtest.bench.speed.tables import markdown, tables
from loadtest.bench.speed.window import Void
from tidegate.errors import StoreUnavailable

#: Wide enough for every table, whoever reads it.
_WIDTH: Final = 200

app = typer.Typer(add_completion=False, rich_markup_mode=None)


def _axes(text: str) -> str:
    unknown = set(text.split(",")) - set(AXES)
    if unknown:
        raise typer.BadParameter(f"must be some of {', '.join(AXES)}")
    return text


@app.command()
def bench(
    quick: Annotated[bool, typer.Option("--quick", help="Fewer rounds, shorter windows, fewer connections.")] = False,
    only: Annotated[
        str, typer.Option("--only", help=f"Some of {', '.join(AXES)}; joined by commas.", callback=_axes)
    ] = ",".join(AXES),
    rounds: Annotated[int | None, typer.Option("--rounds", min=1, help="How often each is measured.")] = None,
    seconds: Annotated[float | None, typer.Option("--seconds", min=0.1, help="Length of a window.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write all windows as JSON.")] = None,
    document: Annotated[Path | None, typer.Option("--markdown", help="Write the tables as Markdown.")] = None,
    picture: Annotated[Path | None, typer.Option("--picture", help="Draw the sends: .svg or .png.")] = None,
    prove: Annotated[bool, typer.Option("--prove", help="End with 1 unless everything that must hold does.")] = False,
) -> None:
    """Measure bare proxies, a naive gateway and tidegate in turns, and compare them round by round."""
    plan = planned(quick, rounds, seconds)
    console = Console(width=_WIDTH)
    found = uvloop.run(_found(plan, [axis for axis in AXES if axis in only.split(",")], console))
    for table in tables(found):
        console.print(table)
    _say(console, found)
    if out is not None:
        out.write_bytes(record(found))
    if document is not None:
        document.write_text(markdown(found))
    if picture is not None and Setting(64) in found.sends:
        draw(found, picture)
    if found.voids or (prove and missed(found)):
        raise typer.Exit(1)


async def _found(plan: Plan, axes: list[str], console: Console) -> Found:
    machine.place_caller()
    gc.freeze()
    found = Found(rounds=plan.rounds, seconds=plan.seconds)
    for axis in axes:
        began = time.perf_counter()
        try:
            await RUN[axis](plan, found)
        except (NotStarted, Void, StoreUnavailable, RedisError, ClientError, LookupError, OSError) as fault:
            # The other axes are worth something all the same.
            found.amiss.append(f"{axis}: {type(fault).__name__}: {fault}")
        gc.collect()
        console.print(f"{axis}: {time.perf_counter() - began:.0f} s", style="dim")
    return found


def _say(console: Console, found: Found) -> None:
    if found.absent:
        console.print(f"not installed, and left out: {', '.join(found.absent)}")
    if not machine.APART:
        console.print("one core for everything: the CPU of a send is worth something, sends/s and times are not")
    for void in found.voids:
        console.print(f"VOID: {void}", style="red")


if __name__ == "__main__":
    app()
