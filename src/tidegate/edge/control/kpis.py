"""`GET /kpis`: what a business measures itself by, as JSON or CSV. docs/kpis.md defines each figure."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from tidegate.edge.calls import Call
from tidegate.edge.control.kpi_rows import columns, figures_told, named, values
from tidegate.edge.control.sheets import csv_of
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.replies import Reply, json_reply
from tidegate.edge.times import write_time
from tidegate.policy.kpi import By, Cell, Figures
from tidegate.policy.kpi import Kind as CellKind
from tidegate.policy.kpi.cells import DAY_MS, KEPT_DAYS
from tidegate.policy.kpi.templates import Trend, Turn, trend_of

_DAYS: Final = 30
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EPOCH: Final = date(1970, 1, 1)
_FORMATS: Final = ("json", "csv")
#: Cells that one answer is made of: with more it would take the store and this node seconds.
MOST_CELLS: Final = 50_000
#: How long a template may have waited before the span that is asked for.
_LOOK_BACK_DAYS: Final = 60
_MOST_EVENTS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Asked:
    """Which figures: `first` and `last` are days since 1970 (UTC), both included; of all numbers, or of one."""

    first: int
    last: int
    by: By
    portfolios: tuple[str, ...]
    number: str | None = None

    @property
    def days(self) -> range:
        return range(self.first, self.last + 1)


@dataclass(slots=True)
class _Sums:
    """What was read: the sums of fields by row, and of all numbers; what happened to templates by row, and at all."""

    rows: dict[str, Counter[str]] = field(default_factory=dict)
    total: Counter[str] = field(default_factory=Counter)
    turns: list[Turn] = field(default_factory=list)


async def read_kpis(call: Call) -> Reply:
    """The figures of the numbers that the app may use."""
    wants_csv = _wants_csv(call)
    asked = asked_of(call)
    found = await kpis_of(call, asked)
    if not wants_csv:
        return json_reply(found)
    name = f"kpis-{asked.by.value}-{found['from']}-{found['to']}.csv"
    headers = {
        "Content-Type": "text/csv; charset=utf-8",
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    return Reply(200, headers, await asyncio.to_thread(_sheet, asked.by, found["rows"]))


def _sheet(by: By, rows: Sequence[Mapping[str, Any]]) -> bytes:
    return csv_of([columns(by), *(values(by, row) for row in rows)])


async def kpis_of(call: Call, asked: Asked) -> dict[str, Any]:
    """The answer as it goes out as JSON. Raises Denial where it would be made of too much, and StoreUnavailable."""
    sums = _Sums()
    if asked.by is By.DAY:
        sums.rows = {str(day): Counter() for day in asked.days}
    for portfolio in asked.portfolios:
        await _add(call, portfolio, asked, sums)
    # In a thread: what is made of many names takes longer than a send should wait.
    return await asyncio.to_thread(_told, asked, sums, call.services.clock.now_ms())


def _told(asked: Asked, sums: _Sums, now_ms: int) -> dict[str, Any]:
    trend = _within(trend_of(sums.turns), asked)
    by_row = _by_row(trend, asked.by)
    if asked.by is By.TEMPLATE:
        for name in by_row:
            sums.rows.setdefault(name, Counter())
    rows = [
        {**named(asked.by, name), **figures_told(asked.by, Figures(fields), by_row.get(name, Trend()))}
        for name, fields in _sorted(asked.by, sums.rows)
    ]
    total = Figures(sums.total)
    return {
        "from": _written(asked.first),
        "to": _written(asked.last),
        "by": asked.by.value,
        "zone": "UTC",
        "as_of": write_time(now_ms),
        "total": figures_told(By.DAY, total, trend),
        "rows": rows,
        "hours": [
            {
                "hour": hour.hour,
                "asked": hour.asked,
                "answered": hour.answered,
                "mean_s": round(hour.took_ms / hour.answered / 1000, 1) if hour.answered else None,
            }
            for hour in total.hours
        ],
    }


async def _add(call: Call, portfolio: str, asked: Asked, sums: _Sums) -> None:
    numbers = {
        route.number
        for route in call.grants.routes(call.app)
        if route.portfolio == portfolio and asked.number in (None, route.number)
    }
    kpis, days = call.services.kpis, asked.days
    wanted = [(day, Cell(CellKind.NUMBER, number, number)) for day in days for number in sorted(numbers)]
    if asked.by.kind is not CellKind.NUMBER:
        by_day = await kpis.cells(portfolio, asked.by.kind, days)
        wanted += [(day, cell) for day, cells in by_day.items() for cell in cells if cell.number in numbers]
    if len(wanted) > MOST_CELLS:
        detail = f"the answer would be made of {len(wanted):,} figures of a day, more than {MOST_CELLS:,}: ask for less"
        raise Denial(Kind.UNPROCESSABLE, detail)
    async for day, cell, fields in kpis.read(portfolio, wanted):
        if cell.kind is CellKind.NUMBER:
            sums.total.update(fields)
        if cell.kind is asked.by.kind:
            name = str(day) if asked.by is By.DAY else cell.name
            sums.rows.setdefault(name, Counter()).update(fields)
    if asked.by.tells_templates:
        wabas = {route.waba for route in call.grants.routes(call.app) if route.number in numbers}
        sums.turns += await _turns(call, portfolio, asked, wabas)


async def _turns(call: Call, portfolio: str, asked: Asked, wabas: set[str]) -> list[Turn]:
    """What changed of templates, the oldest first; as far back as the history goes."""
    from_ms = (asked.first - _LOOK_BACK_DAYS) * DAY_MS
    events, _ = await call.services.history.since(portfolio, from_ms, _MOST_EVENTS)
    return [
        Turn(event.key, event.field, event.since_ms, event.source, event.before, event.after)
        for event in reversed(events)
        if event.kind == "template" and event.key.partition(":")[0] in wabas
    ]


def _within(trend: Trend, asked: Asked) -> Trend:
    days = asked.days
    return Trend(
        tuple(one for one in trend.decisions if one.at_ms // DAY_MS in days),
        tuple(one for one in trend.drifts if one.at_ms // DAY_MS in days),
    )


def _by_row(trend: Trend, by: By) -> dict[str, Trend]:
    if not by.tells_templates:
        return {}

    def name(key: str, at_ms: int) -> str:
        return key if by is By.TEMPLATE else str(at_ms // DAY_MS)

    names = {name(one.key, one.at_ms) for one in trend.decisions} | {name(one.key, one.at_ms) for one in trend.drifts}
    return {
        row: Trend(
            tuple(one for one in trend.decisions if name(one.key, one.at_ms) == row),
            tuple(one for one in trend.drifts if name(one.key, one.at_ms) == row),
        )
        for row in names
    }


def _sorted(by: By, rows: Mapping[str, Counter[str]]) -> Iterator[tuple[str, Counter[str]]]:
    """Days in their order; whatever else by how much was sent."""
    if by is By.DAY:
        yield from sorted(rows.items(), key=lambda row: int(row[0]))
    else:
        yield from sorted(rows.items(), key=lambda row: (-row[1]["sent"], row[0]))


def asked_of(call: Call) -> Asked:
    """Which figures the query asks for. Raises Denial."""
    portfolio, number = call.query("portfolio"), call.query("number")
    portfolios = call.grants.portfolios(call.app) if portfolio is None else (call.portfolio(portfolio),)
    if number is not None:
        route = call.route(number)
        if route.portfolio not in portfolios:
            raise Denial(Kind.NOT_FOUND, "no such number of this portfolio")
        portfolios = (route.portfolio,)
    today = call.services.clock.now_ms() // DAY_MS
    last = _day(call, "to", today)
    first = _day(call, "from", max(0, last - _DAYS + 1))
    if not 0 <= last - first < KEPT_DAYS:
        raise Denial(
            Kind.BAD_REQUEST, f"query from: has to be no later than `to`, and at most {KEPT_DAYS - 1} days before"
        )
    return Asked(first, last, _by(call.query("by")), portfolios, number)


def _day(call: Call, name: str, otherwise: int) -> int:
    given = call.query(name)
    if given is None:
        return otherwise
    try:
        if _DATE.fullmatch(given) and (day := (date.fromisoformat(given) - _EPOCH).days) >= 0:
            return day
    except ValueError:
        pass
    raise Denial(Kind.BAD_REQUEST, f"query {name}: has to be a date such as 2026-11-21 (UTC), of 1970 or later")


def _by(given: str | None) -> By:
    try:
        return By(given or By.DAY)
    except ValueError:
        raise Denial(Kind.BAD_REQUEST, f"query by: has to be one of {', '.join(By)}") from None


def _wants_csv(call: Call) -> bool:
    given = call.query("format")
    if given is None:
        accepted = call.request.headers.get("Accept", "")
        return accepted.split(",")[0].split(";")[0].strip().lower() == "text/csv"
    if given not in _FORMATS:
        raise Denial(Kind.BAD_REQUEST, f"query format: has to be one of {', '.join(_FORMATS)}")
    return given == "csv"


def _written(day: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).date().isoformat()
