"""`tidegate status`: what Meta and operators say of portfolios, numbers and templates now."""

from typing import Annotated, Any, Final

import typer

from tidegate.cli.client import DEFAULT_URL, AsJson, ControlPlane, Url, answering, count, print_json, print_table, when
from tidegate.cli.exit_codes import ExitCode

app = typer.Typer(add_completion=False, rich_markup_mode=None)

#: What a number says before anybody has asked Meta is no bad news.
_WELL: Final = frozenset({"CONNECTED", "UNKNOWN"})


@app.command()
def status(
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
    every_template: Annotated[bool, typer.Option("--templates", help="Show the healthy templates too.")] = False,
) -> None:
    """Show limits, numbers, templates in trouble, what is stopped or slowed down, and pauses.

    Exits 1 when a number's quality is RED, its status another than CONNECTED, or more than a template is stopped.
    """
    with answering(as_json):
        standing = ControlPlane.at(url).get("standing")
    if as_json:
        print_json(standing)
    else:
        _print(standing, every_template)
    bad = any(map(_is_bad, standing["numbers"])) or any(map(_stops, standing["breakers"]))
    raise typer.Exit(ExitCode.REFUSED if bad else ExitCode.DONE)


def _stops(breaker: dict[str, Any]) -> bool:
    is_in_force = breaker["state"] == "open" and breaker["mode"] == "enforce"
    return is_in_force and breaker["action"] in ("stop", "hold") and "template" not in breaker["scope"]


def _is_bad(number: dict[str, Any]) -> bool:
    return number["quality"] == "RED" or number["status"] not in _WELL


def _print(standing: dict[str, Any], every_template: bool) -> None:
    print_table(
        "Portfolios",
        {"portfolio": "left", "messaging limit": "right", "from": "left", "since (UTC)": "left"},
        [
            [one["id"], count(one["messaging_limit"]), one["limit_source"], when(one["since"])]
            for one in standing["portfolios"]
        ],
    )
    print_table(
        "Numbers",
        {"number": "left", "status": "left", "quality": "left", "per second": "right", "since (UTC)": "left"},
        [
            [one["id"], one["status"], one["quality"], count(one["throughput"]), when(one["since"])]
            for one in standing["numbers"]
        ],
    )
    shown = [one for one in standing["templates"] if every_template or one["status"] not in (None, "APPROVED")]
    hidden = len(standing["templates"]) - len(shown)
    if shown:
        print_table(
            "Templates",
            {"template": "left", "language": "left", "category": "left", "status": "left", "quality": "left"},
            [
                [one["name"], one["language"], one["category"] or "-", one["status"] or "-", one["quality"]]
                for one in shown
            ],
        )
    if hidden:
        typer.echo(f"{hidden} template(s) are approved (--templates shows them)")
    _print_breakers(standing["breakers"])
    _print_pauses(standing["pauses"])


def _print_breakers(breakers: list[dict[str, Any]]) -> None:
    if not breakers:
        typer.echo("no breaker is open")
        return
    rows = []
    for one in breakers:
        scope = " ".join(f"{name} {value}" for name, value in one["scope"].items())
        rows.append([one["rule"], scope, one["covers"], one["action"], one["state"], when(one["until"]), one["cause"]])
    columns = ("rule", "scope", "covers", "action", "state", "until (UTC)", "cause")
    print_table("Breakers", dict.fromkeys(columns, "left"), rows)


def _print_pauses(pauses: list[dict[str, Any]]) -> None:
    if not pauses:
        typer.echo("nothing is paused by hand")
        return
    rows = []
    for one in pauses:
        scope = " ".join(f"{name} {value}" for name, value in one["scope"].items())
        rows.append([one["id"], scope, when(one["until"]), one["by"], one["reason"]])
    columns = {"id": "left", "scope": "left", "until (UTC)": "left", "by": "left", "reason": "left"}
    print_table("Pauses", columns, rows)
