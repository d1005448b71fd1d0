"""`tidegate campaign plan`: how a campaign would go, told before anything is sent."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from tidegate.cli.client import DEFAULT_URL, AsJson, ControlPlane, Url, answering, print_json
from tidegate.cli.exit_codes import ExitCode
from tidegate.cli.tables import count, print_table, when

COLUMNS: Final = {
    "from (UTC)": "left",
    "sent": "right",
    "refused": "right",
    "waiting": "right",
    "for": "left",
    "codes": "right",
    "utility": "right",
    "marketing": "right",
}
_CATEGORIES: Final = ("authentication", "utility", "marketing")
#: Hours in which nothing changes are left out, and of many the first are shown.
_HOURS_SHOWN: Final = 48


def plan(
    order: Annotated[
        Path | None, typer.Argument(help="An order or a question, as JSON; - reads it from standard input.")
    ] = None,
    campaign: Annotated[str | None, typer.Option("--campaign", help="Plan a campaign that was ordered.")] = None,
    number: Annotated[list[str] | None, typer.Option("--number", help="A number that sends; may be repeated.")] = None,
    recipients: Annotated[int | None, typer.Option("--recipients", min=1, help="To how many.")] = None,
    zone: Annotated[
        list[str] | None, typer.Option("--zone", metavar="ZONE=SHARE", help="Where they live; may be repeated.")
    ] = None,
    prefix: Annotated[
        list[str] | None, typer.Option("--prefix", metavar="DIGITS=SHARE", help="Their country codes; may be repeated.")
    ] = None,
    codes_per_second: Annotated[
        float | None, typer.Option("--codes-per-second", min=0, help="Login codes beside it.")
    ] = None,
    code_users: Annotated[int | None, typer.Option("--code-users", min=1, help="Who get them, a day.")] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Show how a campaign would go: sent per hour, who waits for what, places left, when it is done.

    Exits 1 when recipients are left at its deadline.
    """
    body = _read(order)
    if campaign is not None:
        body["campaign_id"] = campaign
    body |= {key: value for key, value in (("numbers", number), ("recipients", recipients)) if value}
    body |= {key: _shares(parts) for key, parts in (("zones", zone), ("prefixes", prefix)) if parts}
    if codes_per_second is not None:
        beside = {"per_second": codes_per_second} | ({"recipients_a_day": code_users} if code_users else {})
        body["beside"] = {"authentication": beside} if codes_per_second else {}
    with answering(as_json):
        found = ControlPlane.at(url, patience_s=_PATIENCE_S).post("campaigns:plan", body=body)
    if as_json:
        print_json(found)
    else:
        _print(found)
    raise typer.Exit(ExitCode.REFUSED if found["unsent"] else ExitCode.DONE)


#: A plan of a million recipients takes its time.
_PATIENCE_S: Final = 120.0


def _read(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
        body = json.loads(text)
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"{path}: {getattr(error, 'strerror', None) or 'is no JSON'}") from None
    if not isinstance(body, dict):
        raise typer.BadParameter(f"{path}: has to be a JSON object")
    return body


def _shares(parts: Sequence[str]) -> dict[str, float]:
    shares: dict[str, float] = {}
    for part in parts:
        name, _, share = part.partition("=")
        try:
            shares[name] = float(share)
        except ValueError:
            raise typer.BadParameter(f"{part}: write it as {name or 'ZONE'}=0.5") from None
    return shares


def _print(found: dict[str, Any]) -> None:
    rows = list(hour_rows(found["hours"]))
    print_table(headline(found), COLUMNS, rows[:_HOURS_SHOWN])
    if len(rows) > _HOURS_SHOWN:
        typer.echo(f"  and {len(rows) - _HOURS_SHOWN} hours more: --json has all")
    for line in remarks(found):
        typer.echo(f"  {line}")


def headline(found: dict[str, Any]) -> str:
    """When it is done, in one line."""
    whom = f"{count(found['recipients'])} recipients in {found['portfolio']}"
    if found["finish_at"] is None:
        return f"{whom}: {count(found['sent'])} are sent to, {count(sum(found['unsent'].values()))} are left"
    return f"{whom}: done {when(found['finish_at'])} UTC"


def hour_rows(hours: Sequence[dict[str, Any]]) -> Iterator[list[str]]:
    """A row for each hour in which something is sent or refused, or others wait than before."""
    before: dict[str, Any] | None = None
    for hour in hours:
        if hour["sent"] or hour["refused"] or hour["waiting"] != before:
            left = hour["left"] or {}
            why = ", ".join(f"{reason} {count(waiting)}" for reason, waiting in sorted(hour["waiting"].items()))
            yield [
                when(hour["from"])[:-3],
                count(hour["sent"]),
                count(sum(hour["refused"].values())),
                count(sum(hour["waiting"].values())),
                why or "-",
                *(count(left.get(category)) for category in _CATEGORIES),
            ]
        before = hour["waiting"]


def remarks(found: dict[str, Any]) -> Iterator[str]:
    """What there is to say beside: steps, refusals, the limit's use, cost, warnings, what would be faster."""
    if found["finish_at_latest"] is not None:
        yield f"done {when(found['finish_at_latest'])} UTC if every gate waits as long as it may"
    if len(found["steps"]) > 1:
        for step in found["steps"]:
            span = f"{when(step['begins_at'])} to {when(step['gone_at'])} UTC"
            yield f"step {step['name']}: {count(step['recipients'])} recipients, {span}"
    for reason, refused in sorted(found["refused"].items()):
        yield f"refused: {count(refused)}, {reason}"
    if (share := found["limit"]["used_share"]) is not None:
        yield f"of the {count(found['limit']['campaign_places'])} places that it may fill {share:.2%} are used"
    if (cost := found["cost"]) is not None:
        unpriced = f", and {count(cost['unpriced'])} of unknown price" if cost["unpriced"] else ""
        yield f"costs {cost['total']} {cost['currency']}{unpriced}"
    for warning in found["warnings"]:
        yield f"! {warning['detail']}"
    for faster in found["faster"]:
        done = "not done either" if faster["finish_at"] is None else f"done {when(faster['finish_at'])} UTC"
        yield f"with {faster['detail']}: {done}"
