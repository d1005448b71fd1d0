"""`python -m loadtest`: rollouts in virtual time."""

from __future__ import annotations

import typer

from loadtest.campaign_command import campaign
from loadtest.gates import gates
from loadtest.guarded.command import guarded
from loadtest.sends_command import sends

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_show_locals=False)


@app.callback()
def main() -> None:
    """The gateway under load: nodes, store and simulated Cloud API on this machine, in virtual time."""


app.command()(campaign)
app.command()(sends)
app.command()(guarded)
app.command()(gates)

if __name__ == "__main__":
    app()
