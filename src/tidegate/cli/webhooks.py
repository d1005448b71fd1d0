"""`tidegate webhooks`: what waits to be handed to the apps, and dead letters."""

from typing import Annotated, Any, Final

import typer

from tidegate.cli.client import DEFAULT_URL, AsJson, ControlPlane, Url, answering, print_json
from tidegate.cli.example import example
from tidegate.cli.tables import count, print_table, when

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)

_COLUMNS: Final = {
    "app": "left",
    "portfolio": "left",
    "host": "left",
    "waiting": "right",
    "oldest (UTC)": "left",
    "last delivered (UTC)": "left",
    "failures": "right",
    "last error": "left",
    "dead": "right",
    "bytes": "right",
    "left out": "right",
    "dropped": "right",
}
_DEAD_COLUMNS: Final = {
    "id": "left",
    "kind": "left",
    "taken (UTC)": "left",
    "died (UTC)": "left",
    "tries": "right",
    "error": "left",
}

App = Annotated[str | None, typer.Option("--app", help="Name of the app; omitted: the one of the key.")]


@app.callback()
def webhooks() -> None:
    """Look after Meta's webhooks on their way to the apps."""


@app.command("list", epilog=example("tidegate webhooks list"))
def list_waiting(url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Show what waits for each app, and how it took the last of it."""
    with answering(as_json):
        found = ControlPlane.at(url).get("webhooks")
    if as_json:
        print_json(found)
    else:
        print_table(f"{count(found['waiting'])} waiting", _COLUMNS, rows(found))


@app.command(epilog=example("tidegate webhooks dead --app checkout"))
def dead(
    name: App = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000, help="How many at most.")] = 100,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """List dead letters: what an app did not take for 7 days, of the last 14."""
    query = {"limit": str(limit)} | ({} if name is None else {"app": name})
    with answering(as_json):
        found = ControlPlane.at(url).get("webhooks", "dead", **query)
    if as_json:
        print_json(found)
    else:
        print_table(f"{count(len(found['dead']))} dead letters of {found['app']}", _DEAD_COLUMNS, dead_rows(found))


@app.command(epilog=example("tidegate webhooks replay --app checkout"))
def replay(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Dead letters; none: 1,000 of the oldest.")
    ] = None,
    name: App = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Have dead letters tried again, behind what waits for the same users."""
    body: dict[str, Any] = {} if name is None else {"app": name}
    if ids:
        body["ids"] = ids
    with answering(as_json):
        done = ControlPlane.at(url).post("webhooks:replay", body=body)
    if as_json:
        print_json(done)
    else:
        typer.echo(f"{count(done['replayed'])} webhooks of {done['app']} are tried again")


def rows(found: dict[str, Any]) -> list[list[str]]:
    """A row for each app."""
    return [
        [
            one["app"],
            one["portfolio"],
            one["host"],
            count(one["waiting"]),
            when(one["oldest_at"]),
            when(one["last_delivered_at"]),
            count(one["failures"]),
            f"{one['last_error']} ({when(one['last_error_at'])})" if one["last_error"] else "-",
            count(one["dead"]),
            count(one["bytes"]),
            count(one["left_out"]),
            count(one["dropped"]),
        ]
        for one in found["apps"]
    ]


def dead_rows(found: dict[str, Any]) -> list[list[str]]:
    """A row for each dead letter."""
    return [
        [one["id"], one["kind"], when(one["taken_at"]), when(one["died_at"]), count(one["tries"]), one["error"]]
        for one in found["dead"]
    ]
