"""`tidegate explain`: what became of a message, and why."""

from typing import Annotated, Any

import typer

from tidegate.cli.client import DEFAULT_URL, AsJson, ControlPlane, Url, answering, print_json
from tidegate.cli.example import example
from tidegate.cli.tables import print_table, when

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog=example("tidegate explain wamid.HBgLMTU1NTYwMDEyMzQVAgARGBI"))
def explain(
    message_id: Annotated[str, typer.Argument(metavar="MESSAGE_ID", help="Tidegate-Id, or Meta's wamid.")],
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Tell what became of a message, and why."""
    with answering(as_json):
        found = ControlPlane.at(url).get("messages", message_id)
    if as_json:
        print_json(found)
        return
    typer.echo(f"{found.get('id', message_id)}: {_state(found)}")
    if found.get("wamid"):
        typer.echo(f"Meta's id {found['wamid']}")
    columns = {"at (UTC)": "left", "became": "left", "cause": "left"}
    rows = [
        [when(entry.get("at")), str(entry.get("state", "")), str(entry.get("cause") or "")]
        for entry in found.get("history", [])
    ]
    print_table("History", columns, rows)


def _state(found: dict[str, Any]) -> str:
    told = str(found["state"])
    if found.get("reason"):
        told += f", because of {found['reason']}"
    if found.get("until"):
        told += f", until {when(found['until'])} UTC"
    return told
