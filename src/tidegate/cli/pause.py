"""`tidegate pause`: stop sends by hand, in one scope, for a reason and a time."""

from typing import Annotated

import typer

from tidegate.cli.client import DEFAULT_URL, AsJson, ControlPlane, Url, answering, print_json
from tidegate.cli.example import example
from tidegate.cli.tables import when
from tidegate.policy.duration import read_duration

app = typer.Typer(add_completion=False, rich_markup_mode=None)


def _span(text: str) -> str:
    try:
        read_duration(text)
    except ValueError as problem:
        raise typer.BadParameter(str(problem)) from None
    return text


@app.command(epilog=example("tidegate pause --template winback --reason 'wrong price' --for 30m"))
def pause(
    reason: Annotated[str, typer.Option("--reason", help="Why: shown to whoever meets the pause.")],
    number: Annotated[str | None, typer.Option("--number", help="phone_number_id.")] = None,
    template: Annotated[str | None, typer.Option("--template", help="Template name.")] = None,
    category: Annotated[str | None, typer.Option("--category", help="authentication, utility or marketing.")] = None,
    campaign: Annotated[str | None, typer.Option("--campaign", help="Id of a campaign.")] = None,
    portfolio: Annotated[str | None, typer.Option("--portfolio", help="Everything of a portfolio.")] = None,
    lasting: Annotated[str, typer.Option("--for", help="30s, 5m, 2h, 1d.", callback=_span)] = "5m",
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Stop sends in one scope. When this returns, no node starts another send in it; it ends by itself."""
    scopes = {
        "number": number,
        "template": template,
        "category": category,
        "campaign": campaign,
        "portfolio": portfolio,
    }
    scope = {name: value for name, value in scopes.items() if value is not None}
    if len(scope) != 1:
        raise typer.BadParameter("give one scope: --number, --template, --category, --campaign or --portfolio")
    with answering(as_json):
        made = ControlPlane.at(url).post("pauses", body={"scope": scope, "reason": reason, "for": lasting})
    if as_json:
        print_json(made)
        return
    ((name, value),) = scope.items()
    typer.echo(f"{name} {value} is paused until {when(made.get('until'))} UTC")
    typer.echo(f"to end it now: tidegate resume {made['id']}")
