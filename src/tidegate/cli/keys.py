"""`tidegate keys`: keys of apps. A key is shown once; the configuration, or the store, holds its hash."""

import json
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from tidegate.cli.client import DEFAULT_URL, AsJson, ControlPlane, Url, answering, print_json
from tidegate.cli.example import example
from tidegate.cli.tables import print_table, when
from tidegate.settings import hash_key, new_key
from tidegate.settings.app_keys import ENVIRONMENT
from tidegate.settings.fields import Name

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keys of apps."""


def _app_name(text: str) -> str:
    try:
        return TypeAdapter[str](Name).validate_python(text)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]["msg"]
    raise typer.BadParameter(problem.removeprefix("Value error, "))


def _environment(text: str | None) -> str | None:
    if text is not None and not ENVIRONMENT.fullmatch(text):
        raise typer.BadParameter("1 to 16 of a-z 0-9, and a letter first")
    return text


@app.command(epilog=example("tidegate keys create --app checkout --environment prod"))
def create(
    name: Annotated[str, typer.Option("--app", help="Name of the app that will use the key.", callback=_app_name)],
    environment: Annotated[
        str | None,
        typer.Option(
            "--environment", help="What it is for: prod, stage, dev. No other takes it.", callback=_environment
        ),
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Have a node make it: good at once, with no line to write.")
    ] = False,
    url: Url = DEFAULT_URL,
    as_json: Annotated[bool, typer.Option("--json", help="Answer as one JSON object.")] = False,
) -> None:
    """Make a key: prints it, this once, and the line for the app's entry in the configuration."""
    if live:
        if environment is not None:
            raise typer.BadParameter("--live: the node gives it its own environment")
        return _create_live(name, url, as_json)
    key = new_key(environment)
    if as_json:
        typer.echo(json.dumps({"app": name, "key": key, "key_sha256": hash_key(key)}))
        return
    typer.echo(key)
    typer.echo(f'key_sha256 = "{hash_key(key)}"')
    typer.echo(
        f"The first line is the key of {name}: store it now, it is not shown again. "
        f'The second goes under [[app]] name = "{name}"; beside an older key: key_sha256 = ["old", "new"].',
        err=True,
    )


def _create_live(name: str, url: str, as_json: bool) -> None:
    with answering(as_json):
        made = ControlPlane.at(url).post("keys", body={"app": name})
    if as_json:
        print_json(made)
        return
    typer.echo(made["key"])
    typer.echo(
        f"The key of {name}, {made['id']}: store it now, it is not shown again. Every node takes it from now on.",
        err=True,
    )


@app.command(name="list", epilog=example("tidegate keys list"))
def list_keys(url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """The keys of every app that yours may manage: never the keys themselves."""
    with answering(as_json):
        told = ControlPlane.at(url).get("keys")
    if as_json:
        print_json(told)
        return
    columns = {"id": "left", "app": "left", "state": "left", "origin": "left", "created": "left", "last used": "left"}
    rows = [
        [key["id"], key["app"], key["state"], key["origin"], when(key["created"]), when(key["last_used"])]
        for key in told["keys"]
    ]
    print_table("keys", columns, rows)


@app.command(epilog=example("tidegate keys revoke 3f2a91c07d4e --reason 'laptop lost'"))
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the key: `tidegate keys list` tells it.")],
    reason: Annotated[str, typer.Option("--reason", help="Why: for the audit.")] = "",
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Revoke a key for good. When this returns, no node takes it any more."""
    with answering(as_json):
        told = ControlPlane.at(url).delete("keys", key_id, **({"reason": reason} if reason else {}))
    if as_json:
        print_json(told)
    else:
        typer.echo(f"{told['id']} of {told['app']} is revoked")
