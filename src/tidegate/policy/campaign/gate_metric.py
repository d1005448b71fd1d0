"""The rates of a gate: what of the counts of a step's sends makes each of them, and what is known of young sends.

Counts lie by hour, as early warning's do (`warning_counts`). What an app reports lies beside them, in thousandths: the
sum of the values under `13.conversion`, and for scores, which not everybody gives, their number under `13.csat.n`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from tidegate.policy.campaign.safe_test import Cell
from tidegate.policy.early_warning import Plan, usual_rate
from tidegate.policy.warning_counts import Day, silence_ripens_ms
from tidegate.policy.warning_metric import HOUR_MS, NO_REPLY, RECIPES, Counter, Metric, Recipe, Tally

THOUSANDTHS: Final = 1_000
"""A value of 1 that an app reports, as it is counted."""


@dataclass(frozen=True, slots=True)
class Rate:
    """One rate: the share of sends that had an event."""

    recipe: Recipe | None
    """How it is made of counters, and what is believed of it before; None of what an app reports."""
    less_is_worse: bool = False
    """Whether the event is a good one."""
    young_look_good: bool = False
    """Whether sends look better while their news is under way: then they say nothing good, and otherwise nothing bad.
    """
    of_reports: bool = False
    """Whether it is a share of what was reported, instead of all sends."""

    def events(self, tally: Tally) -> int:
        """How many sends of a tally had the event; a tally's bad ones, unless the event is a good one."""
        return tally.good if self.less_is_worse else tally.bad


@dataclass(frozen=True, slots=True)
class Usual:
    """The share of sends with the event that a variant's template usually has.

    `worst`: where that is an assumption, the worst share that is taken for healthy; None where it was measured.
    """

    rate: float
    worst: float | None = None


_RATES: Final = {
    "failure": Rate(RECIPES[Metric.FAILURE], young_look_good=True),
    "block_proxy": Rate(RECIPES[Metric.BLOCK_PROXY], young_look_good=True),
    "opt_out": Rate(RECIPES[Metric.OPT_OUT], young_look_good=True),
    "undelivered": Rate(RECIPES[Metric.UNDELIVERED]),
    "read": Rate(RECIPES[Metric.UNREAD], less_is_worse=True),
    "reply": Rate(NO_REPLY, less_is_worse=True),
    "csat": Rate(None, less_is_worse=True, of_reports=True),
}
_REPORTED: Final = Rate(None, less_is_worse=True)

_COME_STATUSES: Final = ((0.25, 0.5), (1.0, 0.8), (6.0, 0.9), (24.0, 1.0))
_COME_WORDS: Final = ((0.25, 0.15), (1.0, 0.35), (3.0, 0.55), (6.0, 0.7), (12.0, 0.85), (24.0, 0.95), (72.0, 1.0))
_COME: Final = {"failure": _COME_STATUSES, "block_proxy": _COME_STATUSES, "opt_out": _COME_WORDS}
"""Of the bad news of a send, the share that is taken to have come by its age in hours: ours, and rather too low, so
that what is young is not believed to be clean."""


def rate_of(metric: str) -> Rate:
    """How the rate of this name in a gate is made."""
    return _RATES.get(metric, _REPORTED)


def usual_of(metric: str, own: Tally, fleet: Tally, plan: Plan) -> Usual | None:
    """The usual share of sends with the event, by a template's history and its peers'; None of what an app reports."""
    rate = rate_of(metric)
    if rate.recipe is None:
        return None
    is_measured = own.sends + fleet.sends >= plan.least_measured
    bad, worst = usual_rate(rate.recipe, own, fleet, plan), None if is_measured else rate.recipe.ceiling
    if rate.less_is_worse:
        return Usual(1 - bad, None if worst is None else 1 - worst)
    return Usual(bad, worst)


Hours = tuple[tuple[int, Cell], ...]
"""Sends and events of one rate by the hour (since 1970) in which they were sent."""


def hours_of(metric: str, days: Mapping[int, Day]) -> Hours:
    """The hours of some days' counts in which anything was sent."""
    rate = rate_of(metric)
    whole = _whole(metric, rate)
    return tuple(
        (day * 24 + hour, _cell(metric, rate, counts, f"{hour:02}."))
        for day, counts in days.items()
        for hour in range(24)
        if counts.get(f"{hour:02}.{whole}", 0) > 0
    )


def ripe_cells(metric: str, hours: Hours, until_ms: int, now_ms: int, soak_ms: int, *, at_once: bool) -> list[Cell]:
    """The sends that say something good (`young_look_good`) or bad of a rate, each hour with what has come of its news.

    `hours`: of one step; nothing of it was sent after `until_ms`. `at_once`: they are compared with others of the same
    age, so that no news has to be waited for but the soak.
    """
    rate = rate_of(metric)
    ripens_ms = soak_ms if rate.young_look_good or at_once or rate.recipe is None else silence_ripens_ms()
    curve = None if at_once else _COME.get(metric)
    found = []
    for hour, cell in hours:
        age_ms = now_ms - min((hour + 1) * HOUR_MS, until_ms)
        if age_ms >= ripens_ms:
            found.append(cell._replace(come=_come(curve, age_ms / HOUR_MS)) if curve else cell)
    return found


def total(cells: Iterable[Cell]) -> Cell:
    """All of some cells in one."""
    sends = events = 0.0
    for cell in cells:
        sends, events = sends + cell.sends, events + cell.events
    return Cell(sends, events)


def _whole(metric: str, rate: Rate) -> str:
    """The counter of all that the rate is a share of."""
    if rate.recipe is not None:
        return rate.recipe.whole
    return f"{metric}.n" if rate.of_reports else Counter.SENT


def _cell(metric: str, rate: Rate, counts: Day, hour: str) -> Cell:
    if rate.recipe is not None:
        tally = rate.recipe.tally(lambda counter: counts.get(hour + counter, 0))
        return Cell(tally.sends, rate.events(tally))
    whole = counts.get(hour + _whole(metric, rate), 0)
    return Cell(whole, min(whole, counts.get(hour + metric, 0) / THOUSANDTHS))


def _come(curve: tuple[tuple[float, float], ...], hours: float) -> float:
    before, reached = 0.0, 0.0
    for until, share in curve:
        if hours < until:
            return reached + (share - reached) * (hours - before) / (until - before)
        before, reached = until, share
    return reached
