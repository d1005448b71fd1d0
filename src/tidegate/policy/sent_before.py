"""What was sent before a fall: by template, campaign or app, those first that speak most against themselves.

Each is compared with the others of its kind in the same hours, by the evidence of early warning: a likelihood ratio of
the sends having been worse than 1.5 times the odds of the others' rate (drawn towards what is assumed while there are
few of them) against not. Its logarithm orders them; the metric with the most evidence is named.
"""

from __future__ import annotations

from collections import Counter as Sums
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from tidegate.policy.early_warning import Plan, Watch, baseline_rate, evidence
from tidegate.policy.warning_counts import Day, field_of, fleets_of, silence_ripens_ms
from tidegate.policy.warning_metric import HOUR_MS, RECIPES, Counter, Metric, Tally

DAY_MS: Final = 24 * HOUR_MS
_NO_FIELD: Final[tuple[int, Counter | None]] = (0, None)
_FIELDS: Final[dict[str, tuple[int, Counter | None]]] = {
    field_of(counter, hour * HOUR_MS): (hour, counter) for hour in range(24) for counter in Counter
}


@dataclass(frozen=True, slots=True)
class Hours:
    """Whole hours since 1970: from `first` to `last`, both included."""

    first: int
    last: int

    @property
    def days(self) -> range:
        """The UTC days that they lie in."""
        return range(self.first // 24, self.last // 24 + 1)


def hours_before(fall_at_ms: int, span_ms: int) -> Hours:
    """The hours of a span before a fall, and the one in which it happened."""
    return Hours((fall_at_ms - span_ms) // HOUR_MS, fall_at_ms // HOUR_MS)


@dataclass(frozen=True, slots=True)
class Sent:
    """What went out under one name in some hours, and what became of it by now."""

    name: str
    sums: Mapping[Counter, int]
    worst: Metric | None = None
    """The metric that speaks most against it; None where none does."""
    rate: float = 0.0
    usual: float = 0.0
    """Of that metric: its share of bad sends, and that of the others."""
    log_evidence: float = 0.0
    """Natural logarithm, 0 where there is none."""


def ranked(days: Mapping[str, Iterable[Mapping[int, Day]]], hours: Hours, now_ms: int, plan: Plan) -> list[Sent]:
    """What was sent under each name in these hours, the worst first; names without sends are left out.

    `days`: a name's hashes by day, one mapping for each number that it went out by. Silence speaks against nobody
    before there was time to hear something.
    """
    ripe = Hours(hours.first, min(hours.last, (now_ms - silence_ripens_ms()) // HOUR_MS - 1))
    sums = {name: _sums(each, hours) for name, each in days.items()}
    sums = {name: total for name, total in sums.items() if total[Counter.SENT]}
    heard = {name: _sums(days[name], ripe) for name in sums}
    found = {name: Sent(name, total) for name, total in sums.items()}
    for metric, recipe in RECIPES.items():
        counted = heard if recipe.is_silence else sums
        tallies = {name: recipe.tally(counted[name].__getitem__) for name in sums}
        for name, fleet in fleets_of(tallies).items():
            usual = baseline_rate(Watch(metric, fleet=fleet), plan)
            found[name] = _worse(found[name], metric, tallies[name], usual, plan)
    return sorted(found.values(), key=lambda sent: (-sent.log_evidence, -sent.sums[Counter.SENT], sent.name))


def _worse(sent: Sent, metric: Metric, tally: Tally, usual: float, plan: Plan) -> Sent:
    speaks = evidence(tally, usual, plan)
    if speaks <= sent.log_evidence:
        return sent
    return Sent(sent.name, sent.sums, metric, tally.rate, usual, speaks)


def _sums(numbers: Iterable[Mapping[int, Day]], hours: Hours) -> Sums[Counter]:
    sums: Sums[Counter] = Sums()
    for days in numbers:
        for day in hours.days:
            first, last = hours.first - day * 24, hours.last - day * 24
            for field, count in days.get(day, {}).items():
                hour, counter = _FIELDS.get(field, _NO_FIELD)
                if first <= hour <= last and counter is not None:
                    sums[counter] += count
    return sums
