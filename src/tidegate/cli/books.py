"""`tidegate books`: whether the store has all that was sent, and taking it as it is."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tidegate.cli.client import DEFAULT_URL, AsJson, ControlPlane, Url, answering, print_json
from tidegate.cli.example import example
from tidegate.cli.tables import when

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Whether the store has all that was sent.",
)


@app.command("list", epilog=example("tidegate books list"))
def list_(url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Show of each portfolio whether its books are whole, and which nodes are waited for."""
    with answering(as_json):
        found = ControlPlane.at(url).get("standing")["portfolios"]
    if as_json:
        print_json({"books": [{"portfolio": one["id"], **one["books"]} for one in found]})
        return
    for one in found:
        typer.echo(line(one))


@app.command(epilog=example("tidegate books accept lucky-shrub --reason 'node-2 had sent nothing since Monday'"))
def accept(
    portfolio: Annotated[str, typer.Argument(help="The portfolio.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, for the audit.")],
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Take the books as they are, and wait for no node any more. What a missing node sent is then not counted."""
    with answering(as_json):
        done = ControlPlane.at(url).post("books:accept", body={"portfolio": portfolio, "reason": reason})
    if as_json:
        print_json(done)
    else:
        typer.echo(f"{portfolio}: taken as they are" if done["accepted"] else f"{portfolio}: nothing was waited for")


def line(one: dict[str, Any]) -> str:
    """One line on a portfolio's books."""
    books = one["books"]
    if books["whole"]:
        return f"{one['id']}: the books are whole"
    nodes = ", ".join(books["waiting_for"]) or "no node"
    return f"{one['id']}: HELD until {when(books['held_until'])} UTC, waiting for {nodes}"
