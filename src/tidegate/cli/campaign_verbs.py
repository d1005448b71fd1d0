"""`tidegate campaign start|pause|resume|cancel`, and how `show` tells how far a campaign is."""

from typing import Annotated, Any, Final

import typer

from tidegate.cli.client import DEFAULT_URL, AsJson, ControlPlane, Url, answering, print_json
from tidegate.cli.tables import count, when

_Campaign = Annotated[str, typer.Argument(metavar="ID", help="The campaign.")]
_Reason = Annotated[str | None, typer.Option("--reason", help="Why: shown to whoever looks at it, and in the audit.")]
_SAID: Final = {
    "start": "started",
    "pause": "paused: no node starts another message of it",
    "resume": "goes on",
    "cancel": "cancelled: what is queued is being taken out of the queue",
}


def start(campaign_id: _Campaign, reason: _Reason = None, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Start a campaign; it waits for its time where that lies ahead."""
    _move("start", campaign_id, reason, url, as_json)


def pause(
    campaign_id: _Campaign,
    reason: Annotated[str, typer.Option("--reason", help="Why: shown to whoever looks at it, and in the audit.")],
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Stop a campaign. When this returns, no node starts another message of it."""
    _move("pause", campaign_id, reason, url, as_json)


def resume(campaign_id: _Campaign, reason: _Reason = None, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Go on with a campaign. A reason is needed where somebody else, or a gate, has stopped it."""
    _move("resume", campaign_id, reason, url, as_json)


def cancel(campaign_id: _Campaign, reason: _Reason = None, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """End a campaign for good: what is queued is taken out, what is under way ends as it does."""
    _move("cancel", campaign_id, reason, url, as_json)


def progress_lines(found: dict[str, Any]) -> list[str]:
    """How far a campaign is, in sentences."""
    counts = ", ".join(f"{count(rows)} {fate}" for fate, rows in found["progress"].items() if rows)
    lines = [counts] if counts else []
    if found["eta"]:
        lines.append(f"done by {when(found['eta'])} UTC, as it goes now")
    for word in ("halted", "stopped"):
        stop = found[word]
        if stop:
            by, why = f" by {stop['by']}" if stop["by"] else "", f": {stop['reason']}" if stop["reason"] else ""
            lines.append(f"{found['state']} since {when(stop['at'])} UTC{by}{why}")
    return lines


def _move(verb: str, campaign_id: str, reason: str | None, url: str, as_json: bool) -> None:
    with answering(as_json):
        body = {} if reason is None else {"reason": reason}
        found = ControlPlane.at(url).post("campaigns", campaign_id, verb, body=body)
    if as_json:
        print_json(found)
        return
    typer.echo(f"{found['id']} {_SAID[verb]}")
    for line in progress_lines(found):
        typer.echo(f"  {line}")
