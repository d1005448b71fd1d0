"""`tidegate check`: is this configuration usable? Offline: nothing is connected to, nothing is written."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from tidegate.cli.example import example
from tidegate.cli.exit_codes import ExitCode
from tidegate.edge.door import http_parser
from tidegate.errors import BadConfiguration
from tidegate.settings import Settings, load

_NO_PARSER: Final = f"serve will not start here, for aiohttp runs without its HTTP parser in C: {http_parser.REMEDY}"

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog=example("tidegate check --config tidegate.toml"))
def check(
    config: Annotated[Path, typer.Option(help="The configuration file (TOML).")],
    as_json: Annotated[bool, typer.Option("--json", help="Answer as one JSON object.")] = False,
) -> None:
    """Validate the configuration and its rules offline.

    Exits 0 when the file can be used, else 78 with every fault: key, problem, nearest known key. What keeps this
    installation from serving with it is a warning.
    """
    try:
        settings = load(config, os.environ)
    except BadConfiguration as refused:
        if as_json:
            _print_json({"ok": False, "faults": [asdict(fault) for fault in refused.faults]})
        else:
            for fault in refused.faults:
                typer.echo(str(fault))
            typer.echo(f"{config}: {len(refused.faults)} fault(s)", err=True)
        raise typer.Exit(ExitCode.BAD_CONFIGURATION) from None
    found = _summary(settings)
    warnings = [] if http_parser.is_in_c() else [_NO_PARSER]
    for warning in warnings:
        typer.echo(f"tidegate: {warning}", err=True)
    if as_json:
        _print_json({"ok": True, "faults": [], "warnings": warnings, **found})
    else:
        typer.echo(f"{config}: good (" + ", ".join(f"{name} {value}" for name, value in found.items()) + ")")


def _summary(settings: Settings) -> dict[str, Any]:
    return {
        "portfolios": len(settings.portfolios),
        "numbers": len(list(settings.numbers)),
        "apps": len(settings.apps),
        "rules": settings.rules.version,
    }


def _print_json(answer: dict[str, Any]) -> None:
    typer.echo(json.dumps(answer))
