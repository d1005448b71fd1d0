"""`python -m loadtest sends`: a campaign that an app sends itself, over HTTP, to several nodes."""

from __future__ import annotations

import asyncio
import logging
from typing import Annotated

import structlog
import typer
from rich.console import Console

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
from loadtest.own_store import own_store
from loadtest.plan import Plan
from loadtest.report import Report
from loadtest.sends import Progress, roll_out
from loadtest.stage import open_stage


def sends(
    recipients: RecipientsOption = 10_000,
    limit: LimitOption = "TIER_2K",  # type: ignore[assignment]  # typer parses the default as it does an argument
    days: DaysOption = 7,
    scenario: ScenarioOption = "calm",
    nodes: Annotated[int, typer.Option(min=1, max=4, help="Gateway nodes on one store.")] = 1,
    throughput: ThroughputOption = 80,
    codes_per_minute: Annotated[float, typer.Option(min=0, max=600, help="Login codes beside the campaign.")] = 1,
    headroom: HeadroomOption = 0.05,
    seed: SeedOption = 1,
    json: JsonOption = None,
    picture: PictureOption = None,
) -> None:
    """Send a campaign message by message, over HTTP; exit 1 if a rule of the platform was broken on the way."""
    plan = Plan(recipients, limit, days, scenario, nodes, throughput, codes_per_minute, seed, headroom)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with own_store() as store_url, progress_bar("campaign", plan.recipients) as progress:
        report = asyncio.run(_play(plan, store_url, progress))
    Console().print(report.table())
    write_json(report.to_json(), json)
    draw_series(report.series, report.title, picture)
    raise typer.Exit(0 if report.clean else 1)


async def _play(plan: Plan, store_url: str, progress: Progress) -> Report:
    async with open_stage(store_url, plan.deployment) as stage:
        return await roll_out(plan, stage, progress)
