"""When early warning speaks: once for each turn for the worse, again when it goes on, and when it is over.

What was said of one metric of one scope is kept (`Said`). Evidence lasts for a week and a consequence for a day: what
was said is said again only on the ground of sends since, so that a warning does not keep itself alive. A level is
taken back when nothing is left of the evidence, not at every step down, so that it does not flutter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tidegate.policy.early_warning import Finding, Level, Plan, Watch, assess
from tidegate.policy.outcome_scope import Kind, OutcomeScope
from tidegate.policy.warning_metric import HOUR_MS, Metric


@dataclass(frozen=True, slots=True)
class Said:
    """What was last said of one metric of one scope."""

    level: Level
    at_ms: int
    mode: str
    """`enforce`, or `shadow`: then nothing followed from it."""


@dataclass(frozen=True, slots=True)
class Review:
    """What is found now; `speaks`: whether it has to be said."""

    finding: Finding
    speaks: bool


def review(watch: Watch, said: Said | None, plan: Plan, mode: str) -> Review:
    """Judge a watch, knowing what was said last. `mode` is the guardrail's now."""
    finding = assess(watch, plan)
    # What somebody has cleared since was not said, nor what was said while nothing followed from it, or something did.
    if said is None or said.mode != mode or said.at_ms <= watch.started_at_ms:
        return Review(finding, finding.level is not Level.CALM or said is not None)
    if finding.level is Level.CALM or finding.level.severity > said.level.severity:
        return Review(finding, True)
    if said.level.severity < Level.THROTTLE.severity:
        return Review(finding, False)
    since = tuple(entry for entry in watch.by_hour if entry[0] * HOUR_MS >= said.at_ms)
    again = assess(replace(watch, by_hour=since), plan)
    return Review(again, True) if again.level.severity >= said.level.severity else Review(finding, False)


def numbers_found(levels: Mapping[tuple[OutcomeScope, Metric], Level]) -> dict[tuple[str, Metric], Level]:
    """The numbers of which two categories are found bad by one metric, and the milder of their two levels.

    `levels`: of categories on numbers. Both had to show their evidence, so this is no test of its own.
    """
    by_number: dict[tuple[str, Metric], list[Level]] = {}
    for (scope, metric), level in levels.items():
        if scope.kind is Kind.CATEGORY and level.severity >= Level.THROTTLE.severity:
            by_number.setdefault((scope.of, metric), []).append(level)
    ranked = {key: sorted(found, key=lambda level: level.severity) for key, found in by_number.items()}
    return {key: found[-2] for key, found in ranked.items() if len(found) > 1}


def to_json(said: Said) -> dict[str, Any]:
    """As values that JSON has."""
    return {"level": said.level.value, "at_ms": said.at_ms, "mode": said.mode}


def from_json(record: Mapping[str, Any]) -> Said:
    """What `to_json` has written. Raises ValueError for what it has not."""
    try:
        return Said(Level(record["level"]), int(record["at_ms"]), str(record["mode"]))
    except (KeyError, TypeError) as error:
        raise ValueError("what early warning said lacks what it is about") from error
