"""A step's gate: which rates are judged before the next step, against what, and how sure it has to be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from tidegate.policy.duration import read_duration, write_duration


class Baseline(StrEnum):
    """What a variant's rate is compared with, where that is not a rate that is given."""

    #: What the same template did in the four weeks before the campaign, drawn towards its peers while that is little.
    TEMPLATE = "template"
    #: What the campaign's control variant does at the same time. The control itself is compared with its template.
    CONTROL = "control"


class AtLimit(StrEnum):
    """What follows when a gate is still unsure after its longest wait."""

    HALT = "halt"
    CONTINUE = "continue"


SEEN_RATES: Final = ("failure", "block_proxy", "opt_out", "undelivered", "read", "reply")
"""Rates that the gateway sees by itself. Of the first four more is worse, of the other two less."""
REPORTED_RATES: Final = ("conversion", "csat")
"""Rates that the app reports (`POST /outcomes`), as are the steps of a journey: `journey:<its name>`. Less is worse."""
JOURNEY: Final = re.compile(r"journey:[A-Za-z0-9_.-]{1,64}")

_MOST_METRICS: Final = 16
_KEYS: Final = frozenset({"metrics", "error", "miss", "soak", "wait", "at_limit", "least_sends"})
_METRIC_KEYS: Final = frozenset({"baseline", "worse_by"})


@dataclass(frozen=True, slots=True)
class Watched:
    """One rate of a gate: the shares of bad sends must not be `worse_by` times the baseline, those of good sends not
    that part of it. A baseline that is a number is that share itself, 0 to 1."""

    metric: str
    baseline: Baseline | float = Baseline.TEMPLATE
    worse_by: float = 2.0

    @property
    def is_reported(self) -> bool:
        """Whether only the app knows it."""
        return self.metric not in SEEN_RATES


@dataclass(frozen=True, slots=True)
class Gate:
    """What has to be shown before the next step begins.

    `error`: the probability, at most, that a campaign that is no worse than its baselines is ever halted by a rate,
    whichever of its variants' rates it is and however often they are looked at. `miss`: that a step passes although a
    rate is as bad as what the step claims to rule out.
    """

    metrics: tuple[Watched, ...]
    error: float = 0.01
    miss: float = 0.05
    soak_ms: int = 3_600_000
    """No pass before this long after the step's last send; sends that are younger say nothing good."""
    wait_ms: int = 26 * 3_600_000
    """How long after the step's last send it may stay unsure. Silence is judged after 25 h (`silence_ripens_ms`)."""
    at_limit: AtLimit = AtLimit.HALT
    least_sends: int = 100
    """No rate of fewer sends halts a campaign."""

    @property
    def needs_control(self) -> bool:
        """Whether it compares with the control variant, so that there has to be one."""
        return any(watched.baseline is Baseline.CONTROL for watched in self.metrics)

    @classmethod
    def from_json(cls, given: Any) -> Gate:
        """The gate of what an app has written: `true` for the default one, or an object.

        Raises ValueError; its message begins with the key and does not repeat the value.
        """
        if given is True:
            return DEFAULT
        if not isinstance(given, Mapping):
            raise ValueError("has to be true or an object")
        _known(given, _KEYS, "the gate")
        error = _number(given, "error", DEFAULT.error, 1e-6, 0.5)
        miss = _number(given, "miss", DEFAULT.miss, 1e-6, 0.5)
        soak_ms, wait_ms = (_span(given, key, usual) for key, usual in _SPANS.items())
        if wait_ms < soak_ms:
            raise ValueError("wait: has to be at least as long as soak")
        at_limit = given.get("at_limit", DEFAULT.at_limit)
        if at_limit not in tuple(AtLimit):
            raise ValueError('at_limit: has to be "halt" or "continue"')
        least = given.get("least_sends", DEFAULT.least_sends)
        if not isinstance(least, int) or isinstance(least, bool) or not 1 <= least <= 1_000_000:
            raise ValueError("least_sends: has to be a whole number from 1 to 1000000")
        return cls(_metrics(given), error, miss, soak_ms, wait_ms, AtLimit(at_limit), least)

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads as the same gate."""
        return {
            "metrics": {
                watched.metric: {"baseline": watched.baseline, "worse_by": watched.worse_by} for watched in self.metrics
            },
            "error": self.error,
            "miss": self.miss,
            "soak": write_duration(self.soak_ms),
            "wait": write_duration(self.wait_ms),
            "at_limit": self.at_limit.value,
            "least_sends": self.least_sends,
        }


_WORSE_BY: Final = {"read": 1.5}
DEFAULT: Final = Gate(
    tuple(
        Watched(metric, worse_by=_WORSE_BY.get(metric, 2.0))
        for metric in ("failure", "block_proxy", "opt_out", "undelivered", "read")
    )
)
"""The gate of a step that says `"gate": true`: all that the gateway sees of every audience. Not all of them answer."""
_SPANS: Final = {"soak": DEFAULT.soak_ms, "wait": DEFAULT.wait_ms}
_LONGEST_MS: Final = 30 * 86_400_000


def _metrics(given: Mapping[str, Any]) -> tuple[Watched, ...]:
    if "metrics" not in given:
        return DEFAULT.metrics
    metrics = given["metrics"]
    if not isinstance(metrics, Mapping) or not 1 <= len(metrics) <= _MOST_METRICS:
        raise ValueError(f"metrics: has to be an object of 1 to {_MOST_METRICS} rates by their names")
    return tuple(_watched(metric, written) for metric, written in metrics.items())


def _watched(metric: str, written: Any) -> Watched:
    if metric not in SEEN_RATES + REPORTED_RATES and not JOURNEY.fullmatch(metric):
        known = ", ".join(SEEN_RATES + REPORTED_RATES)
        raise ValueError(f"metrics: has a rate that is unknown; known are {known} and journey:<name>")
    at = f"metrics.{metric}"
    if written is True:
        written = {}
    if not isinstance(written, Mapping):
        raise ValueError(f"{at}: has to be true or an object")
    _known(written, _METRIC_KEYS, f"{at}:")
    worse_by = _number(written, "worse_by", _WORSE_BY.get(metric, 2.0), 1.05, 20, f"{at}.")
    seen = metric in SEEN_RATES
    baseline = written.get("baseline", Baseline.TEMPLATE if seen else Baseline.CONTROL)
    if baseline == Baseline.TEMPLATE and not seen:
        raise ValueError(f'{at}.baseline: of what an app reports has to be "control" or a share')
    if baseline in tuple(Baseline):
        return Watched(metric, Baseline(baseline), worse_by)
    return Watched(metric, _number(written, "baseline", 0, 1e-4, 0.9999, f"{at}."), worse_by)


def _known(given: Mapping[str, Any], keys: frozenset[str], whose: str) -> None:
    for key in given:
        if key not in keys:
            raise ValueError(f"{whose} has a key that is unknown; known are {', '.join(sorted(keys))}")


def _number(given: Mapping[str, Any], key: str, usual: float, least: float, most: float, at: str = "") -> float:
    value = given.get(key, usual)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ValueError(f"{at}{key}: has to be a number from {least:g} to {most:g}")
    return float(value)


def _span(given: Mapping[str, Any], key: str, usual: int) -> int:
    if key not in given:
        return usual
    try:
        span_ms = read_duration(given[key])
    except ValueError as fault:
        raise ValueError(f"{key}: {fault}") from None
    if span_ms > _LONGEST_MS:
        raise ValueError(f"{key}: has to be 30 days at most")
    return span_ms
