"""`python -m loadtest campaign`: a campaign ordered, uploaded, planned and started through the gateway's own API."""

from __future__ import annotations

import asyncio
import logging
from typing import Annotated

import structlog
import typer
from aiohttp import ClientError
from rich.console import Console

from loadtest.control import Denied
from loadtest.deployment import NUMBER
from loadtest.live import Live, NotSimulated, play_live
from loadtest.live_outcome import LiveOutcome
from loadtest.options import (
    DaysOption,
    HeadroomOption,
    JsonOption,
    LimitOption,
    PictureOption,
    RecipientsOption,
    ScenarioOption,
    SeedOption,
    ThroughputOption,
    draw_series,
    progress_bar,
    write_json,
)
from loadtest.outcome import Outcome
from loadtest.own_store import own_store
from loadtest.playing import play
from loadtest.rollout import USUAL_NIGHT, Rollout


def _read_steps(written: str) -> tuple[float, ...]:
    try:
        return tuple(float(share) for share in written.split(","))
    except ValueError:
        raise typer.BadParameter("shares of all recipients, such as 0.01,0.05,0.25,1") from None


def campaign(
    recipients: RecipientsOption = 10_000,
    limit: LimitOption = "TIER_2K",  # type: ignore[assignment]  # typer parses the default as it does an argument
    days: DaysOption = 7,
    scenario: ScenarioOption = "calm",
    steps: Annotated[
        str, typer.Option(metavar="SHARES", help="Of all recipients, each with those before it: 0.01,0.05,0.25,1.")
    ] = "1",
    gates: Annotated[bool, typer.Option("--gates/--no-gates", help="The usual gate after each step.")] = False,
    from_step: Annotated[
        int, typer.Option(min=1, max=20, help="The step before which the scenario begins; all is calm until then.")
    ] = 1,
    foreign: Annotated[float, typer.Option(min=0, max=1, help="Share of recipients in other zones.")] = 0.0,
    codes_per_second: Annotated[float, typer.Option(min=0, max=50, help="Login codes beside the campaign.")] = 0.0,
    idle_codes_per_second: Annotated[
        float | None,
        typer.Option(min=0, max=50, help="While it has sent nothing for ten minutes; without it: as many."),
    ] = None,
    numbers: Annotated[int, typer.Option(min=1, max=20, help="Numbers that it is sent by.")] = 1,
    throughput: ThroughputOption = 80,
    quiet: Annotated[
        bool, typer.Option("--quiet-hours/--no-quiet-hours", help="Nobody is written to from 21:00 to 08:00.")
    ] = True,
    headroom: HeadroomOption = 0.05,
    seed: SeedOption = 1,
    prove: Annotated[
        bool, typer.Option("--prove", help="Exit 1 too unless the plan is right and the limit is used.")
    ] = False,
    json: JsonOption = None,
    picture: PictureOption = None,
    live: Annotated[str | None, typer.Option(metavar="URL", help="Through this gateway, in real time.")] = None,
    key: Annotated[
        str | None, typer.Option(envvar="TIDEGATE_LOADTEST_KEY", help="With --live: an app's key (send, read).")
    ] = None,
    number: Annotated[str, typer.Option(metavar="ID", help="With --live: the number that sends.")] = NUMBER.id,
    platform: Annotated[
        str | None, typer.Option(metavar="URL", help="With --live: the simulator that the gateway sends to.")
    ] = None,
    sends_per_second: Annotated[
        float, typer.Option(min=0, max=1_000, help="With --live: marketing that an app sends beside the campaign.")
    ] = 0.0,
) -> None:
    """Roll a campaign out through the gateway, in virtual time; exit 1 if a rule was broken or a login code late."""
    shares = _read_steps(steps)
    if from_step > len(shares):
        raise typer.BadParameter(f"--from-step: there are {len(shares)} steps")
    rollout = Rollout(
        recipients=recipients,
        limit=limit,
        days=days,
        scenario=scenario,
        seed=seed,
        steps=shares,
        gates=gates,
        from_step=from_step,
        foreign=foreign,
        codes_per_second=codes_per_second,
        idle_codes_per_second=codes_per_second if idle_codes_per_second is None else idle_codes_per_second,
        numbers=numbers,
        throughput=throughput,
        headroom=headroom,
        night=USUAL_NIGHT if quiet else None,
    )
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    if live is None:
        outcome = _played(rollout)
        Console().print(outcome.table())
        write_json(outcome.to_json(), json)
        draw_series(outcome.series, rollout.title, picture)
        raise typer.Exit(0 if (outcome.proves if prove else outcome.clean) else 1)
    if key is None or platform is None:
        raise typer.BadParameter("--live takes --key and --platform")
    if prove or picture is not None or from_step > 1:
        raise typer.BadParameter("--prove, --picture and --from-step are for virtual time")
    told = _played_live(rollout, Live(live.rstrip("/"), key, number, platform.rstrip("/"), sends_per_second))
    Console().print(told.table())
    write_json(told.to_json(), json)
    raise typer.Exit(0 if told.clean else 1)


def _played(rollout: Rollout) -> Outcome:
    with own_store() as store_url, progress_bar("campaign", rollout.recipients) as progress:
        try:
            return play(rollout, store_url, progress)
        except Denied as refused:
            # Such as steps that do not grow: the gateway says what is wrong with an order.
            raise typer.BadParameter(str(refused)) from None


def _played_live(rollout: Rollout, live: Live) -> LiveOutcome:
    with progress_bar("campaign", rollout.recipients) as progress:
        try:
            return asyncio.run(play_live(rollout, live, progress))
        except (Denied, NotSimulated, ClientError, OSError) as fault:
            raise typer.BadParameter(str(fault) or type(fault).__name__) from None
