"""`tidegate doctor`: is this machine's environment one that the gateway can keep its promises in?"""

from __future__ import annotations

import asyncio
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.text import Text

from tidegate.cli.client import print_json
from tidegate.cli.examination import Finding, Level, examine
from tidegate.cli.example import example
from tidegate.cli.exit_codes import ExitCode
from tidegate.settings import load

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_WIDTH: Final = 8
_COLOURS: Final = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "bold red"}


@app.command(epilog=example("tidegate doctor --config tidegate.toml"))
def doctor(
    config: Annotated[Path, typer.Option("--config", help="The configuration file (TOML).")],
    as_json: Annotated[bool, typer.Option("--json", help="Answer as one JSON object.")] = False,
) -> None:
    """Examine machine, store, clocks, tokens, webhooks and keys. Exits 0 when nothing is broken, else 1.

    Each finding that is not ok has a remedy. An embedded store is joined when a node runs it, else it is started for
    the look and ended again.
    """
    settings = load(config, os.environ)
    findings = asyncio.run(examine(settings))
    healthy = all(finding.level is not Level.FAIL for finding in findings)
    if as_json:
        print_json({"ok": healthy, "findings": [asdict(finding) for finding in findings]})
    else:
        _print(findings)
    raise typer.Exit(ExitCode.DONE if healthy else ExitCode.REFUSED)


def _print(findings: list[Finding]) -> None:
    console = Console(soft_wrap=True, highlight=False, emoji=False)
    for finding in findings:
        level = Text(f"{finding.level.value:4}", style=_COLOURS[finding.level])
        console.print(Text.assemble(level, f"  {finding.subject:{_WIDTH}}  {finding.found}"))
        if finding.remedy:
            console.print(Text(f"{'':4}  {'':{_WIDTH}}  remedy: {finding.remedy}"))
    number = {level: sum(finding.level is level for finding in findings) for level in Level}
    broken, warned = number[Level.FAIL], number[Level.WARN]
    console.print("all is well" if broken == warned == 0 else f"{broken} broken, {warned} to look at")
