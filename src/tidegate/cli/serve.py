"""`tidegate serve`: run one node until it is told to stop."""

import asyncio
import errno
import os
import resource
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import structlog
import typer
import uvloop

from tidegate import logs
from tidegate.app import build
from tidegate.cli.example import example
from tidegate.cli.exit_codes import ExitCode
from tidegate.cli.open_files import open_files_for
from tidegate.cli.rereading import Rereading
from tidegate.edge.door import http_parser
from tidegate.errors import CannotListen, UnfitParser
from tidegate.inheritance import Inheritance
from tidegate.settings import Settings, load
from tidegate.tasks import lasting, spawn
from tidegate.workers import Workers

log = structlog.get_logger()

app = typer.Typer(add_completion=False, rich_markup_mode=None)


_NOT_TO_BE_HAD = frozenset({errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES})


@app.command(epilog=example("tidegate serve --config tidegate.toml"))
def serve(
    config: Annotated[Path, typer.Option("--config", help="The configuration file.", exists=True, dir_okay=False)],
    log_level: Annotated[str, typer.Option("--log-level", help="debug, info, warning or error.")] = "info",
) -> None:
    """Run one node: data plane, control plane, webhooks, dispatcher. SIGTERM drains it, SIGHUP has its rules read."""
    logs.configure(log_level, sys.stderr)
    early: list[int] = []
    # It would end a process that has not come so far yet.
    signal.signal(signal.SIGHUP, lambda number, _frame: early.append(number))
    inherited = Inheritance.of(os.environ)
    if inherited.pipe is None:
        # So would this one: whoever has no workers yet has none to replace.
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    settings = load(config, os.environ)
    if not http_parser.is_in_c():
        raise UnfitParser(f"aiohttp runs without its HTTP parser in C: {http_parser.REMEDY}")
    _allow_open_files(settings.server.max_connections)
    try:
        if settings.server.workers > 1 and inherited.pipe is None:
            uvloop.run(run_workers(Workers(settings, config, log_level)))
        else:
            uvloop.run(run(settings, config, early, inherited))
    except OSError as fault:
        if fault.errno not in _NOT_TO_BE_HAD:
            raise
        raise CannotListen("server.listen", settings.server.listen, fault) from fault
    raise typer.Exit(ExitCode.DONE)


def _allow_open_files(connections: int) -> None:
    """Let the process have the files that its connections need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = open_files_for(connections)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        log.warning("few_open_files", allowed=allowed, wanted=wanted, for_max_connections=connections)


async def run_workers(workers: Workers) -> None:
    """Run the workers until SIGTERM or SIGINT, then drain them; a second signal ends them at once.

    SIGUSR2 has each replaced by a new process.
    """
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, workers.reread)
    loop.add_signal_handler(signal.SIGUSR2, workers.renew)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, workers.stop)
    await workers.run()


async def run(
    settings: Settings, config: Path, early: Sequence[int] = (), inherited: Inheritance | None = None
) -> None:
    """Run a node until SIGTERM or SIGINT, then drain it; a second signal ends the process at once.

    SIGHUP has the rules of `config` read anew; `early`: those that came before there was a node. SIGUSR2 tells a worker
    (`inherited`) that its successor serves: it hands over.
    """
    node = await build(settings)
    services = node.services
    rereading = Rereading(
        config, settings, services.rules, services.credentials, services.keys, services.relay.subscribers, node.tls
    )
    inherited = inherited or Inheritance()
    stopping, succeeded = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if stopping.is_set():
            sys.exit(ExitCode.REFUSED)
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, rereading.ask)
    loop.add_signal_handler(signal.SIGUSR2, succeeded.set if inherited.pipe is not None else _alone)
    if inherited.leash is not None:
        loop.add_reader(inherited.leash, _unwatched, loop, inherited.leash, stopping)
    if early:
        rereading.ask()
    try:
        await node.start(inherited.sockets)
        inherited.serves()
        rereads = spawn(lasting(rereading.run, "rereading"), "rereading")
        await _first(stopping, node.broken, succeeded)
        if not stopping.is_set() and not node.broken.is_set():
            handing_over = spawn(node.hand_over(), "handing over")
            ends = spawn(_first(stopping, node.broken), "waiting to stop")
            await asyncio.wait([handing_over, ends], return_when=asyncio.FIRST_COMPLETED)
            handing_over.cancel()
            ends.cancel()
        rereads.cancel()
    finally:
        await node.stop()
    if node.broken.is_set():
        raise typer.Exit(ExitCode.REFUSED)


async def _first(*events: asyncio.Event) -> None:
    """Return when one of them is set."""
    waits = [spawn(event.wait(), "waiting to stop") for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def _unwatched(loop: asyncio.AbstractEventLoop, leash: int, stopping: asyncio.Event) -> None:
    """End without a watcher: its store may be gone with it, and whoever is started in its place has workers too."""
    loop.remove_reader(leash)
    log.critical("watcher_ended")
    stopping.set()


def _alone() -> None:
    log.warning("not_renewed", why="there is one process: set server.workers to 2 or more, or restart it")
