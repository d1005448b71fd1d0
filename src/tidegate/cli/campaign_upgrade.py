"""`tidegate campaign upgrade`: what is missing for the next messaging limit."""

from collections.abc import Iterator
from typing import Annotated, Any, Final

import typer

from tidegate.cli.capacity import names_of
from tidegate.cli.client import DEFAULT_URL, AsJson, ControlPlane, Url, answering, print_json
from tidegate.cli.tables import count, print_table

COLUMNS: Final = {"within days": "right", "recipients a day": "right", "fits the limit": "left"}


def upgrade(
    portfolio: Annotated[str | None, typer.Argument(help="Portfolio; omitted: every one.")] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Show what is missing for the next messaging limit, and how to spread sends to get it."""
    with answering(as_json):
        plane = ControlPlane.at(url)
        found = [plane.get("portfolios", name, "upgrade") for name in names_of(plane, portfolio)]
    if as_json:
        print_json(found[0] if portfolio else found)
        return
    for one in found:
        print_table(headline(one), COLUMNS, rows(one))
        for line in remarks(one):
            typer.echo(f"  {line}")


def headline(found: dict[str, Any]) -> str:
    """One line on a portfolio's way up."""
    if found["at_the_top"]:
        return f"{found['portfolio']}: no limit, there is nothing above it"
    way, following = found["recipients"], count(found["next_limit"])
    done = f"{count(way['together'])} of {count(way['needed'])} recipients in {way['days']} days"
    return f"{found['portfolio']}: {count(found['messaging_limit'])}, next {following}: {done}"


def rows(found: dict[str, Any]) -> list[list[str]]:
    """A row for each way to spread what is missing."""
    return [
        [count(spread["days"]), count(spread["recipients_a_day"]), "yes" if spread["fits"] else "no"]
        for spread in found["spread"]
    ]


def remarks(found: dict[str, Any]) -> Iterator[str]:
    """What stands against it, and what is best sent, by which numbers."""
    for obstacle in found["quality"]["obstacles"]:
        yield f"{'!' if obstacle['known'] else '?'} {obstacle['of']}: {obstacle['detail']}"
    if found["templates"]:
        yield f"rated high: {', '.join(found['templates'])}"
    if len(found["numbers"]) > 1:
        yield ", ".join(f"{one['number']} {one['share']:.0%}" for one in found["numbers"])
