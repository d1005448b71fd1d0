"""How a row of figures is told: as an object of JSON, and as a line of CSV."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from tidegate.policy.kpi import By, Figures, Mean, Times
from tidegate.policy.kpi.cells import template_of
from tidegate.policy.kpi.templates import Trend

COUNTS: Final = ("sent", "delivered", "read", "failed", "withheld", "dropped", "opted_out", "replied")
RATES: Final = ("delivery_rate", "read_rate", "failure_rate", "opt_out_rate", "reply_rate")
#: Times as they are told, and as they are kept.
TIMES: Final = {
    "time_to_deliver": "deliver",
    "response": "response",
    "first_response": "first",
    "handling_time": "handling",
}
REPORTS: Final = ("conversion", "csat")
_TIME_PARTS: Final = ("count", "mean_s", "p50_s", "p95_s")
_WAITS: Final = ("response", "first_response")
_NAMES: Final = {By.TEMPLATE: ("template", "language", "waba")}


def named(by: By, name: str) -> dict[str, str | None]:
    """What a row stands for."""
    if by is By.DAY:
        return {"day": (date(1970, 1, 1) + timedelta(days=int(name))).isoformat()}
    if by is not By.TEMPLATE:
        return {by.value: name}
    waba, language, template = template_of(name) or (None, None, name)
    return {"template": template, "language": language, "waba": waba}


def figures_told(by: By, figures: Figures, trend: Trend) -> dict[str, Any]:
    """All figures of a row; null is what such a row can't tell, and what nothing was counted for."""
    counts = {name: figures.failed if name == "failed" else figures.count(name) for name in COUNTS}
    asked = figures.count("asked") if by.tells_questions else None
    return {
        **counts,
        **{name: _rounded(getattr(figures, name), 6) for name in RATES},
        **{
            name: None if name in _WAITS and not by.tells_waits else _times(figures.times(kept))
            for name, kept in TIMES.items()
        },
        "asked": asked,
        "answered": figures.count("answered") if by.tells_waits else None,
        **{name: _mean(figures.reported(name)) for name in REPORTS},
        "journey": {step: _mean(mean) for step, mean in figures.journey.items()},
        "approvals": _approvals(trend) if by.tells_templates else None,
        "quality": {"better": trend.better, "worse": trend.worse} if by.tells_templates else None,
    }


def columns(by: By) -> list[str]:
    """The headings of a table of rows. Steps of journeys are told as JSON alone: each app has its own."""
    times = [f"{name}_{part}" for name in TIMES for part in _TIME_PARTS]
    reports = [f"{name}_{part}" for name in REPORTS for part in ("count", "mean")]
    approvals = ["approved", "rejected", *(f"lead_time_{part}" for part in _TIME_PARTS)]
    quality = ["quality_better", "quality_worse"]
    names = _NAMES.get(by, (by.value,))
    return [*names, *COUNTS, *RATES, *times, "asked", "answered", *reports, *approvals, *quality]


def values(by: By, row: Mapping[str, Any]) -> list[Any]:
    """The same row as a line under `columns`."""
    line = [row[name] for name in (*_NAMES.get(by, (by.value,)), *COUNTS, *RATES)]
    for name in TIMES:
        line += _parts(row[name], _TIME_PARTS)
    line += [row["asked"], row["answered"]]
    for name in REPORTS:
        line += _parts(row[name], ("count", "mean"))
    approvals = row["approvals"]
    line += _parts(approvals, ("approved", "rejected"))
    line += _parts(approvals and approvals["lead_time"], _TIME_PARTS)
    return line + _parts(row["quality"], ("better", "worse"))


def _parts(told: Mapping[str, Any] | None, names: tuple[str, ...]) -> list[Any]:
    return [None if told is None else told[name] for name in names]


def _times(times: Times) -> dict[str, Any]:
    return {
        "count": times.count,
        "mean_s": _seconds(times.mean_ms),
        "p50_s": _seconds(times.quantile_ms(0.5)),
        "p95_s": _seconds(times.quantile_ms(0.95)),
    }


def _mean(mean: Mean) -> dict[str, Any]:
    return {"count": mean.count, "mean": _rounded(mean.mean, 4)}


def _approvals(trend: Trend) -> dict[str, Any]:
    return {"approved": trend.approved, "rejected": trend.rejected, "lead_time": _times(trend.lead)}


def _seconds(ms: float | None) -> float | None:
    return None if ms is None else round(ms / 1000, 1)


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
