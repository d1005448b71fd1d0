"""A step's gate judged: pass, fail, or unsure, and what that rests on.

Every rate of every variant is tested twice (`rate_test`). One that is shown to be bad halts the campaign, also while
the step is still being sent; the step passes when every rate is shown to be good, and it has soaked.

What Meta says counts at once: a template or number that got worse, a breaker that opened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import log
from typing import Any, Final

from tidegate.policy.campaign.gate import AtLimit, Baseline, Gate, Watched
from tidegate.policy.campaign.gate_metric import Usual, hours_of, total
from tidegate.policy.campaign.rate_test import Moment, RateTest
from tidegate.policy.warning_counts import Day

_LOOK_EVERY_MS: Final = 5 * 60_000
#: Of a step's sends the share that may be missing from the counts of one that passes: what a node that died had not
#: written yet. Where more is, those that are counted say nothing of the others.
_MOST_UNCOUNTED: Final = 0.1


class Outcome(StrEnum):
    """What a gate says."""

    PASS = "pass"
    FAIL = "fail"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Arm:
    """One variant: the counts of its sends by step (the current one last) and day, and what is usual by rate."""

    name: str
    steps: tuple[Mapping[int, Day], ...]
    usual: Mapping[str, Usual] = field(default_factory=dict)
    is_control: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rate of one variant says. Rates are shares of the sends that had the event; evidence is logarithmic."""

    variant: str
    metric: str
    says: Outcome
    against: str
    """`template`, `assumed` (a template of which too little is known), `control` or `given`."""
    usual: float
    sends: int
    """Of all steps so far."""
    events: float
    rules_out: float | None
    """How many times as bad as the baseline the step is shown not to be, if it passes; None: too few sends for any."""
    log_bad: float
    log_good: float

    def to_json(self) -> dict[str, Any]:
        return {
            "variant": self.variant,
            "metric": self.metric,
            "says": self.says.value,
            "against": self.against,
            "usual": round(self.usual, 5),
            "rate": round(self.events / self.sends, 5) if self.sends else None,
            "sends": self.sends,
            "events": round(self.events, 3),
            "rules_out": round(self.rules_out, 2) if self.rules_out else None,
            "evidence_bad": round(self.log_bad, 2),
            "evidence_good": round(self.log_good, 2),
        }


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a gate says, and why: `sending`, `soaking`, `rates`, `quality`, `limit`; `too_few` when it passes since the
    step had too few sends to say anything; `uncounted` when it would, and more was sent than is counted."""

    outcome: Outcome
    reason: str
    findings: tuple[Finding, ...] = ()
    quality: tuple[str, ...] = ()
    """What Meta or a breaker said since the step began."""
    look_again_at_ms: int | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "outcome": self.outcome.value,
            "reason": self.reason,
            "rates": [finding.to_json() for finding in self.findings],
            "quality": list(self.quality),
        }


def judge(gate: Gate, arms: Sequence[Arm], moment: Moment, quality: Sequence[str] = ()) -> Judgement:
    """Judge a step by all that is known; `quality` is what spoke against it since the step began, in words."""
    findings = [finding for arm in arms for finding in findings_of(gate, arm, arms, moment)]
    return conclude(gate, findings, moment, quality)


def findings_of(gate: Gate, arm: Arm, arms: Sequence[Arm], moment: Moment) -> tuple[Finding, ...]:
    """What each rate of the gate says of one variant; those that there is nothing to compare with are left out."""
    control = next((one for one in arms if one.is_control), None)
    tests = len(arms) * len(gate.metrics)
    found = (_find(gate, watched, arm, control, moment, tests) for watched in gate.metrics)
    return tuple(finding for finding in found if finding is not None)


def conclude(gate: Gate, found: Sequence[Finding], moment: Moment, quality: Sequence[str] = ()) -> Judgement:
    """What follows for the step from what all rates of all variants say, and from what spoke against it in words."""
    findings = tuple(found)
    now_ms, gone_at_ms = moment.now_ms, moment.gone_at_ms
    if quality:
        return Judgement(Outcome.FAIL, "quality", findings, tuple(quality))
    if any(finding.says is Outcome.FAIL for finding in findings):
        return Judgement(Outcome.FAIL, "rates", findings)
    if gone_at_ms is None:
        return Judgement(Outcome.UNSURE, "sending", findings, (), now_ms + _LOOK_EVERY_MS)
    if now_ms < gone_at_ms + gate.soak_ms:
        look_at_ms = min(now_ms + _LOOK_EVERY_MS, gone_at_ms + gate.soak_ms)
        return Judgement(Outcome.UNSURE, "soaking", findings, (), look_at_ms)
    is_good = all(finding.says is Outcome.PASS for finding in findings)
    if is_good and moment.uncounted <= _MOST_UNCOUNTED:
        says_nothing = all(finding.rules_out is None for finding in findings)
        return Judgement(Outcome.PASS, "too_few" if says_nothing else "rates", findings)
    limit_ms = gone_at_ms + gate.wait_ms
    if now_ms < limit_ms:
        reason = "uncounted" if is_good else "rates"
        return Judgement(Outcome.UNSURE, reason, findings, (), min(now_ms + _LOOK_EVERY_MS, limit_ms))
    return Judgement(Outcome.FAIL if gate.at_limit is AtLimit.HALT else Outcome.PASS, "limit", findings)


def _find(gate: Gate, watched: Watched, arm: Arm, control: Arm | None, moment: Moment, tests: int) -> Finding | None:
    """What one rate of one arm says; None where there is nothing to compare it with."""
    metric = watched.metric
    against = control if watched.baseline is Baseline.CONTROL and not arm.is_control else None
    known = arm.usual.get(metric)
    if isinstance(watched.baseline, float):
        usual, said_of = Usual(watched.baseline), "given"
    elif against is not None:
        usual, said_of = known or _seen(metric, against), "control"
    elif known is not None:
        usual, said_of = known, "template" if known.worst is None else "assumed"
    else:
        return None
    own = tuple(hours_of(metric, days) for days in arm.steps)
    others = tuple(hours_of(metric, days) for days in against.steps) if against is not None else None
    test = RateTest(gate, watched, moment, usual, own, others)
    everything = total(cell for hours in own for _, cell in hours)
    log_bad = test.log_bad()
    # Nothing passes while the step is being sent.
    rules_out, log_good = test.good() if moment.gone_at_ms is not None else (None, 0.0)
    says = Outcome.UNSURE
    if log_bad >= log(tests / gate.error) and everything.sends >= gate.least_sends:
        says = Outcome.FAIL
    elif moment.gone_at_ms is not None and _passes(gate, rules_out, log_bad, log_good):
        says = Outcome.PASS
    sends, events = int(everything.sends), everything.events
    return Finding(arm.name, metric, says, said_of, usual.rate, sends, events, rules_out, log_bad, log_good)


def _passes(gate: Gate, rules_out: float | None, log_bad: float, log_good: float) -> bool:
    sure = -log(gate.miss)
    return log_bad < sure and (rules_out is None or log_good >= sure)


def _seen(metric: str, control: Arm) -> Usual:
    """The rate of the control so far, where nothing is usual: only to say what a step can rule out."""
    seen = total(cell for days in control.steps for _, cell in hours_of(metric, days))
    return Usual((seen.events + 0.5) / (seen.sends + 1))
