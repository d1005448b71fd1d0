"""`tidegate watch`: capacity and queue, live."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live

from tidegate.cli import capacity, queue
from tidegate.cli.client import DEFAULT_URL, AsJson, ControlPlane, NoAnswer, Url, answering, print_json
from tidegate.cli.example import example
from tidegate.cli.tables import count, make_table
from tidegate.policy.duration import read_duration

app = typer.Typer(add_completion=False, rich_markup_mode=None)


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return read_duration(text) / 1000
    except ValueError as problem:
        raise typer.BadParameter(str(problem)) from None


@app.command(epilog=example("tidegate watch --every 2s"))
def watch(
    every: Annotated[str, typer.Option("--every", help="Time between two looks.")] = "1s",
    lasting: Annotated[str | None, typer.Option("--for", help="End after this; omitted: at Ctrl-C.")] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Watch capacity, stops, queue and decisions, live.

    With --json, or when it does not print to a terminal: one line a look."""
    every_s, lasting_s = _seconds(every) or 0.1, _seconds(lasting)
    plane = ControlPlane.at(url)
    ends_at = None if lasting_s is None else time.monotonic() + lasting_s
    live = sys.stdout.isatty() and not as_json
    try:
        with answering(as_json):
            names = capacity.names_of(plane, None)
            if live:
                _live(plane, names, every_s, ends_at)
            else:
                _lines(plane, names, every_s, ends_at, as_json)
    except KeyboardInterrupt:
        return


def _look(plane: ControlPlane, names: list[str]) -> dict[str, Any]:
    return {
        "capacity": [plane.get("portfolios", name, "capacity") for name in names],
        "queue": plane.get("queue"),
    }


def _rest(every_s: float, ends_at: float | None) -> bool:
    """Wait for the next look; False when there is none any more."""
    now = time.monotonic()
    if ends_at is not None and now + every_s > ends_at:
        return False
    time.sleep(every_s)
    return True


def _lines(plane: ControlPlane, names: list[str], every_s: float, ends_at: float | None, as_json: bool) -> None:
    while True:
        found = _look(plane, names)
        if as_json:
            print_json(found)
        else:
            typer.echo("; ".join(capacity.headline(one) for one in found["capacity"]) + f"; {_waiting(found)}")
        if not _rest(every_s, ends_at):
            return


def _live(plane: ControlPlane, names: list[str], every_s: float, ends_at: float | None) -> None:
    with Live(console=Console(), auto_refresh=False) as screen:
        while True:
            try:
                picture = _picture(_look(plane, names))
            except NoAnswer as fault:
                # A node that restarts comes back; whoever watches wants to see it.
                picture = str(fault)
            screen.update(picture, refresh=True)
            if not _rest(every_s, ends_at):
                return


def _picture(found: dict[str, Any]) -> RenderableType:
    tables = [make_table(capacity.headline(one), capacity.COLUMNS, capacity.rows(one)) for one in found["capacity"]]
    return Group(*tables, make_table(_waiting(found), queue.COLUMNS, queue.rows(found["queue"])))


def _waiting(found: dict[str, Any]) -> str:
    return f"{count(found['queue']['waiting'])} waiting"
