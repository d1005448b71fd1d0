"""`tidegate breakers`: what signals have stopped or slowed down, and closing one by hand."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from tidegate.cli.client import DEFAULT_URL, AsJson, ControlPlane, Url, answering, print_json
from tidegate.cli.example import example
from tidegate.cli.tables import print_table, when

app = typer.Typer(
    add_completion=False, rich_markup_mode=None, no_args_is_help=True, help="What signals have stopped or slowed down."
)

COLUMNS: Final = {
    "id": "left",
    "covers": "left",
    "action": "left",
    "state": "left",
    "since (UTC)": "left",
    "until (UTC)": "left",
    "cause": "left",
}


@app.command("list", epilog=example("tidegate breakers list"))
def list_(url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """List the breakers that are not closed, the newest first."""
    with answering(as_json):
        found = ControlPlane.at(url).get("standing")["breakers"]
    if as_json:
        print_json({"breakers": found})
    elif found:
        print_table(f"{len(found)} breakers", COLUMNS, rows(found))
    else:
        typer.echo("no breaker is open")


@app.command(epilog=example("tidegate breakers close number_red/number/106540352242922 --reason 'reviewed by Ada'"))
def close(
    breaker_id: Annotated[str, typer.Argument(metavar="ID", help="Its id: `tidegate breakers list` has them.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, for the audit.")],
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Close one by hand, on all nodes, when you know that its cause is over. Newer bad news opens it again."""
    with answering(as_json):
        closed = ControlPlane.at(url).post("breakers:close", body={"id": breaker_id, "reason": reason})
    if as_json:
        print_json(closed)
    else:
        typer.echo(f"breaker {breaker_id} is {closed['state']}")


def rows(found: list[dict[str, Any]]) -> list[list[str]]:
    """A row for each breaker."""
    return [
        [one["id"], one["covers"], action(one), state(one), when(one["since"]), when(one["until"]), one["cause"]]
        for one in found
    ]


def action(one: dict[str, Any]) -> str:
    """What it does, with the share of the pace that it leaves where it slows down."""
    return str(one["action"]) if one.get("share") is None else f"{one['action']} to {one['share']:.0%}"


def state(one: dict[str, Any]) -> str:
    """Its state, and whether it only watches."""
    return str(one["state"]) if one["mode"] == "enforce" else f"{one['state']} ({one['mode']})"
