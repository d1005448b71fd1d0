"""The `tidegate` command. One command a file; a file is imported when its command is called.

To add one: write `cli/<name>.py` with `app = typer.Typer(add_completion=False, rich_markup_mode=None)`: one
`@app.command()` for a plain command, a callback and several for a group. Then put its name in `COMMANDS`.
A command ends with a code of `exit_codes`; faults it does not catch become one line and a code in `main`.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any, Final, NoReturn

import typer
from typer.core import TyperGroup

from tidegate import __version__
from tidegate.cli.exit_codes import ExitCode
from tidegate.errors import BadConfiguration, TidegateError

COMMANDS: Final = (
    "serve",
    "demo",
    "simulate",
    "check",
    "doctor",
    "keys",
    "capacity",
    "status",
    "queue",
    "kpis",
    "pause",
    "resume",
    "breakers",
    "books",
    "explain",
    "audit",
    "watch",
    "webhooks",
    "campaign",
)
"""Every command, in the order of `tidegate --help`; its module has `_` for each `-`."""


class _Commands(TyperGroup):
    """Finds a command by name in `COMMANDS` and imports nothing else."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"tidegate.cli.{cmd_name.replace('-', '_')}")
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        return command


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tidegate {__version__}")
        raise typer.Exit


app = typer.Typer(
    cls=_Commands,
    help="Outbound gateway for the WhatsApp Cloud API: sends what may go, holds what may not, says why.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options before the command."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command that `arguments` (default: the process's own) name, and exit with its code."""
    try:
        app(args=None if arguments is None else list(arguments), prog_name="tidegate")
    except BadConfiguration as refused:
        for fault in refused.faults:
            typer.echo(f"tidegate: {fault}", err=True)
        sys.exit(ExitCode.BAD_CONFIGURATION)
    except TidegateError as fault:
        typer.echo(f"tidegate: {fault}", err=True)
        sys.exit(ExitCode.REFUSED)
    sys.exit(ExitCode.DONE)
