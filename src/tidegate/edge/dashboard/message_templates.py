"""The message templates: what Meta says of each, what stops it, and what became of its sends of the last week."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from tidegate.cloudapi.vocabulary import Quality
from tidegate.edge.calls import Call
from tidegate.edge.control.kpis import Asked, kpis_of
from tidegate.edge.control.standing import standing_of
from tidegate.edge.dashboard import tones
from tidegate.edge.dashboard.concerns import is_about_template
from tidegate.edge.dashboard.stops import of_breakers, of_pauses
from tidegate.policy.kpi import By
from tidegate.policy.kpi.cells import DAY_MS

#: Of the rates.
DAYS: Final = 7
#: On one page.
MOST: Final = 100
_UNREAD: Final = {"status": None, "quality": Quality.UNKNOWN.value, "category": None, "since": None}
_Key = tuple[str | None, str | None, str]
_RANK: Final = {tones.BAD: 0, tones.WARN: 1, tones.GOOD: 2, tones.CALM: 2}


async def gather(call: Call) -> dict[str, Any]:
    """The templates of all accounts that the app may use: those with a trouble first, then by name."""
    standing, sent = await standing_of(call), await _sent(call)
    templates = [*standing["templates"], *stopped_unread(standing)]
    wanted = (call.query("q") or "").strip()[:200]
    found = [
        {**template, "stops": _stops(template, standing), "sent": sent.get(_key(template, template["name"]))}
        for template in templates
        if wanted.casefold() in template["name"].casefold()
    ]
    found.sort(key=lambda template: (_rank(template), template["name"].casefold(), template["language"]))
    return {
        "templates": found[:MOST],
        "found": len(found),
        "known": len(templates),
        "wanted": wanted,
        "days": DAYS,
        "tones": tones,
    }


def stopped_unread(standing: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Templates that something stops and that were never read from Meta, as far as their stops (of `GET /standing`)
    tell of them: a pause names no account and no language."""
    known = {(template["waba"], template["language"], template["name"]) for template in standing["templates"]}
    breakers = [one["scope"]["template"].split(":", 2) for one in standing["breakers"] if "template" in one["scope"]]
    found = dict.fromkeys((waba, language, name) for waba, language, name in breakers)
    names = {name for _, _, name in [*known, *found]}
    paused = [one["scope"]["template"] for one in standing["pauses"] if "template" in one["scope"]]
    found |= dict.fromkeys(("", "", name) for name in paused if name not in names)
    return [
        {**_UNREAD, "waba": waba, "language": language, "name": name}
        for waba, language, name in found
        if (waba, language, name) not in known
    ]


async def _sent(call: Call) -> dict[_Key, Mapping[str, Any]]:
    """What became of the sends of the last days, by template."""
    today = call.services.clock.now_ms() // DAY_MS
    asked = Asked(today - DAYS + 1, today, By.TEMPLATE, call.grants.portfolios(call.app))
    rows = (await kpis_of(call, asked))["rows"]
    return {_key(row, row["template"]): row for row in rows if row["sent"]}


def _key(told: Mapping[str, Any], name: str) -> _Key:
    return told["waba"], told["language"], name


def _stops(template: Mapping[str, Any], standing: Mapping[str, Any]) -> list[Any]:
    def about(things: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        return [thing for thing in things if is_about_template(thing["scope"], template)]

    return [*of_pauses(about(standing["pauses"])), *of_breakers(about(standing["breakers"]))]


def _rank(template: Mapping[str, Any]) -> int:
    if template["stops"]:
        return 0
    return min(_RANK[tones.of_template(template["status"])], _RANK[tones.of_quality(template["quality"])])
