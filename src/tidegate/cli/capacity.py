"""`tidegate capacity`: how many recipients can still be reached, and when more can."""

from typing import Annotated, Any, Final

import typer

from tidegate.cli.client import DEFAULT_URL, AsJson, ControlPlane, Url, answering, print_json
from tidegate.cli.example import example
from tidegate.cli.tables import count, print_table, when

app = typer.Typer(add_completion=False, rich_markup_mode=None)

CATEGORIES: Final = ("authentication", "utility", "marketing")
_RELEASES_SHOWN: Final = 5


@app.command(epilog=example("tidegate capacity lucky-shrub"))
def capacity(
    portfolio: Annotated[str | None, typer.Argument(help="Portfolio; omitted: every one.")] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Show places used, free and coming free, by category."""
    with answering(as_json):
        plane = ControlPlane.at(url)
        found = [plane.get("portfolios", name, "capacity") for name in names_of(plane, portfolio)]
    if as_json:
        print_json(found[0] if portfolio else found)
        return
    for one in found:
        print_table(headline(one), COLUMNS, rows(one))
        share = one.get("limit_share")
        if share:
            typer.echo(f"  {share_line(share)}")
        for release in one.get("releases", [])[:_RELEASES_SHOWN]:
            typer.echo(f"  {count(release['places'])} more at {when(release['at'])} UTC")


COLUMNS: Final = {"category": "left", "free places": "right", "queued": "right"}


def names_of(plane: ControlPlane, portfolio: str | None) -> list[str]:
    """The portfolio that was asked for, or all that the key may see."""
    if portfolio is not None:
        return [portfolio]
    return [entry["id"] for entry in plane.get("standing")["portfolios"]]


def headline(found: dict[str, Any]) -> str:
    """One line on a portfolio's limit."""
    if found["unlimited"]:
        return f"{found['portfolio']}: {count(found['used'])} places used, no limit ({found['limit_source']})"
    return (
        f"{found['portfolio']}: {count(found['used'])} of {count(found['messaging_limit'])} places used, "
        f"{count(found['headroom'])} kept as headroom, limit from {found['limit_source']}"
    )


def share_line(share: dict[str, Any]) -> str:
    """One line on what the caller's app may have of the limit."""
    bound = "" if share["places"] is None else f" of {count(share['places'])}"
    return f"{count(share['used'])}{bound} places of the share of {share['app']} used"


def rows(found: dict[str, Any]) -> list[list[str]]:
    """A row for each category."""
    free = found["available"] or {}
    return [[name, count(free.get(name)), count(found["queued"].get(name, 0))] for name in CATEGORIES]
