"""`tidegate doctor`: is this machine's environment one that the gateway can keep its promises in?"""

from __future__ import annotations

import asyncio
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer

from tidegate.cli.client import print_json
from tidegate.cli.doctor_checks import Level, examine
from tidegate.cli.exit_codes import ExitCode
from tidegate.settings import load

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_WIDTH: Final = 8


@app.command()
def doctor(
    config: Annotated[Path, typer.Option("--config", help="The configuration file (TOML).")],
    as_json: Annotated[bool, typer.Option("--json", help="Answer as one JSON object.")] = False,
) -> None:
    """Examine store, clock, tokens and webhook secrets. Exits 0 when nothing is broken, else 1.

    An embedded store is joined when a node runs it, else it is started for the look and ended again.
    """
    settings = load(config, os.environ)
    findings = asyncio.run(examine(settings))
    healthy = all(finding.level is not Level.FAIL for finding in findings)
    if as_json:
        print_json({"ok": healthy, "findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            typer.echo(f"{finding.level.value:4}  {finding.subject:{_WIDTH}}  {finding.found}")
            if finding.remedy:
                typer.echo(f"{'':4}  {'':{_WIDTH}}  remedy: {finding.remedy}")
    raise typer.Exit(ExitCode.DONE if healthy else ExitCode.REFUSED)
