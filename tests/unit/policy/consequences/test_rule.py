"""One rule as an operator writes it: what is taken, and what is refused with a reason."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tidegate.policy.consequences.rule import ConsequenceRule, End

HOLD: dict[str, Any] = {
    "id": "mine",
    "on": ["error.131048"],
    "scope": "number",
    "action": "hold",
    "for": "1h",
    "reason": "number_standing",
}


def rule(**changes: Any) -> ConsequenceRule:
    written = {key: value for key, value in (HOLD | changes).items() if value is not None}
    return ConsequenceRule.model_validate(written)


def test_the_least_that_a_rule_says() -> None:
    read = rule()

    assert (read.mode, read.covers.value, read.for_ms, read.probes) == ("enforce", "business_initiated", 3_600_000, 1)
    assert ConsequenceRule.model_validate(read.written()) == read


@pytest.mark.parametrize(("lasts", "for_ms"), [("90s", 90_000), (90, 90_000), ("expiration", None), ("proof", None)])
def test_how_long_it_holds(lasts: Any, for_ms: int | None) -> None:
    read = rule(action="stop", **{"for": lasts})

    assert read.for_ms == for_ms
    assert isinstance(read.lasts, End) is (for_ms is None)
    assert ConsequenceRule.model_validate(read.written()) == read


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"on": ["error.13148"]}, r"no such signal \(nearest: error.131048\)"),
        ({"on": ["error.131048", "nonsense"]}, "no such signal"),
        ({"on": []}, "at least 1"),
        ({"proof": ["number.status.CONECTED"]}, "nearest: number.status.CONNECTED"),
        ({"id": "My rule"}, "pattern"),
        ({"scope": "galaxy"}, "scope"),
        ({"trickel": "1/1m"}, "Extra inputs"),
        ({"mode": "on"}, "'enforce', 'shadow' or 'off'"),
        ({"for": "soon"}, 'or "expiration" or "proof"'),
        ({"for": None}, "hold lasts: it needs for"),
        ({"for": "proof"}, "a hold ends by itself"),
        ({"reason": None}, "hold needs the reason"),
        ({"action": "alert"}, "alert is done once"),
        ({"action": "throttle"}, "a throttle needs its share"),
        ({"share": 0.5}, "nothing else has one"),
        ({"action": "throttle", "share": 0.5, "recover": "1m"}, "in place of for"),
        ({"action": "throttle", "share": 1}, "less than 1"),
        ({"action": "throttle", "share": 0.5, "scope": "recipient"}, "of many users"),
        ({"for": None, "recover": "1m"}, "recover is a throttle's"),
        ({"action": "throttle", "share": 0.5, "trickle": "1/1m"}, "only what stops sends"),
        ({"probes": 3}, "sends of a trickle"),
        ({"trickle": "1/1m", "factor": 2}, "factor and longest go together"),
        ({"trickle": "1/1m", "longest": "2h"}, "factor and longest go together"),
        ({"trickle": "1/1m", "factor": 2, "longest": "1m"}, "longest is shorter than for"),
        ({"otherwise": "1h"}, "otherwise is for an expiration"),
        ({"action": "opt_out", "for": None}, "a recipient's"),
        ({"action": "close_window", "for": None}, "a service window is a pair's"),
        ({"action": "suppress"}, "only users are suppressed"),
        ({"action": "reclassify"}, "covers has to be utility"),
        ({"after": "3 in a row"}, "needs the proof that begins it anew"),
        ({"probes": True, "trickle": "1/1m"}, "integer"),
        ({"probes": 0, "trickle": "1/1m"}, "greater than or equal to 1"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        rule(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"trickle": "1/1m", "probes": 5, "factor": 2, "longest": "24h"},
        {"action": "throttle", "share": 0.5, "for": None, "recover": "1m", "reason": None},
        {"action": "throttle", "share": 0.5, "reason": None},
        {"action": "stop", "for": "expiration", "otherwise": "7d"},
        {"action": "suppress", "scope": "recipient", "after": "3 in a row", "proof": ["message.delivered"]},
        {"after": "5/10m"},
        {"action": "opt_out", "scope": "recipient", "covers": "marketing", "for": None, "reason": None},
        {"action": "reclassify", "scope": "waba", "covers": "utility", "for": "expiration"},
    ],
)
def test_what_makes_sense_is_taken_and_written_back(changes: dict[str, Any]) -> None:
    read = rule(**changes)

    assert ConsequenceRule.model_validate(read.written()) == read
