"""Variants compared: each rate's share with its interval, and the difference to the control with its own.

Intervals hold the truth 19 times of 20 at one look. Shares: Wilson's score interval ("Probable inference, the law of
succession, and statistical inference", 1927). Differences: Newcombe's hybrid of two of them ("Interval estimation for
the difference between independent proportions", 1998, method 10). They describe; gates decide, by tests of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, Final

from tidegate.policy.campaign.gate import JOURNEY, REPORTED_RATES, SEEN_RATES
from tidegate.policy.campaign.gate_metric import hours_of, total
from tidegate.policy.campaign.safe_test import Cell
from tidegate.policy.warning_counts import Day

_Z: Final = 1.959964
"""Standard deviations on either side that hold 95 %."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A value, and the bounds that hold it 19 times of 20."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        return {"value": round(self.value, 5), "low": round(self.low, 5), "high": round(self.high, 5)}


def share_of(cell: Cell) -> Interval | None:
    """The share of sends that had the event; None of no sends."""
    n = cell.sends
    if n <= 0:
        return None
    share = cell.events / n
    middle = (share + _Z * _Z / (2 * n)) / (1 + _Z * _Z / n)
    half = _Z * sqrt(share * (1 - share) / n + _Z * _Z / (4 * n * n)) / (1 + _Z * _Z / n)
    return Interval(share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)))


def difference_of(one: Interval, other: Interval) -> Interval:
    """How much more the one is than the other."""
    value = one.value - other.value
    down = sqrt((one.value - one.low) ** 2 + (other.high - other.value) ** 2)
    up = sqrt((one.high - one.value) ** 2 + (other.value - other.low) ** 2)
    return Interval(value, max(-1.0, value - down), min(1.0, value + up))


def rates_in(days: Iterable[Day]) -> tuple[str, ...]:
    """The rates that counts may tell of: those that the gateway sees, and those that were reported."""
    fields = {field.partition(".")[2] for day in days for field in day}
    reported = sorted(name for name in fields if name in REPORTED_RATES or JOURNEY.fullmatch(name))
    return SEEN_RATES + tuple(reported)


def compared(variants: Mapping[str, Sequence[Mapping[int, Day]]], control: str | None) -> dict[str, dict[str, Any]]:
    """Of each variant, by name, its rates as JSON values; `variants`: counts by step and day."""
    rates = rates_in(day for steps in variants.values() for days in steps for day in days.values())
    cells = {
        name: {rate: total(cell for days in steps for _, cell in hours_of(rate, days)) for rate in rates}
        for name, steps in variants.items()
    }
    beside = cells.get(control, {}) if control is not None else {}
    return {
        name: {rate: _told(cell, beside.get(rate) if name != control else None) for rate, cell in mine.items()}
        for name, mine in cells.items()
    }


def _told(cell: Cell, control: Cell | None) -> dict[str, Any]:
    share, other = share_of(cell), share_of(control) if control is not None else None
    difference = difference_of(share, other) if share is not None and other is not None else None
    return {
        "of": int(cell.sends),
        "events": round(cell.events, 3),
        "share": None if share is None else share.to_json(),
        "to_control": None if difference is None else difference.to_json(),
    }
