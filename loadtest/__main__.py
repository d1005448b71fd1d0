"""`python -m loadtest`: rollouts in virtual time."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import orjson
import structlog
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from loadtest.campaign import Plan, roll_out
from loadtest.gates import gates
from loadtest.guarded.command import guarded
from loadtest.report import Report
from loadtest.stage import Stage, open_stage
from tidegate.simulator.estate import limit_of
from tidegate.simulator.scenarios import SCENARIOS
from tidegate.store.embedded import socket_url
from tidegate.store.valkey_process import SOCKET_NAME, ValkeyProcess

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_show_locals=False)

#: What the run keeps is measured, not kept: a disk has no part in it.
_FORGETFUL = {"save": "", "appendonly": "no", "maxmemory-policy": "noeviction"}


@app.callback()
def main() -> None:
    """The gateway under load: nodes, store and simulated Cloud API on this machine, in virtual time."""


app.command()(gates)
app.command()(guarded)


def _read_limit(written: str) -> int:
    try:
        return limit_of(written)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _read_scenario(written: str) -> str:
    if written not in SCENARIOS:
        raise typer.BadParameter(f"one of {', '.join(SCENARIOS)}")
    return written


@app.command()
def campaign(
    recipients: Annotated[int, typer.Option(min=1, max=9_999_999, help="Users to message, each once.")] = 10_000,
    limit: Annotated[int, typer.Option(parser=_read_limit, metavar="LIMIT", help="TIER_2K, or a number.")] = "TIER_2K",  # type: ignore[assignment]  # typer parses the default as it does an argument
    days: Annotated[float, typer.Option(min=0.01, max=60, help="Virtual days at most.")] = 7,
    scenario: Annotated[
        str, typer.Option(callback=_read_scenario, help=f"How the platform behaves: {', '.join(SCENARIOS)}.")
    ] = "calm",
    nodes: Annotated[int, typer.Option(min=1, max=4, help="Gateway nodes on one store.")] = 1,
    throughput: Annotated[int, typer.Option(min=1, max=1_000, help="The number's messages per second.")] = 80,
    codes_per_minute: Annotated[float, typer.Option(min=0, max=600, help="Login codes beside the campaign.")] = 1,
    headroom: Annotated[float, typer.Option(min=0, max=0.8, help="Share of the limit never used.")] = 0.05,
    seed: Annotated[int, typer.Option(help="Draws the platform's chances.")] = 1,
    json: Annotated[Path | None, typer.Option(help="Write the report here as well.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw it here: .svg or .png.")] = None,
) -> None:
    """Send a campaign through gateway and simulator; exit 1 if a rule of the platform was broken on the way."""
    plan = Plan(recipients, limit, days, scenario, nodes, throughput, codes_per_minute, seed, headroom)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    report = asyncio.run(_play(plan))
    Console().print(report.table())
    if json is not None:
        json.write_bytes(orjson.dumps(report.to_json(), option=orjson.OPT_INDENT_2) + b"\n")
    if picture is not None:
        draw_report(report, picture)
    raise typer.Exit(0 if report.clean else 1)


def draw_report(report: Report, path: Path) -> None:
    """Draw how a rollout went. Raises OSError, ValueError."""
    # Loading it takes longer than many a run.
    from loadtest.picture import draw

    draw(report.series, report.title, path)


async def _play(plan: Plan) -> Report:
    with TemporaryDirectory(prefix="tidegate-load-") as directory:
        process = ValkeyProcess.spawn(Path(directory), _FORGETFUL)
        try:
            socket_path = str(Path(directory, SOCKET_NAME))
            await process.ready(socket_path, timeout_s=10)
            async with open_stage(socket_url(socket_path), plan.deployment) as stage:
                return await _with_progress(plan, stage)
        finally:
            await process.stop(timeout_s=5)


async def _with_progress(plan: Plan, stage: Stage) -> Report:
    columns = (
        TextColumn("day {task.fields[day]:.2f}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("campaign", total=plan.recipients, day=0.0)
        return await roll_out(plan, stage, lambda accepted, day: bar.update(task, completed=accepted, day=day))


if __name__ == "__main__":
    app()
