"""`tidegate audit`: who did what, when and why; and whether anybody changed that since."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Final

import typer

from tidegate.cli.client import DEFAULT_URL, AsJson, ControlPlane, Problem, Url, answering, print_json
from tidegate.cli.example import example
from tidegate.cli.exit_codes import ExitCode
from tidegate.cli.tables import print_table, when
from tidegate.policy.audit import Verification

app = typer.Typer(add_completion=False, rich_markup_mode=None, help="Read the audit, and check that it is whole.")

COLUMNS: Final = {
    "at (UTC)": "left",
    "portfolio": "left",
    "number": "right",
    "act": "left",
    "by": "left",
    "key": "left",
    "from": "left",
    "of": "left",
    "reason": "left",
}
_PAGE: Final = 1_000
_GATEWAY: Final = "*"
_ANCHOR: Final = re.compile(r"([0-9]{1,15}):([0-9a-f]{64})")


def _read_anchor(text: str | None) -> tuple[int, str] | None:
    if text is None:
        return None
    match = _ANCHOR.fullmatch(text)
    if match is None:
        raise typer.BadParameter("has to be the number and the hash of an entry: 1207:9f86...")
    return int(match[1]), match[2]


@app.command("list", epilog=example("tidegate audit list --act pause --limit 20"))
def list_(
    portfolio: Annotated[str | None, typer.Option("--portfolio", help="Of one portfolio.")] = None,
    act: Annotated[str | None, typer.Option("--act", help="pause.start, or all of a kind: pause.")] = None,
    by: Annotated[str | None, typer.Option("--app", help="By one app.")] = None,
    since: Annotated[str | None, typer.Option("--since", help="RFC 3339 time: from then on.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="RFC 3339 time: before it.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=_PAGE, help="How many, the newest first.")] = 100,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """List what was done, the newest first."""
    given = {"portfolio": portfolio, "act": act, "app": by, "since": since, "until": until, "limit": str(limit)}
    query = {name: value for name, value in given.items() if value is not None}
    with answering(as_json):
        found = ControlPlane.at(url).get("audit", **query)
    if as_json:
        print_json(found)
    else:
        print_table(f"{len(found['entries'])} entries", COLUMNS, [_row(entry) for entry in found["entries"]])


@app.command(epilog=example("tidegate audit verify --portfolio lucky-shrub"))
def verify(
    portfolio: Annotated[str | None, typer.Option("--portfolio", help="The chain of one portfolio.")] = None,
    anchor: Annotated[
        str | None,
        typer.Option("--anchor", metavar="NUMBER:HASH", help="An entry as the log told it; with --portfolio."),
    ] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Compute every chain anew; exit code 1 with the first entry that is not as it was written."""
    expected = _read_anchor(anchor)
    if expected is not None and portfolio is None:
        raise typer.BadParameter("an anchor is one portfolio's: give --portfolio too")
    with answering(as_json):
        plane = ControlPlane.at(url)
        told = [_verified(plane, place, expected) for place in _places(plane, portfolio)]
    if as_json:
        print_json({"whole": all(chain["broken"] is None for chain in told), "chains": told})
    else:
        for chain in told:
            typer.echo(_line(chain))
    if any(chain["broken"] for chain in told):
        raise typer.Exit(ExitCode.REFUSED)


def _places(plane: ControlPlane, portfolio: str | None) -> Iterator[str]:
    if portfolio is not None:
        yield portfolio
        return
    yield from (found["id"] for found in plane.get("standing")["portfolios"])
    try:
        plane.get("audit", portfolio=_GATEWAY, limit="1")
    except Problem:
        return  # it is not for apps that are held to some of the numbers
    yield _GATEWAY


def _verified(plane: ControlPlane, place: str, anchor: tuple[int, str] | None) -> dict[str, Any]:
    walk, after, first = Verification(dict([anchor]) if anchor else None), "0", None
    while True:
        page = plane.get("audit", portfolio=place, after=after, limit=str(_PAGE))
        first = first or (page["entries"][0]["seq"] if page["entries"] else None)
        if not walk.walk(page["entries"]) or page["next"] is None:
            break
        after = page["next"]
    walk.end()
    broken = None if walk.broken is None else {"seq": walk.broken.seq, "why": walk.broken.why}
    return {
        "portfolio": place,
        "entries": walk.checked,
        "withheld": walk.withheld,
        "first": first,
        "last": {"seq": walk.seq, "hash": walk.hash},
        "broken": broken,
    }


def _line(chain: dict[str, Any]) -> str:
    name = "the gateway" if chain["portfolio"] == _GATEWAY else chain["portfolio"]
    if chain["broken"]:
        return f"{name}: BROKEN at number {chain['broken']['seq']}: {chain['broken']['why']}"
    if not chain["entries"]:
        return f"{name}: empty"
    withheld = f", {chain['withheld']} of them by their links alone" if chain["withheld"] else ""
    last = chain["last"]
    return f"{name}: {chain['entries']} entries are whole{withheld}; anchor {last['seq']}:{last['hash']}"


def _row(entry: dict[str, Any]) -> list[str]:
    by = entry["by"]
    of = ", ".join(f"{name} {value}" for name, value in entry["target"].items())
    place, seq = entry["portfolio"], str(entry["seq"])
    return [when(entry["at"]), place, seq, entry["act"], by["app"], by["key"], by["from"], of, entry["reason"]]
