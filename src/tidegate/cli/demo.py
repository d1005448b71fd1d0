"""`tidegate demo`: a simulated Cloud API, a gateway and sample traffic, with no account and no set-up."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Annotated

import typer
import uvloop

from tidegate import logs
from tidegate.cli.example import example
from tidegate.cli.exit_codes import ExitCode
from tidegate.demo.estate import USUAL_SCENARIO
from tidegate.demo.play import play
from tidegate.errors import TidegateError
from tidegate.policy.duration import read_duration
from tidegate.simulator.scenarios import SCENARIOS

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class PortTaken(TidegateError):
    """The port that was asked for can't be had."""


def _span(text: str | None) -> str | None:
    try:
        read_duration(text if text is not None else 0)
    except ValueError as problem:
        raise typer.BadParameter(str(problem)) from None
    return text


def _played(name: str) -> str:
    if name not in SCENARIOS:
        raise typer.BadParameter(f"has to be one of {', '.join(SCENARIOS)}")
    return name


@app.command(epilog=example("tidegate demo --for 60s --no-view"))
def demo(
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="The gateway's; omitted: 8080, or a free one.")
    ] = None,
    lasting: Annotated[str | None, typer.Option("--for", help="End after this: 20s, 5m.", callback=_span)] = None,
    seed: Annotated[int, typer.Option("--seed", help="Chooses users and delays.")] = 1,
    scenario: Annotated[
        str,
        typer.Option("--scenario", help="What Meta's side plays: calm, bad_template ...", callback=_played),
    ] = USUAL_SCENARIO,
    view: Annotated[bool, typer.Option("--view/--no-view", help="Redraw one picture, or print lines.")] = True,
) -> None:
    """Show the gateway at work. Ctrl-C ends it, and it leaves nothing behind."""
    live = view and sys.stdout.isatty()
    # Its trouble is played, and shown: it is nothing to warn of, and in the live view a line would tear the picture.
    logs.configure("error", sys.stderr)
    uvloop.run(_run(port, seed, None if lasting is None else read_duration(lasting), scenario, live=live))
    raise typer.Exit(ExitCode.DONE)


async def _run(port: int | None, seed: int, lasting_ms: int | None, scenario: str, *, live: bool) -> None:
    stopping = asyncio.Event()

    def stop() -> None:
        if stopping.is_set():
            sys.exit(ExitCode.REFUSED)
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    try:
        await play(port, seed, lasting_ms, stopping, live=live, out=sys.stdout, scenario=scenario)
    except OSError as fault:
        raise PortTaken(f"port {port}: {fault.strerror or fault}") from None
