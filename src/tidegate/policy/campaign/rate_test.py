"""One rate of one variant, tested for bad and for good.

- **Bad?** Healthy is the null: at most the root of `worse_by` times as bad as the baseline (audiences differ), so that
  between healthy and bad either answer is right. Evidence is taken from each step's beginning until now, and averaged
  over all steps that are planned, so that a good first step does not hide a bad second one.
- **Good?** Bad is the null: at least `rules_out` times as bad as the baseline. Only the step's own sends count, and of
  those the ones that had their time.

What a step can rule out hangs on its size: 800 sends can't tell 0.5 % opt-outs from 1 %. So `rules_out` is the smallest
factor, from `worse_by` on, that a healthy step of its size passes all but surely. Where even 20 times the baseline
can't be ruled out there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, pow, sqrt
from typing import Final

from tidegate.policy.campaign.gate import Gate, Watched
from tidegate.policy.campaign.gate_metric import Hours, Usual, rate_of, ripe_cells, total
from tidegate.policy.campaign.safe_test import Cell, against_control, against_rate, log_mean

_MULTIPLES: Final = (1.0, 1.5, 2.5, 4.0)
"""How many times worse than `worse_by` the alternatives to "healthy" are."""
_TOWARDS_BAD: Final = (-0.25, 0.0, 0.25)
"""Where the alternatives to "bad" lie on the way from the baseline (0) to what is ruled out (1), in logarithms."""
_MOST_RULED_OUT: Final = 20.0
_STEP: Final = 1.1
_SLACK: Final = 1.2
"""A healthy step may be this much worse than its baseline, since audiences differ, ..."""
_DEVIATIONS: Final = 3.3
"""... and have this many standard deviations of bad luck, and still pass."""
_BESIDE: Final = _DEVIATIONS / sqrt(2)
"""The same beside a control: the variant does worse by so many, and the control better."""
_CONTROL_RATES: Final = (0.25, 0.5, 0.7, 1.0, 1.4, 2.0, 4.0)
"""What a control's rate may be, as multiples of the usual one."""
_REPORTED_RATES: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
"""What it may be of what apps report, of which nothing is usual."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When it is judged, and how far the step is. `gone_at_ms`: when its last send was gone; None while it is sent.

    `uncounted`: the share of the step's sends that the counts know nothing of, 0 to 1.
    """

    now_ms: int
    gone_at_ms: int | None
    steps_planned: int
    uncounted: float = 0.0


@dataclass(frozen=True, slots=True)
class RateTest:
    """Both tests of one rate of one variant: its sends by step, and the control's where it is compared with that."""

    gate: Gate
    watched: Watched
    moment: Moment
    usual: Usual
    steps: tuple[Hours, ...]
    control: tuple[Hours, ...] | None

    @property
    def _worse(self) -> float:
        """1 where more is worse, -1 where less is."""
        return -1.0 if rate_of(self.watched.metric).less_is_worse else 1.0

    @property
    def _healthy(self) -> float:
        """The worst that is healthy, as a multiple of the baseline: half of the way to bad, or what is assumed."""
        between = pow(self.watched.worse_by, self._worse / 2)
        if self.control is not None or self.usual.worst is None:
            return between
        assumed = self.usual.worst / self.usual.rate
        return max(between, assumed) if self._worse > 0 else min(between, assumed)

    def log_bad(self) -> float:
        """Evidence from each step's beginning until now, averaged over all that are planned."""
        healthy, once = self._healthy, sqrt(self.watched.worse_by)
        ratios = [healthy * pow(once * multiple, self._worse) for multiple in _MULTIPLES]
        logs = []
        cells, others = Cell(0, 0), Cell(0, 0)
        for step in reversed(range(len(self.steps))):
            cells = total((cells, *self._cells(self.steps, step, says_bad=True)))
            others = total((others, *self._cells(self.control, step, says_bad=True)))
            logs.append(self._log((cells,), others, healthy, ratios))
        return log_mean(logs + [0.0] * (self.moment.steps_planned - len(logs)))

    def good(self) -> tuple[float | None, float]:
        """The factor that the step rules out if it passes, and the evidence for that of its own sends."""
        last = len(self.steps) - 1
        cells = self._cells(self.steps, last, says_bad=False)
        others = total(self._cells(self.control, last, says_bad=False))
        factor = self._rules_out(total(cells).sends, others.sends)
        if factor is None:
            return None, 0.0
        return factor, self._against_bad(cells, others, factor)

    def _against_bad(self, cells: Sequence[Cell], others: Cell, factor: float) -> float:
        null = pow(factor, self._worse)
        return self._log(cells, others, null, [pow(null, towards) for towards in _TOWARDS_BAD])

    def _cells(self, steps: tuple[Hours, ...] | None, step: int, *, says_bad: bool) -> list[Cell]:
        """A step's sends; those that are young only where they can't mislead."""
        if steps is None:
            return []
        metric, moment = self.watched.metric, self.moment
        if rate_of(metric).young_look_good is says_bad:
            return [cell for _, cell in steps[step]]
        is_last = step == len(steps) - 1
        until_ms = moment.gone_at_ms if is_last and moment.gone_at_ms is not None else moment.now_ms
        at_once = self.control is not None
        return ripe_cells(metric, steps[step], until_ms, moment.now_ms, self.gate.soak_ms, at_once=at_once)

    def _log(self, cells: Sequence[Cell], others: Cell, null: float, ratios: Sequence[float]) -> float:
        rate = self.usual.rate
        if self.control is None:
            return against_rate(cells, rate * null, [rate * ratio for ratio in ratios])
        is_seen = rate_of(self.watched.metric).recipe is not None
        rates = [rate * multiple for multiple in _CONTROL_RATES] if is_seen else list(_REPORTED_RATES)
        return against_control(total(cells), others, null, ratios, rates)

    def _rules_out(self, sends: float, others: float) -> float | None:
        """The smallest factor that a healthy step of this size passes, with slack and bad luck; None: none does."""
        rate, worse = self.usual.rate, self._worse
        deviations = worse * (_DEVIATIONS if self.control is None else _BESIDE)
        step = _unlucky(sends, rate * pow(_SLACK, worse), deviations)
        beside = _unlucky(others, rate, -deviations)
        factor = max(self.watched.worse_by, pow(self._healthy, worse))
        while factor <= _MOST_RULED_OUT and rate * pow(factor, worse) < 1:
            if self._against_bad((step,), beside, factor) >= -log(self.gate.miss):
                return factor
            factor *= _STEP
        return None


def _unlucky(sends: float, rate: float, deviations: float) -> Cell:
    """Sends with so many standard deviations more events than their rate leads to expect."""
    events = sends * rate + deviations * sqrt(max(0.0, sends * rate * (1 - rate)))
    return Cell(sends, min(sends, max(0.0, events)))
