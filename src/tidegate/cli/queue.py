"""`tidegate queue`: what waits, since when, and for what."""

from typing import Any, Final

import typer

from tidegate.cli.client import DEFAULT_URL, AsJson, ControlPlane, Url, answering, print_json
from tidegate.cli.example import example
from tidegate.cli.tables import count, print_table, when

app = typer.Typer(add_completion=False, rich_markup_mode=None)

COLUMNS: Final = {
    "number": "left",
    "category": "left",
    "waiting": "right",
    "for a place": "right",
    "oldest (UTC)": "left",
    "next try (UTC)": "left",
    "because of": "left",
}


@app.command(epilog=example("tidegate queue"))
def queue(url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Show the send queue by number and category."""
    with answering(as_json):
        found = ControlPlane.at(url).get("queue")
    if as_json:
        print_json(found)
    else:
        print_table(f"{count(found['waiting'])} waiting", COLUMNS, rows(found))


def rows(found: dict[str, Any]) -> list[list[str]]:
    """A row for each lane in which something waits."""
    return [
        [
            lane["number"],
            lane["category"],
            count(lane["waiting"]),
            count(lane["waiting_for_place"]),
            when(lane["oldest_at"]),
            when(lane["next_attempt_at"]),
            lane["reason"] or "-",
        ]
        for lane in found["lanes"]
        if lane["waiting"]
    ]
