"""`python -m loadtest.early_warning`: how often early warning is wrong, and how soon it is right, by trial.

Outcomes count as soon as their send: late ones only make the test slower. The same seed gives the same tables.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from math import sqrt
from random import Random
from typing import Annotated, Final

import typer

from tidegate.policy.early_warning import Level, Plan, Watch, baseline_rate, judge, observe
from tidegate.policy.warning_metric import HOUR_MS, RECIPES, Metric, Tally

SENDS: Final = 20_000
SENDS_PER_HOUR: Final = 1_000
USUAL: Final = {
    Metric.FAILURE: 0.02,
    Metric.BLOCK_PROXY: 0.05,
    Metric.OPT_OUT: 0.005,
    Metric.UNDELIVERED: 0.10,
    Metric.UNREAD: 0.45,
}
"""Rates of a healthy fleet."""
#: Standard deviations of the rates' logarithms: of templates around their fleet, of campaigns around their template.
TEMPLATES_DIFFER: Final = 0.3
CAMPAIGNS_DIFFER: Final = 0.15
_FLEET_SENDS: Final = 50_000
_NUMBER_SENDS: Final = 100_000


class Binomial:
    """How many of a batch of up to 1,000 sends are bad, by a table that is drawn from."""

    def __init__(self, sends: int, rate: float) -> None:
        if not 1 <= sends <= 1_000 or not 0 < rate < 1:
            raise ValueError("a batch is 1 to 1,000 sends, a rate more than 0 and less than 1")
        self._sends, self._is_flipped = sends, rate > 0.5
        rare = 1 - rate if self._is_flipped else rate
        chance = reached = (1 - rare) ** sends
        self._reached = [reached]
        for k in range(1, sends + 1):
            chance *= (sends - k + 1) / k * rare / (1 - rare)
            reached += chance
            self._reached.append(reached)
            if k > sends * rare and chance < 1e-12:
                break

    def draw(self, dice: Random) -> int:
        """Draw the bad ones of one batch."""
        hits = min(self._sends, bisect(self._reached, dice.random()))
        return self._sends - hits if self._is_flipped else hits


@dataclass(frozen=True, slots=True)
class Past:
    """What is known before a campaign: sends of its template and of its portfolio's other templates."""

    name: str
    own_sends: int
    fleet_sends: int


KNOWN: Final = Past("known template", 20_000, _FLEET_SENDS)
NEW: Final = Past("new template", 0, _FLEET_SENDS)
FIRST: Final = Past("new portfolio", 0, 0)


@dataclass(frozen=True, slots=True)
class Alarms:
    """Campaigns by the highest level that any of their watches reached."""

    campaigns: int
    watched: int
    throttled: int
    stopped: int


def healthy_alarms(past: Past, campaigns: int, seed: int, plan: Plan | None = None, batch: int = 500) -> Alarms:
    """Send healthy campaigns: five metrics, each of the template and of its number, which sends as much besides.

    All are judged after every `batch` sends.
    """
    dice, plan = Random(seed), plan or Plan()
    worst = [
        max((_worst_of(metric, past, plan, dice, batch) for metric in Metric), key=lambda level: level.severity)
        for _ in range(campaigns)
    ]
    return Alarms(
        campaigns,
        watched=sum(level.severity >= Level.WATCH.severity for level in worst),
        throttled=sum(level.severity >= Level.THROTTLE.severity for level in worst),
        stopped=worst.count(Level.STOP),
    )


def _worst_of(metric: Metric, past: Past, plan: Plan, dice: Random, batch: int) -> Level:
    usual = USUAL[metric]
    template, others = (around(usual, TEMPLATES_DIFFER, dice) for _ in range(2))
    fleet = history(past.fleet_sends, usual, dice)
    watched = Watch(metric, baseline=history(past.own_sends, template, dice), fleet=fleet)
    number_sends = _NUMBER_SENDS if past.fleet_sends else 0
    number = Watch(metric, baseline=history(number_sends, (template + others) / 2, dice), fleet=fleet)
    campaign = Binomial(batch, around(template, CAMPAIGNS_DIFFER, dice))
    besides = Binomial(batch, around(others, CAMPAIGNS_DIFFER, dice))
    worst = Level.CALM
    for sent in range(0, SENDS, batch):
        bad, bad_besides = campaign.draw(dice), besides.draw(dice)
        watched = observe(watched, batch - bad, bad, _accepted_at_ms(sent))
        number = observe(number, 2 * batch - bad - bad_besides, bad + bad_besides, _accepted_at_ms(sent))
        worst = max(worst, judge(watched, plan), judge(number, plan), key=lambda level: level.severity)
    return worst


def alarms_at_the_edge(metric: Metric, runs: int, seed: int, plan: Plan | None = None) -> Alarms:
    """Send campaigns of exactly the worst rate that the plan calls healthy: where false alarms are the likeliest."""
    dice, plan = Random(seed), plan or Plan()
    start = Watch(metric, baseline=history(20_000, USUAL[metric], None), fleet=history(50_000, USUAL[metric], None))
    baseline = baseline_rate(start, plan)
    odds = plan.tolerance * baseline / (1 - baseline)
    bad = Binomial(200, odds / (1 + odds))
    levels = [_run(start, bad, 200, plan, dice) for _ in range(runs)]
    return Alarms(runs, *(sum(level in run for run in levels) for level in (Level.WATCH, Level.THROTTLE, Level.STOP)))


@dataclass(frozen=True, slots=True)
class Delay:
    """After how many sends a level was reached: by half and by nine in ten of the runs; None: not by that many."""

    half: int | None
    most: int | None

    def __str__(self) -> str:
        return " / ".join("-" if sends is None else f"{sends:,}" for sends in (self.half, self.most))


def delays(
    metric: Metric, usual: float, factor: float, past: Past, runs: int, seed: int, plan: Plan | None = None
) -> tuple[Delay, Delay]:
    """Send campaigns that are `factor` times as bad as usual: the delays to the throttle and to the stop."""
    dice, plan, batch = Random(seed), plan or Plan(), 50
    start = Watch(metric, fleet=history(past.fleet_sends, usual, None))
    bad = Binomial(batch, usual * factor)
    reached = [
        _run(replace(start, baseline=history(past.own_sends, usual, dice)), bad, batch, plan, dice) for _ in range(runs)
    ]
    throttled = [min(run.get(Level.THROTTLE, SENDS + 1), run.get(Level.STOP, SENDS + 1)) for run in reached]
    return _delay(throttled), _delay(run.get(Level.STOP, SENDS + 1) for run in reached)


def _run(watch: Watch, bad: Binomial, batch: int, plan: Plan, dice: Random) -> dict[Level, int]:
    """Send until a stop, or to the end: each level that was reached, and after how many sends at first."""
    reached: dict[Level, int] = {}
    for sent in range(0, SENDS, batch):
        hits = bad.draw(dice)
        watch = observe(watch, batch - hits, hits, _accepted_at_ms(sent))
        level = judge(watch, plan)
        reached.setdefault(level, sent + batch)
        if level is Level.STOP:
            break
    return reached


def _delay(sends: Iterable[int]) -> Delay:
    ordered = sorted(sends)
    half, most = ordered[len(ordered) // 2], ordered[len(ordered) * 9 // 10]
    return Delay(half if half <= SENDS else None, most if most <= SENDS else None)


def _accepted_at_ms(sent: int) -> int:
    return sent * HOUR_MS // SENDS_PER_HOUR


def around(rate: float, spread: float, dice: Random) -> float:
    # In odds, so that a rate of one half does not become one and a half.
    odds = rate / (1 - rate) * dice.lognormvariate(0, spread)
    return odds / (1 + odds)


def history(sends: int, rate: float, dice: Random | None) -> Tally:
    """Outcomes of many sends, of ten campaigns that differed; without dice, exactly the rate."""
    if dice is not None:
        rate = around(rate, CAMPAIGNS_DIFFER / sqrt(10), dice)
    drift = 0.0 if dice is None else dice.gauss(0, sqrt(sends * rate * (1 - rate)))
    bad = min(sends, max(0, round(sends * rate + drift)))
    return Tally(sends - bad, bad)


def false_alarm_table(campaigns: int, seed: int) -> list[str]:
    """The table of healthy campaigns, in Markdown."""
    rows = [
        f"| {past.name} | {alarms.campaigns:,} | {_share(alarms, alarms.watched)} | {_share(alarms, alarms.throttled)}"
        f" | {_share(alarms, alarms.stopped)} |"
        for past in (KNOWN, NEW, FIRST)
        for alarms in [healthy_alarms(past, campaigns, seed)]
    ]
    return ["| healthy campaigns of | campaigns | watch | throttle | stop |", "|---|---|---|---|---|", *rows]


def edge_table(runs: int, seed: int) -> list[str]:
    """The table of campaigns at the edge of health, in Markdown."""
    rows = []
    for metric in Metric:
        alarms = alarms_at_the_edge(metric, runs, seed)
        shares = (_share(alarms, n) for n in (alarms.watched, alarms.throttled, alarms.stopped))
        rows.append(f"| {metric} | {alarms.campaigns:,} | {' | '.join(shares)} |")
    return ["| metric, at the edge | campaigns | watch | throttle | stop |", "|---|---|---|---|---|", *rows]


def delay_table(runs: int, seed: int) -> list[str]:
    """The table of delays to an alarm, in Markdown."""
    rows = []
    for metric, usual in USUAL.items():
        for factor in (2, 3, 4, 6, 10) if usual <= 0.05 else (1.5, 2):
            cells = []
            for past in (KNOWN, NEW):
                throttle, stop = delays(metric, usual, factor, past, runs, seed)
                cells += [str(throttle), "never" if RECIPES[metric].is_silence else str(stop)]
            rows.append(f"| {metric} {usual:.1%} | {factor} x | {' | '.join(cells)} |")
    head = "| metric, usual rate | now | known: throttle | known: stop | new: throttle | new: stop |"
    return [head, "|---|---|---|---|---|---|", *rows]


def _share(alarms: Alarms, of: int) -> str:
    return f"{of / alarms.campaigns:.2%}"


def main(
    campaigns: Annotated[int, typer.Option(min=1, max=100_000, help="Healthy campaigns of each kind.")] = 2_000,
    runs: Annotated[int, typer.Option(min=10, max=100_000, help="Bad campaigns of each kind.")] = 200,
    seed: Annotated[int, typer.Option(help="Draws all outcomes.")] = 1,
) -> None:
    """Print how often early warning is wrong, and how soon it is right."""
    tables: list[Callable[[], list[str]]] = [
        lambda: false_alarm_table(campaigns, seed),
        lambda: edge_table(runs, seed),
        lambda: delay_table(runs, seed),
    ]
    for table in tables:
        typer.echo("\n".join(table()) + "\n")


if __name__ == "__main__":
    typer.run(main)
