"""Early warning: does a template or a number do worse than its own baseline? A sequential test, valid at any moment.

The test is a mixture likelihood ratio (an e-process). The null hypothesis is that the share of bad sends is at most
`tolerance` times the baseline, in odds; the alternatives are some multiples of that. With o the odds of the null and
m a multiple, n sends of which k were bad weigh

    ln E_m = k ln m - n ln((1 + m o) / (1 + o))

and the evidence E is the mean of the E_m. While the null holds, E is a supermartingale that begins at 1, so it *ever*
exceeds 1/a with a probability of at most a (Ville's inequality), however often and by whomever it is looked at. It
needs nothing but sums, so nodes add and any of them judges. E rises with k and falls with n: sends whose bad news is
still under way only make the test slower, never wrong. It also falls with o: a higher baseline never trips sooner.

Evidence is taken from every hour of the last seven days up to now, and the strongest counts: a long good past does
not hide a bad present. Each hour is a test of its own, and so is each metric in each scope. The alarms that a plan
allows in a week are split among all of these.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from math import exp, log, log1p, sqrt
from typing import Final

from tidegate.policy.warning_metric import HOUR_MS, RECIPES, Metric, Recipe, Tally

WINDOW_HOURS: Final = 7 * 24
"""What is judged. Meta's quality is the reception of the last 7 days, weighted by recency ("Service messages")."""


class Level(StrEnum):
    """How bad it is, mildest first."""

    CALM = "calm"
    WATCH = "watch"
    """Worth a look."""
    THROTTLE = "throttle"
    """Send a part, and see."""
    STOP = "stop"
    """Send nothing more."""

    @property
    def severity(self) -> int:
        """0 for calm, and one more a level: a key for `max`."""
        return list(Level).index(self)


@dataclass(frozen=True, slots=True)
class Plan:
    """How sure the test has to be. Rates are per template *and* number together, over all metrics, a week.

    Raises ValueError when a value makes no test.
    """

    false_watches: float = 1.0
    false_throttles: float = 0.2
    false_stops: float = 0.01
    """False stops that are expected in a week at most. A campaign that takes up to a week meets the tests that began
    in the week before it as well, so the chance that it is stopped for nothing is at most twice this."""
    scopes: int = 2
    """Scopes that one send is judged in: its template, its number in its category."""
    tolerance: float = 1.5
    """Up to this multiple of the baseline's odds a rate is healthy: audiences differ."""
    multiples: tuple[float, ...] = (1.5, 2.0, 3.0, 5.0, 8.0)
    """The alternatives, as multiples of the odds that are still healthy."""
    least_sends: int = 100
    """Fewer than these are never more than worth a look."""
    least_measured: int = 1_000
    """Sends of history, own or the fleet's, without which a baseline is an assumption. An assumption may throttle;
    a stop then takes evidence against the metric's ceiling."""
    spread: float = 0.3
    """How much healthy templates differ: standard deviation of their rates, as a share of the fleet's rate."""
    doubt: float = 1.0
    """Standard deviations of its own uncertainty by which a baseline is raised."""

    def __post_init__(self) -> None:
        if not 0 < self.false_stops <= self.false_throttles <= self.false_watches:
            raise ValueError("a stop takes at least the evidence of a throttle, and that at least that of a watch")
        if not self.multiples or min(self.multiples) <= 1 or self.tolerance < 1:
            raise ValueError("alternatives are worse than the null, and the null no better than the baseline")
        if min(self.scopes, self.least_sends, self.least_measured) < 1 or self.spread <= 0 or self.doubt < 0:
            raise ValueError("scopes, sends and spread are positive, and doubt is not negative")

    def threshold(self, false_alarms: float) -> float:
        """Logarithm of the evidence that one test of all those of a week has to show."""
        return log(WINDOW_HOURS * len(Metric) * self.scopes / false_alarms)


@dataclass(frozen=True, slots=True)
class Watch:
    """One metric of one template or number: what is judged, and what it is compared with.

    The statistics are sums, so watches of several nodes merge. `by_hour` is sorted: (hour since 1970 of the sends'
    acceptance, outcomes), without hours that are empty or older than WINDOW_HOURS before the newest.
    """

    metric: Metric
    started_at_ms: int = 0
    """Sends before this are not judged; an operator who clears a warning moves it to now."""
    by_hour: tuple[tuple[int, Tally], ...] = ()
    baseline: Tally = field(default=Tally())
    """History of the same template or number, older than all that is judged."""
    fleet: Tally = field(default=Tally())
    """History of its peers in the portfolio."""

    @property
    def judged(self) -> Tally:
        """Outcomes of all hours."""
        return sum((tally for _, tally in self.by_hour), Tally())


def observe(watch: Watch, good: int, bad: int, sent_at_ms: int | None = None) -> Watch:
    """Add outcomes of sends that Meta accepted at `sent_at_ms`; without it, in the watch's newest hour.

    Sends from before the watch began, or too old to be judged, change nothing. Raises ValueError for negative counts.
    """
    tally = Tally(good, bad)
    if sent_at_ms is None:
        hour = watch.by_hour[-1][0] if watch.by_hour else watch.started_at_ms // HOUR_MS
    elif sent_at_ms < watch.started_at_ms:
        return watch
    else:
        hour = sent_at_ms // HOUR_MS
    return _with_hours(watch, ((hour, tally),))


def merge(watch: Watch, other: Watch) -> Watch:
    """Add what another node saw of the same sends' outcomes. Raises ValueError when it watches something else."""
    if replace(other, by_hour=watch.by_hour) != watch:
        raise ValueError("watches merge that have one metric, one start and one history")
    return _with_hours(watch, other.by_hour)


def _with_hours(watch: Watch, more: tuple[tuple[int, Tally], ...]) -> Watch:
    tallies = dict(watch.by_hour)
    for hour, tally in more:
        if tally.sends:
            tallies[hour] = tallies.get(hour, Tally()) + tally
    oldest = max(tallies, default=0) - WINDOW_HOURS
    return replace(watch, by_hour=tuple(sorted(entry for entry in tallies.items() if entry[0] > oldest)))


@dataclass(frozen=True, slots=True)
class Finding:
    """What a judgement rests on: the hours with the strongest evidence, or all of them when there is none."""

    metric: Metric
    level: Level
    outcomes: Tally
    since_ms: int
    """Beginning of the first of these hours. Days from here on are no ground for a baseline if it trips."""
    baseline_rate: float
    """What the rate is compared with, before the plan's tolerance."""
    is_measured: bool
    """Whether the baseline rests on enough history; a stop takes evidence against the metric's ceiling if not."""
    log_evidence: float
    """Natural logarithm of the evidence; never below 0, where there is none."""

    def __str__(self) -> str:
        return (
            f"{self.metric} {self.outcomes.rate:.2%} of {self.outcomes.sends} sends, "
            f"{'baseline' if self.is_measured else 'assumed baseline'} {self.baseline_rate:.2%}: {self.level}"
        )


def judge(watch: Watch, plan: Plan) -> Level:
    """How bad it is by all that was observed."""
    return assess(watch, plan).level


def assess(watch: Watch, plan: Plan) -> Finding:
    """Judge, and say what the judgement rests on."""
    rate, is_measured = baseline_rate(watch, plan), watch.baseline.sends + watch.fleet.sends >= plan.least_measured
    log_evidence, hour, outcomes = _strongest(watch, rate, plan)
    level = Level.CALM
    if log_evidence >= plan.threshold(plan.false_watches):
        level = Level.WATCH
    if log_evidence >= plan.threshold(plan.false_throttles) and outcomes.sends >= plan.least_sends:
        level = Level.THROTTLE
        if not RECIPES[watch.metric].is_silence and _stops(watch, rate, is_measured, plan):
            level = Level.STOP
    return Finding(watch.metric, level, outcomes, hour * HOUR_MS, rate, is_measured, log_evidence)


def evidence(outcomes: Tally, rate: float, plan: Plan) -> float:
    """Natural logarithm of the evidence that these sends do worse than is healthy with this baseline; 0 for none."""
    healthy, weights = _null(rate, plan)
    if outcomes.bad <= healthy * outcomes.sends:
        return 0.0
    return max(0.0, _log_mean([outcomes.bad * win - outcomes.sends * cost for win, cost in weights]))


def baseline_rate(watch: Watch, plan: Plan) -> float:
    """Share of bad sends that is normal: own history, drawn towards the fleet's while there is little of it.

    A beta prior with the fleet's rate for its mean and the plan's spread for its width; the mean of the posterior,
    raised by the doubt that is left in it, and kept between the metric's floor and ceiling. 0 < rate < 1.
    """
    return usual_rate(RECIPES[watch.metric], watch.baseline, watch.fleet, plan)


def usual_rate(recipe: Recipe, own: Tally, fleet: Tally, plan: Plan) -> float:
    """The same for any recipe, own history and history of the fleet."""
    mean = (fleet.bad + recipe.assumed * plan.least_measured) / (fleet.sends + plan.least_measured)
    mean = min(max(mean, recipe.floor), recipe.ceiling)
    weight = max(1.0, (1 - mean) / (mean * plan.spread**2) - 1)
    rate = (own.bad + mean * weight) / (own.sends + weight)
    deviation = sqrt(rate * (1 - rate) / (own.sends + weight + 1))
    return min(max(rate + plan.doubt * deviation, recipe.floor), recipe.ceiling)


def _stops(watch: Watch, rate: float, is_measured: bool, plan: Plan) -> bool:
    against = rate if is_measured else RECIPES[watch.metric].ceiling
    log_evidence, _, outcomes = _strongest(watch, against, plan)
    return log_evidence >= plan.threshold(plan.false_stops) and outcomes.sends >= plan.least_sends


def _strongest(watch: Watch, rate: float, plan: Plan) -> tuple[float, int, Tally]:
    """The strongest evidence of all the spans from an hour until now: its logarithm, that hour, the span's outcomes."""
    healthy, weights = _null(rate, plan)
    good = bad = 0
    best: tuple[float, int, Tally] | None = None
    for hour, tally in reversed(watch.by_hour):
        good, bad = good + tally.good, bad + tally.bad
        sends = good + bad
        if bad <= healthy * sends:
            continue  # every alternative fits worse than the null: the evidence is below 1
        log_evidence = _log_mean([bad * win - sends * cost for win, cost in weights])
        if log_evidence > (best[0] if best else 0.0):
            best = (log_evidence, hour, Tally(good, bad))
    first = watch.by_hour[0][0] if watch.by_hour else watch.started_at_ms // HOUR_MS
    return best or (0.0, first, Tally(good, bad))


def _null(rate: float, plan: Plan) -> tuple[float, list[tuple[float, float]]]:
    """The highest rate that is healthy; for each alternative what a bad send adds to it, and what any send takes."""
    odds = plan.tolerance * rate / (1 - rate)
    healthy = odds / (1 + odds)
    return healthy, [(log(m), log1p((m - 1) * healthy)) for m in plan.multiples]


def _log_mean(logs: list[float]) -> float:
    """Logarithm of the mean of numbers that are given by their logarithms."""
    top = max(logs)
    return top + log(sum(exp(value - top) for value in logs) / len(logs))
