"""`tidegate explain`: what became of a message, and why."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from tidegate.cli.client import DEFAULT_URL, AsJson, ControlPlane, Url, answering, print_json
from tidegate.cli.example import example
from tidegate.cli.tables import print_line, print_table, when

app = typer.Typer(add_completion=False, rich_markup_mode=None)

#: State -> what it means, and what comes next.
_STORY: Final = {
    "queued": "it waits, and goes by itself as soon as it may",
    "sending": "it is on its way to Meta",
    "unknown": "bytes left, and no answer proved anything: it is never sent again unless the rules ask for one further "
    "try; Meta's status webhook settles it",
    "accepted": "Meta took it, and has not said yet that it was sent",
    "sent": "Meta sent it; the user's phone has not taken it yet",
    "delivered": "it was delivered; read receipts come only from users who give them",
    "read": "the user has read it",
    "failed": "it will not be delivered, and nothing tries it again",
    "expired": "its time ran out before it could go; the app was told",
    "cancelled": "it was taken out of the queue before it went",
}


@app.command(epilog=example("tidegate explain wamid.HBgLMTU1NTYwMDEyMzQVAgARGBI"))
def explain(
    message_id: Annotated[str, typer.Argument(metavar="MESSAGE_ID", help="Tidegate-Id, or Meta's wamid.")],
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Tell what became of a message, and why: its history, what it waits for, what every guardrail says of it now."""
    with answering(as_json):
        found = ControlPlane.at(url).get("messages", message_id, guardrails="true")
    if as_json:
        print_json(found)
        return
    print_line(f"{found['id']}: {found['state']}")
    for line in story(found):
        typer.echo(line)
    typer.echo()
    columns = {"at (UTC)": "left", "became": "left", "cause": "left"}
    rows = [[when(entry["at"]), entry["state"], entry["cause"] or ""] for entry in found["history"]]
    print_table("History", columns, rows)
    if found.get("guardrails"):
        _print_guardrails(found["guardrails"])


def story(found: dict[str, Any]) -> list[str]:
    """What the message is, what its state means, why, and what comes next: a line each."""
    what = f"template {found['template']}" if found.get("template") else f"message of type {found.get('type')}"
    lines = [f"{found.get('category')} {what}, of app {found.get('app')} by number {found.get('number')}"]
    if found.get("campaign"):
        lines.append(f"part of campaign {found['campaign']}")
    if found.get("wamid"):
        lines.append(f"Meta's id: {found['wamid']}")
    lines.append(_STORY.get(found["state"], ""))
    if found.get("reason"):
        until = f", until {when(found['until'])} UTC" if found.get("until") else ""
        lines.append(f"because of {found['reason']}{until}")
    if found["state"] == "queued":
        tried = f"tried next by {when(found['until'])} UTC" if found.get("until") else "tried as soon as that ends"
        lines.append(f"{tried}, and not after {when(found['expires_at'])} UTC")
    if found.get("unresolved"):
        lines.append(f"unresolved since {when(found['unresolved_at'])} UTC: no status came within 15 minutes")
    return [line for line in lines if line]


def _print_guardrails(asked: dict[str, Any]) -> None:
    objections = [answer for answer in asked["guardrails"] if answer["objects"]]
    silent = len(asked["guardrails"]) - len(objections)
    columns = {"guardrail": "left", "mode": "left", "reason": "left", "until (UTC)": "left", "detail": "left"}
    rows = [
        [one["guardrail"], one["mode"], one["reason"] or "", when(one["until"]), one["detail"] or ""]
        for one in objections
    ]
    if rows:
        print_table(f"Asked now, {len(rows)} object(s) and {silent} do not", columns, rows)
    else:
        typer.echo(f"asked now, none of {silent} guardrails objects: it goes with the next look at the queue")
