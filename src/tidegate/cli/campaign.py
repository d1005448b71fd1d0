"""`tidegate campaign`: campaigns ordered, given an audience, shown, and what became of their recipients."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final

import typer

from tidegate.cli.campaign_plan import plan
from tidegate.cli.campaign_upgrade import upgrade
from tidegate.cli.campaign_verbs import cancel, pause, progress_lines, resume, start
from tidegate.cli.client import DEFAULT_URL, AsJson, ControlPlane, Url, answering, print_json
from tidegate.cli.example import example
from tidegate.cli.tables import count, print_table, when

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)

_CSV, _NDJSON = "text/csv", "application/x-ndjson"
_TYPES: Final = {".csv": _CSV, ".ndjson": _NDJSON, ".jsonl": _NDJSON}
_COLUMNS: Final = {
    "id": "left",
    "name": "left",
    "state": "left",
    "recipients": "right",
    "created (UTC)": "left",
    "deadline (UTC)": "left",
}
_STEP_COLUMNS: Final = {
    "step": "left",
    "state": "left",
    "share": "right",
    "segment": "left",
    "recipients": "right",
    "left": "right",
    "gate": "left",
}
#: Lines that were rejected, on the terminal.
_SHOWN: Final = 20

Campaign = Annotated[str, typer.Argument(metavar="ID", help="The campaign.")]


class Format(StrEnum):
    """How rows are written."""

    CSV = "csv"
    NDJSON = "ndjson"


_BY_FORMAT: Final = {Format.CSV: _CSV, Format.NDJSON: _NDJSON}


@app.callback()
def campaign() -> None:
    """Order campaigns and look after them."""


@app.command(epilog=example("tidegate campaign create order.json --audience people.csv"))
def create(
    order: Annotated[Path, typer.Argument(metavar="FILE", help="The order, as JSON.", exists=True, dir_okay=False)],
    audience: Annotated[
        Path | None, typer.Option("--audience", help="Upload this too, .csv or .ndjson.", exists=True, dir_okay=False)
    ] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Order a campaign: a draft, until it is started."""
    kind = None if audience is None else _type(audience, None)
    with answering(as_json):
        plane = ControlPlane.at(url)
        made = plane.post("campaigns", body=_order(order))
        if audience is not None and kind is not None:
            made["upload"] = plane.upload("campaigns", made["id"], "audience", file=audience, content_type=kind)
    if as_json:
        print_json(made)
        return
    typer.echo(f"{made['id']} is a draft")
    if "upload" in made:
        _print_upload(made["upload"])


@app.command("list", epilog=example("tidegate campaign list"))
def list_campaigns(url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """List the campaigns that the key may see, the newest first."""
    with answering(as_json):
        found = ControlPlane.at(url).get("campaigns")
    if as_json:
        print_json(found)
    else:
        print_table(f"{count(len(found['campaigns']))} campaigns", _COLUMNS, list_rows(found))


@app.command(epilog=example("tidegate campaign show spring-sale"))
def show(campaign_id: Campaign, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Show one campaign: its state, its steps, how far it is."""
    with answering(as_json):
        found = ControlPlane.at(url).get("campaigns", campaign_id)
    if as_json:
        print_json(found)
        return
    audience = found["audience"]
    typer.echo(f"{found['id']} {found['name']}: {found['state']}, until {when(found['schedule']['deadline'])} UTC")
    if audience is None:
        typer.echo("no audience yet")
    else:
        typer.echo(_told(audience) + f", uploaded {when(audience['uploaded_at'])} UTC")
    for line in progress_lines(found):
        typer.echo(line)
    print_table("steps", _STEP_COLUMNS, step_rows(found))


@app.command(epilog=example("tidegate campaign upload spring-sale people.csv"))
def upload(
    campaign_id: Campaign,
    audience: Annotated[
        Path, typer.Argument(metavar="FILE", help="The audience, .csv or .ndjson.", exists=True, dir_okay=False)
    ],
    written: Annotated[Format | None, typer.Option("--format", help="How it is written, whatever its name.")] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Upload the audience of a draft, in the place of the one before. Rejected lines are told; they lose no other."""
    kind = _type(audience, written)
    with answering(as_json):
        done = ControlPlane.at(url).upload("campaigns", campaign_id, "audience", file=audience, content_type=kind)
    if as_json:
        print_json(done)
    else:
        _print_upload(done)


@app.command(epilog=example("tidegate campaign errors spring-sale --output errors.ndjson"))
def errors(
    campaign_id: Campaign,
    output: Annotated[Path | None, typer.Option("--output", help="Write to this file.", dir_okay=False)] = None,
    url: Url = DEFAULT_URL,
) -> None:
    """Print every line of the audience that was rejected, and why, as NDJSON."""
    _download(url, output, "campaigns", campaign_id, "audience", "errors")


@app.command(epilog=example("tidegate campaign results spring-sale --state failed"))
def results(
    campaign_id: Campaign,
    written: Annotated[Format, typer.Option("--format", help="How to write them.")] = Format.NDJSON,
    state: Annotated[str | None, typer.Option("--state", help="Only those in this state: failed, read ...")] = None,
    output: Annotated[Path | None, typer.Option("--output", help="Write to this file.", dir_okay=False)] = None,
    url: Url = DEFAULT_URL,
) -> None:
    """Print what became of each recipient, as NDJSON or CSV."""
    query = {"format": written.value} | ({} if state is None else {"state": state})
    _download(url, output, "campaigns", campaign_id, "recipients", **query)


app.command("plan", epilog=example("tidegate campaign plan order.json", "tidegate campaign plan --campaign ID"))(plan)
app.command("upgrade", epilog=example("tidegate campaign upgrade lucky-shrub"))(upgrade)
for verb, more in ((start, ""), (pause, " --reason 'wrong price'"), (resume, ""), (cancel, " --reason 'wrong price'")):
    app.command(verb.__name__, epilog=example(f"tidegate campaign {verb.__name__} spring-sale{more}"))(verb)


def _order(file: Path) -> dict[str, Any]:
    try:
        order = json.loads(file.read_bytes())
    except ValueError:
        raise typer.BadParameter(f"{file} is not JSON") from None
    if not isinstance(order, dict):
        raise typer.BadParameter(f"{file} holds no JSON object")
    return order


def _type(file: Path, written: Format | None) -> str:
    kind = _TYPES.get(file.suffix.lower()) if written is None else _BY_FORMAT[written]
    if kind is None:
        raise typer.BadParameter(f"{file}: its name has to end in {', '.join(_TYPES)}, or --format to say what it is")
    return kind


def _download(url: str, output: Path | None, *path: str, **query: str) -> None:
    plane = ControlPlane.at(url)
    if output is None:
        plane.download(sys.stdout.buffer, *path, **query)
        sys.stdout.buffer.flush()
        return
    try:
        with output.open("wb") as file:
            into: BinaryIO = file
            plane.download(into, *path, **query)
    except OSError as error:
        raise typer.BadParameter(f"{output} can't be written to: {error.strerror}") from None


def _told(audience: dict[str, Any]) -> str:
    rows, duplicates, rejected = (count(audience[name]) for name in ("rows", "duplicates", "rejected"))
    return f"{rows} recipients, {duplicates} named twice, {rejected} lines rejected"


def _print_upload(done: dict[str, Any]) -> None:
    typer.echo(_told(done))
    for error in done["errors"][:_SHOWN]:
        typer.echo(f"  line {error['line']}: {error['why']}")
    if done["rejected"] > _SHOWN:
        typer.echo("  ... all of them: tidegate campaign errors")


def list_rows(found: dict[str, Any]) -> list[list[str]]:
    """A row for each campaign."""
    return [
        [
            one["id"],
            one["name"],
            one["state"],
            count(one["audience"]["rows"]) if one["audience"] else "-",
            when(one["created_at"]),
            when(one["schedule"]["deadline"]),
        ]
        for one in found["campaigns"]
    ]


def step_rows(found: dict[str, Any]) -> list[list[str]]:
    """A row for each step."""
    return [
        [
            step["name"],
            step["state"],
            "-" if step["share"] is None else f"{step['share']:.4g}",
            step["segment"] or "-",
            count(step["rows"]),
            count(sum(step["progress"][word] for word in ("pending", "queued", "sending"))),
            ", ".join(step["gate"]["metrics"]) if step["gate"] else "-",
        ]
        for step in found["steps"]
    ]
