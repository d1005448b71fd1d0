"""`tidegate kpis`: what was sent and what became of it, by day, template, campaign, app or number."""

import sys
from datetime import date
from typing import Annotated, Any, Final

import typer

from tidegate.cli.client import DEFAULT_URL, AsJson, ControlPlane, Url, answering, print_json
from tidegate.cli.example import example
from tidegate.cli.tables import count, print_table
from tidegate.policy.kpi import By

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_COLUMNS: Final = {
    "sent": "right",
    "delivered": "right",
    "read": "right",
    "failed": "right",
    "opted out": "right",
    "p50 / p95 to deliver": "right",
    "asked": "right",
    "answered": "right",
    "p50 / p95 to answer": "right",
}


@app.command(epilog=example("tidegate kpis --by template --from 2026-11-01"))
def kpis(
    by: Annotated[By, typer.Option("--by", help="What a row stands for.")] = By.DAY,
    since: Annotated[str | None, typer.Option("--from", metavar="DATE", help="The first day (UTC).")] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="The last day (UTC); omitted: today.")
    ] = None,
    portfolio: Annotated[str | None, typer.Option("--portfolio", help="Of one portfolio.")] = None,
    number: Annotated[str | None, typer.Option("--number", help="Of one phone_number_id.")] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Answer as CSV, with every figure.")] = False,
) -> None:
    """Show what was sent, what became of it, and how long users waited for an answer."""
    if as_json and as_csv:
        raise typer.BadParameter("--json and --csv are two answers: ask for one")
    given = {"by": by.value, "from": _day(since), "to": _day(until), "portfolio": portfolio, "number": number}
    query = {name: value for name, value in given.items() if value is not None}
    with answering(as_json):
        plane = ControlPlane.at(url)
        if as_csv:
            plane.download(sys.stdout.buffer, "kpis", **query, format="csv")
            return
        found = plane.get("kpis", **query)
    if as_json:
        print_json(found)
        return
    print_table(_headline(found), {by.value: "left", **_COLUMNS}, [*map(_row, found["rows"]), _row(found["total"])])


def _day(given: str | None) -> str | None:
    try:
        return None if given is None else date.fromisoformat(given).isoformat()
    except ValueError:
        raise typer.BadParameter("has to be a date such as 2026-11-21") from None


def _headline(found: dict[str, Any]) -> str:
    return f"{found['from']} to {found['to']} (UTC); the last row is all of it"


def _row(row: dict[str, Any]) -> list[str]:
    return [
        _name(row),
        count(row["sent"]),
        _with_rate(row, "delivered", "delivery_rate"),
        _with_rate(row, "read", "read_rate"),
        _with_rate(row, "failed", "failure_rate"),
        _with_rate(row, "opted_out", "opt_out_rate"),
        _times(row["time_to_deliver"]),
        _count(row["asked"]),
        _count(row["answered"]),
        _times(row["response"]),
    ]


def _name(row: dict[str, Any]) -> str:
    if row.get("language"):
        return f"{row['template']}/{row['language']}"
    return next((str(row[by.value]) for by in By if by.value in row), "all")


def _count(value: int | None) -> str:
    return "-" if value is None else count(value)


def _with_rate(row: dict[str, Any], name: str, rate: str) -> str:
    return count(row[name]) if row[rate] is None else f"{count(row[name])} ({row[rate]:.1%})"


def _times(times: dict[str, Any] | None) -> str:
    if times is None or not times["count"]:
        return "-"
    return f"{_span(times['p50_s'])} / {_span(times['p95_s'])}"


def _span(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6_000 else f"{seconds / 3_600:.1f} h"
