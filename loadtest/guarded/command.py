"""`python -m loadtest guarded`: seed by seed, a bought list and a healthy one, through the gateway and past it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

import orjson
import structlog
import typer
from rich.console import Console
from rich.progress import Progress

from loadtest.guarded.lists import Audience
from loadtest.guarded.past import send_past
from loadtest.guarded.table import Verdict
from loadtest.guarded.through import send_through
from loadtest.guarded.trial import Result, Trial
from tidegate.store.embedded import socket_url
from tidegate.store.valkey_process import SOCKET_NAME, ValkeyProcess

#: What a trial keeps is gone with it.
_FORGETFUL: Final = {"save": "", "appendonly": "no", "maxmemory-policy": "noeviction"}


def guarded(
    seeds: Annotated[int, typer.Option(min=1, max=10_000, help="How many seeds, one after the other.")] = 50,
    first_seed: Annotated[int, typer.Option(min=0, help="The first of them.")] = 1,
    recipients: Annotated[
        int, typer.Option(min=1, max=9_999_999, help="People on each list, each sent to once.")
    ] = 20_000,
    limit: Annotated[int, typer.Option(min=250, help="The messaging limit.")] = 10_000,
    days: Annotated[int, typer.Option(min=1, max=60, help="Virtual days that each campaign is looked at.")] = 12,
    ramp: Annotated[int, typer.Option(min=0, help="Recipients on the first day of the warm-up; 0: no warm-up.")] = 50,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Trials at a time, each on a core and a store.")] = 1,
    only: Annotated[Audience | None, typer.Option(help="One of the two lists.")] = None,
    out: Annotated[Path, typer.Option(help="Gets a line of JSON for each trial.")] = Path("guarded.jsonl"),
) -> None:
    """The same lists with the guardrails and without; exit 1 unless harm is cut, and nobody healthy is stopped."""
    trials = [
        Trial(audience, seed, is_guarded, recipients, limit, days, ramp)
        for seed in range(first_seed, first_seed + seeds)
        for audience in ([only] if only else Audience)
        for is_guarded in (True, False)
    ]
    results: list[Result] = []
    with out.open("wb") as record, Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("trials", total=len(trials))
        for result in _played(trials, jobs):
            results.append(result)
            record.write(orjson.dumps(result.to_json()) + b"\n")
            record.flush()
            bar.update(task, advance=1)
    verdict = Verdict(results)
    Console().print(verdict.table())
    raise typer.Exit(0 if verdict.kept else 1)


def _played(trials: list[Trial], jobs: int) -> Iterator[Result]:
    # Spawned, for a fork would take the parent's loop and sockets with it.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(play, trial) for trial in trials]):
            yield done.result()


def play(trial: Trial) -> Result:
    """Play one trial, on a store of its own where it needs one."""
    if not trial.guarded:
        return send_past(trial)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with TemporaryDirectory(prefix="tidegate-trial-") as directory:
        process = ValkeyProcess.spawn(Path(directory), _FORGETFUL)
        try:
            socket_path = str(Path(directory, SOCKET_NAME))
            asyncio.run(process.ready(socket_path, timeout_s=10))
            return send_through(trial, socket_url(socket_path))
        finally:
            asyncio.run(process.stop(timeout_s=5))
