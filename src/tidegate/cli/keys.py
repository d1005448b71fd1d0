"""`tidegate keys`: keys of apps. A key is shown once; the configuration holds its hash."""

import json
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

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


@app.command()
def create(
    name: Annotated[str, typer.Option("--app", help="Name of the app that will use the key.", callback=_app_name)],
    environment: Annotated[
        str | None,
        typer.Option(
            "--environment", help="What it is for: prod, stage, dev. No other takes it.", callback=_environment
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer as one JSON object.")] = False,
) -> None:
    """Make a key: prints it, this once, and the line for the app's entry in the configuration."""
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
