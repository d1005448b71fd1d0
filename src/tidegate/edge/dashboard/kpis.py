"""The figures that a business measures itself by, for the days that are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

from tidegate.edge.calls import Call
from tidegate.edge.control.kpis import asked_of, kpis_of
from tidegate.edge.dashboard.charts import draw
from tidegate.edge.dashboard.charts.trends import hours_chart, length, rates_chart, sent_chart, spans_chart
from tidegate.policy.kpi import By

_SPANS: Final = (("Time to deliver", "time_to_deliver"), ("First response", "first_response"))
#: Rows of a table.
MOST: Final = 100
_ASKED: Final = ("from", "to", "by", "portfolio", "number")


async def gather(call: Call) -> dict[str, Any]:
    """The days as charts, and a table by what the query asks for. Raises Denial for what it can't tell of."""
    asked = asked_of(call)
    days = await kpis_of(call, replace(asked, by=By.DAY))
    by = asked.by if asked.by is not By.DAY else By.TEMPLATE
    told = await kpis_of(call, replace(asked, by=by))
    rows, total = days["rows"], days["total"]
    charts = [
        sent_chart(rows),
        rates_chart(rows, total),
        *(spans_chart(title, name, rows, total) for title, name in _SPANS),
        hours_chart(days["hours"]),
    ]
    given = {name: call.query(name) for name in _ASKED}
    return {
        "from": days["from"],
        "to": days["to"],
        "by": by.value,
        "bys": [one.value for one in By if one is not By.DAY],
        "total": total,
        "pictures": [await draw(chart) for chart in charts],
        "rows": [{**row, "name": _name(by, row)} for row in told["rows"][:MOST]],
        "known": len(told["rows"]),
        "length": length,
        "csv": urlencode({name: value for name, value in given.items() if value} | {"format": "csv"}),
    }


def _name(by: By, row: Mapping[str, Any]) -> str:
    if by is By.TEMPLATE:
        return f"{row['template']} ({row['language']})" if row["language"] else str(row["template"])
    return str(row[by.value])
