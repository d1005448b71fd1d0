"""`tidegate watch`: what is stopped, capacity, queue and decisions, live."""

from __future__ import annotations

import sys
import time
from collections import deque
from typing import Annotated, Any, Final

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from tidegate.cli import capacity, queue, status
from tidegate.cli.client import DEFAULT_URL, AsJson, ControlPlane, NoAnswer, Problem, Url, answering, print_json
from tidegate.cli.example import example
from tidegate.cli.live_feed import LiveFeed, line_of
from tidegate.cli.tables import count, make_table
from tidegate.policy.duration import read_duration

#: Whoever watches wants to see it: a node that restarts comes back, and so does its store.
_PASSING: Final = (NoAnswer, Problem)
#: Decisions that are shown, the newest last.
_TOLD: Final = 12

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
    feed = LiveFeed(plane)
    try:
        with answering(as_json):
            _refuse_stranger(plane)
            feed.start()
            if sys.stdout.isatty() and not as_json:
                _live(plane, feed, every_s, ends_at)
            else:
                _lines(plane, feed, every_s, ends_at, as_json)
    except KeyboardInterrupt:
        return
    finally:
        feed.stop()


def _refuse_stranger(plane: ControlPlane) -> None:
    """Raises NoAnswer, and Problem for a key that may not look. What a node can't tell just now it tells later."""
    try:
        plane.get("standing")
    except Problem as problem:
        if problem.body["status"] not in range(500, 600):
            raise


def _look(plane: ControlPlane, feed: LiveFeed) -> dict[str, Any]:
    standing = plane.get("standing")
    return {
        "capacity": [plane.get("portfolios", one["id"], "capacity") for one in standing["portfolios"]],
        "queue": plane.get("queue"),
        "stopped": status.stopped(standing),
        "events": feed.take(),
    }


def _rest(every_s: float, ends_at: float | None) -> bool:
    """Wait for the next look; False when there is none any more."""
    now = time.monotonic()
    if ends_at is not None and now + every_s > ends_at:
        return False
    time.sleep(every_s)
    return True


def _lines(plane: ControlPlane, feed: LiveFeed, every_s: float, ends_at: float | None, as_json: bool) -> None:
    while True:
        try:
            found = _look(plane, feed)
        except _PASSING as fault:
            typer.echo(f"tidegate: {fault}", err=True)
        else:
            parts = [capacity.headline(one) for one in found["capacity"]]
            line = "; ".join([*parts, _waiting(found), f"{len(found['stopped'])} stopped"])
            print_json(found) if as_json else typer.echo(line)
        if not _rest(every_s, ends_at):
            return


def _live(plane: ControlPlane, feed: LiveFeed, every_s: float, ends_at: float | None) -> None:
    console = Console(highlight=False, emoji=False)
    told: deque[str] = deque(maxlen=_TOLD)
    with Live(console=console, auto_refresh=False, screen=False, vertical_overflow="crop") as screen:
        while True:
            try:
                found = _look(plane, feed)
                told.extend(line_of(event) for event in found["events"])
                picture = _picture(found, list(told), feed.fault, console)
            except _PASSING as fault:
                picture = Text(str(fault))
            screen.update(picture, refresh=True)
            if not _rest(every_s, ends_at):
                return


def _picture(found: dict[str, Any], told: list[str], fault: str, console: Console) -> RenderableType:
    stopped = [Text(line, style="bold red") for line in found["stopped"]] or [Text("nothing is stopped")]
    tables = [
        make_table(capacity.headline(one), capacity.COLUMNS, capacity.rows(one), console) for one in found["capacity"]
    ]
    waiting = make_table(_waiting(found), queue.COLUMNS, queue.rows(found["queue"]), console)
    feed = [Text(line, overflow="ellipsis", no_wrap=True) for line in told]
    heading = Text(f"decisions: {fault}" if fault else "decisions", style="bold")
    return Group(*stopped, Text(""), *tables, waiting, heading, *feed)


def _waiting(found: dict[str, Any]) -> str:
    return f"{count(found['queue']['waiting'])} waiting"
