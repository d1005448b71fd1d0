"""`tidegate simulate`: the simulated Cloud API alone, on a port."""

from __future__ import annotations

import asyncio
import signal
from typing import Annotated

import typer
import uvloop

from tidegate.cli.example import example
from tidegate.cli.exit_codes import ExitCode
from tidegate.errors import TidegateError
from tidegate.simulator.config import DEFAULT_TOKEN, SimulatorConfig
from tidegate.simulator.scenarios import SCENARIOS
from tidegate.simulator.server import run_simulator

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class NoPort(TidegateError):
    """The address given can't be listened on."""


def _scenario(name: str) -> str:
    if name not in SCENARIOS:
        raise typer.BadParameter(f"must be one of {', '.join(SCENARIOS)}")
    return name


@app.command(epilog=example("tidegate simulate --listen 127.0.0.1:9090 --scenario bad_template"))
def simulate(
    listen: Annotated[str, typer.Option("--listen", help="host:port; port 0 takes a free one.")],
    webhook: Annotated[str | None, typer.Option("--webhook", help="URL that gets the webhooks.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Same seed, same behaviour.")] = 1,
    scenario: Annotated[
        str, typer.Option("--scenario", help=f"How Meta behaves: {', '.join(SCENARIOS)}.", callback=_scenario)
    ] = "calm",
    steer: Annotated[bool, typer.Option("--steer", help="Let POST /_sim/clock put its clock forward.")] = False,
) -> None:
    """Imitate the WhatsApp Cloud API on a port. Take it for https://graph.facebook.com; Ctrl-C ends it."""
    config = SimulatorConfig(seed=seed, behaviour=SCENARIOS[scenario])
    uvloop.run(_run(listen, webhook, config, steer))
    raise typer.Exit(ExitCode.DONE)


async def _run(listen: str, webhook: str | None, config: SimulatorConfig, steer: bool) -> None:
    try:
        simulator = await run_simulator(listen, webhook, config, steer=steer)
    except ValueError as fault:
        raise NoPort(f"--listen: {fault}") from None
    except OSError as fault:
        raise NoPort(f"--listen {listen}: {fault.strerror}") from None
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    try:
        typer.echo(f"The simulated Cloud API listens on {simulator.url}")
        for portfolio in config.portfolios:
            for waba in portfolio.wabas:
                numbers = ", ".join(number.id for number in waba.numbers)
                typer.echo(f"portfolio {portfolio.id}, WABA {waba.id}, numbers {numbers}")
        typer.echo(f"access token {DEFAULT_TOKEN}, webhooks signed with {config.app_secret}")
        await stopping.wait()
    finally:
        await simulator.stop()
