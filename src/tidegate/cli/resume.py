"""`tidegate resume`: end a pause that was made by hand."""

from typing import Annotated

import typer

from tidegate.cli.client import DEFAULT_URL, AsJson, ControlPlane, Url, answering, print_json
from tidegate.cli.example import example

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog=example("tidegate resume pause-7f3a --reason 'price corrected'"))
def resume(
    pause_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the pause: `tidegate status` lists them.")],
    reason: Annotated[str | None, typer.Option("--reason", help="Why; needed for a pause of another app's.")] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """End a pause now; what it held goes on."""
    with answering(as_json):
        ended = ControlPlane.at(url).delete("pauses", pause_id, **({"reason": reason} if reason else {}))
    if as_json:
        print_json(ended)
    else:
        typer.echo(f"pause {pause_id} has ended")
