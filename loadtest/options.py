"""What several of the load test's commands read from their lines, and how they show that they go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from loadtest.series import Series
from tidegate.simulator.estate import limit_of
from tidegate.simulator.scenarios import SCENARIOS


def _read_limit(written: str) -> int:
    try:
        return limit_of(written)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _read_scenario(written: str) -> str:
    if written not in SCENARIOS:
        raise typer.BadParameter(f"one of {', '.join(SCENARIOS)}")
    return written


RecipientsOption = Annotated[int, typer.Option(min=1, max=9_999_999, help="Users to message, each once.")]
LimitOption = Annotated[int, typer.Option(parser=_read_limit, metavar="LIMIT", help="TIER_2K, or a number.")]
DaysOption = Annotated[float, typer.Option(min=0.01, max=60, help="Virtual days at most.")]
ScenarioOption = Annotated[
    str, typer.Option(callback=_read_scenario, help=f"How the platform behaves: {', '.join(SCENARIOS)}.")
]
ThroughputOption = Annotated[int, typer.Option(min=1, max=1_000, help="A number's messages per second.")]
HeadroomOption = Annotated[float, typer.Option(min=0, max=0.8, help="Share of the limit never used.")]
SeedOption = Annotated[int, typer.Option(help="Draws the platform's chances.")]
JsonOption = Annotated[Path | None, typer.Option(help="Write the report here as well.")]
PictureOption = Annotated[Path | None, typer.Option(help="Draw it here: .svg or .png.")]


@contextmanager
def progress_bar(what: str, total: int) -> Iterator[Callable[[int, float], None]]:
    """Show a bar within the block, by calls with how many are done and the days gone."""
    columns = (TextColumn("day {task.fields[day]:.2f}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total, day=0.0)
        yield lambda done, day: bar.update(task, completed=done, day=day)


def write_json(report: dict[str, Any], path: Path | None) -> None:
    """Write a report where it was asked for. Raises OSError."""
    if path is not None:
        path.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2) + b"\n")


def draw_series(series: Series, title: str, path: Path | None) -> None:
    """Draw how a rollout went where that was asked for. Raises OSError, ValueError."""
    if path is not None:
        # Loading it takes longer than many a run.
        from loadtest.picture import draw

        draw(series, title, path)
