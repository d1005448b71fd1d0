"""`tidegate status`: what Meta and operators say of portfolios, numbers and templates now."""

from typing import Annotated, Any, Final

import typer

from tidegate.cli import breakers
from tidegate.cli.client import DEFAULT_URL, AsJson, ControlPlane, Url, answering, print_json
from tidegate.cli.example import example
from tidegate.cli.exit_codes import ExitCode
from tidegate.cli.tables import count, print_line, print_table, when
from tidegate.policy.consequences.worded import in_words

app = typer.Typer(add_completion=False, rich_markup_mode=None)

#: What a number says before anybody has asked Meta is no bad news.
_WELL: Final = frozenset({"CONNECTED", "UNKNOWN"})
#: What is told of an account where nothing is wrong, or nothing was read yet.
_ACCOUNT_WELL: Final = {
    "review": frozenset({"APPROVED", "UNKNOWN"}),
    "verification": frozenset({"verified", "unknown"}),
    "payment_method": frozenset({"ok", "unknown"}),
}


@app.command(epilog=example("tidegate status --templates"))
def status(
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
    every_template: Annotated[bool, typer.Option("--templates", help="Show the healthy templates too.")] = False,
) -> None:
    """Show what is stopped, why and until when.

    Then limits, accounts and templates in trouble, numbers, breakers and pauses.

    Exits 1 when a number's quality is RED, its status another than CONNECTED, or more than a template is stopped.
    """
    with answering(as_json):
        standing = ControlPlane.at(url).get("standing")
    if as_json:
        print_json(standing)
    else:
        _print(standing, every_template)
    held = [one for one in standing["portfolios"] if not one["books"]["whole"]]
    wide = [one for one in standing["breakers"] if _stops(one) and "template" not in one["scope"]]
    bad = held or wide or any(map(_is_bad, standing["numbers"]))
    raise typer.Exit(ExitCode.REFUSED if bad else ExitCode.DONE)


def _stops(breaker: dict[str, Any]) -> bool:
    is_in_force = breaker["state"] == "open" and breaker["mode"] == "enforce"
    return is_in_force and breaker["action"] in ("stop", "hold")


def _is_bad(number: dict[str, Any]) -> bool:
    return number["quality"] == "RED" or number["status"] not in _WELL


def accounts_in_trouble(standing: dict[str, Any]) -> list[list[str]]:
    """A row for each account whose review, verification or payment method is not as it should be."""
    # A node of an older version tells of no accounts.
    return [
        [one["waba"], *(one[field].lower().replace("_", " ") for field in _ACCOUNT_WELL), when(one["since"])]
        for one in standing.get("accounts", ())
        if any(one[field] not in well for field, well in _ACCOUNT_WELL.items())
    ]


def headlines(standing: dict[str, Any]) -> list[str]:
    """What is stopped now, a line each; one line when nothing is."""
    return stopped(standing) or ["nothing is stopped"]


def stopped(standing: dict[str, Any]) -> list[str]:
    """What is stopped now, a line each, the widest first."""
    told = [
        f"{one['id']}: BOOKS HELD until {when(one['books']['held_until'])} UTC (tidegate books list)"
        for one in standing["portfolios"]
        if not one["books"]["whole"]
    ]
    told += [f"PAUSED: {_scope(one)} {_until(one)} by {one['by']}: {one['reason']}" for one in standing["pauses"]]
    stopping = sorted(filter(_stops, standing["breakers"]), key=lambda one: "template" in one["scope"])
    told += [f"STOPPED: {_scope(one)} {_until(one)} by {one['rule']}: {_cause(one)}" for one in stopping]
    return told


def _until(one: dict[str, Any]) -> str:
    return f"until {when(one['until'])} UTC" if one["until"] else "until somebody ends it"


def _cause(breaker: dict[str, Any]) -> str:
    """In words, and the signal behind it."""
    words = in_words(breaker["cause"])
    return words if words == breaker["cause"] else f"{words} ({breaker['cause']})"


def _print(standing: dict[str, Any], every_template: bool) -> None:
    for line in headlines(standing):
        print_line(line)
    typer.echo()
    print_table(
        "Portfolios",
        {"portfolio": "left", "messaging limit": "right", "from": "left", "since (UTC)": "left"},
        [
            [one["id"], count(one["messaging_limit"]), one["limit_source"], when(one["since"])]
            for one in standing["portfolios"]
        ],
    )
    if troubled := accounts_in_trouble(standing):
        columns = {
            "account": "left",
            "review": "left",
            "verification": "left",
            "payment": "left",
            "since (UTC)": "left",
        }
        print_table("Accounts", columns, troubled)
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


def _print_breakers(found: list[dict[str, Any]]) -> None:
    if found:
        print_table("Breakers", breakers.COLUMNS, breakers.rows(found))
    else:
        typer.echo("no breaker is open")


def _print_pauses(pauses: list[dict[str, Any]]) -> None:
    if not pauses:
        typer.echo("nothing is paused by hand")
        return
    rows = [[one["id"], _scope(one), when(one["until"]), one["by"], one["reason"]] for one in pauses]
    columns = {"id": "left", "scope": "left", "until (UTC)": "left", "by": "left", "reason": "left"}
    print_table("Pauses", columns, rows)


def _scope(one: dict[str, Any]) -> str:
    return " ".join(f"{name} {value}" for name, value in one["scope"].items())
