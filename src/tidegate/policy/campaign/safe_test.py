"""Evidence for or against a rate, as e-values: it may be looked at any time, by anybody, and it decides both ways.

An e-value is a likelihood ratio: how much better some alternatives explain what was seen than the null hypothesis does.
While the null holds it is a supermartingale that begins at 1, so it *ever* exceeds 1/a with a probability of at most a
(Ville's inequality). Two of them judge one rate: one has "healthy" for its null, the other "bad" (Wald's sequential
test, with a mixture of alternatives on either side, and both errors held at every look).

Against a known rate (`against_rate`) it is the ratio of two survival processes. Each send has its event or has it not
yet; of those that will have one, a share F has had it by the send's age. With rates a and r a send with an event weighs
a/r, one without (1 - a F)/(1 - r F). With F = 1 and news still under way the ratio only lags.

Against a rate that is seen at the same time (`against_control`) it is the safe test for two proportions (Turner, Ly and
Grünwald, "Generic E-variables for exact sequential k-sample tests", 2021; the null here is a half-plane, rate <=> ratio
x control, which is convex, so that the closest point of the null makes an e-variable): the alternative's likelihood of
both arms over that of the point on the line which is nearest to it in relative entropy. Exact while the arms grow in
proportion, as variants of one campaign do.

Events may be fractions (scores from 0 to 1): by the inequality of means the ratio then only lags.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import exp, inf, log, sqrt
from typing import Final, NamedTuple

_MOST: Final = 0.98
"""No rate is taken to be higher: a likelihood of zero is not evidence, it is a slip of the model."""
_LEAST: Final = 1e-6


class Cell(NamedTuple):
    """Sends of one age: how many, how many of them had the event, and the share F of events that have come by now."""

    sends: float
    events: float
    come: float = 1.0


def against_rate(cells: Iterable[Cell], null: float, alternatives: Sequence[float]) -> float:
    """Logarithm of the evidence that these sends have one of the alternative rates, and not the null's.

    All alternatives have to lie on one side of the null: then it holds for every rate on the other side.
    """
    null = _rate(null)
    sums = [0.0] * len(alternatives)
    for sends, events, come in cells:
        for i, rate in enumerate(map(_rate, alternatives)):
            sums[i] += events * log(rate / null) + (sends - events) * log((1 - rate * come) / (1 - null * come))
    return log_mean(sums)


def against_control(
    arm: Cell, control: Cell, null_ratio: float, ratios: Sequence[float], control_rates: Sequence[float]
) -> float:
    """Logarithm of the evidence that the arm's rate is one of these ratios of the control's, and not the null's.

    `control_rates`: what the control's rate may be, fixed before anything was seen; every one is tried with every
    ratio. All ratios have to lie on one side of the null's. 0 while either arm is empty.
    """
    if not arm.sends or not control.sends:
        return 0.0
    weight = arm.sends / (arm.sends + control.sends)
    sums = []
    for rate in map(_rate, control_rates):
        for ratio in ratios:
            if ratio * rate < _MOST:
                x = nearest(ratio * rate, rate, weight, null_ratio)
                sums.append(_likelihood(arm, ratio * rate, null_ratio * x) + _likelihood(control, rate, x))
    # An alternative that no rate allows for says nothing either way.
    sums += [0.0] * (len(control_rates) * len(ratios) - len(sums))
    return log_mean(sums)


def nearest(arm: float, control: float, weight: float, ratio: float) -> float:
    """The control's rate of the point on the line arm = ratio x control that explains both rates best.

    `weight`: the arm's share of the sends. It is where the relative entropy from the two rates is least: the root of
    ratio x² - (weight (arm + ratio) + (1 - weight) (control ratio + 1)) x + weight arm + (1 - weight) control.
    """
    middle = weight * (arm + ratio) + (1 - weight) * (control * ratio + 1)
    last = weight * arm + (1 - weight) * control
    return (middle - sqrt(max(0.0, middle * middle - 4 * ratio * last))) / (2 * ratio)


def log_mean(logs: Sequence[float]) -> float:
    """Logarithm of the mean of numbers that are given by their logarithms."""
    top = max(logs, default=-inf)
    return top + log(sum(exp(value - top) for value in logs) / len(logs)) if top > -inf else 0.0


def _likelihood(cell: Cell, rate: float, null: float) -> float:
    return cell.events * log(rate / null) + (cell.sends - cell.events) * log((1 - rate) / (1 - null))


def _rate(rate: float) -> float:
    return min(max(rate, _LEAST), _MOST)
