"""A gate as an app writes it: read, written back, and refused with the key that is at fault."""

from __future__ import annotations

from typing import Any

import pytest

from tidegate.policy.campaign.gate import DEFAULT, AtLimit, Baseline, Gate, Watched


def test_a_gate_that_is_just_asked_for_is_the_default_one() -> None:
    assert Gate.from_json(True) == DEFAULT == Gate.from_json({})
    assert not DEFAULT.needs_control


def test_what_is_written_is_what_is_judged() -> None:
    gate = Gate.from_json(
        {
            "metrics": {
                "opt_out": {"baseline": 0.005, "worse_by": 3},
                "read": True,
                "reply": {"baseline": "control"},
                "journey:paid": {},
                "csat": {"baseline": 0.8, "worse_by": 1.2},
            },
            "error": 0.02,
            "miss": 0.1,
            "soak": "30m",
            "wait": "3d",
            "at_limit": "continue",
            "least_sends": 50,
        }
    )

    assert gate.metrics == (
        Watched("opt_out", 0.005, 3.0),
        Watched("read", Baseline.TEMPLATE, 1.5),
        Watched("reply", Baseline.CONTROL, 2.0),
        Watched("journey:paid", Baseline.CONTROL, 2.0),
        Watched("csat", 0.8, 1.2),
    )
    assert (gate.error, gate.miss, gate.soak_ms, gate.wait_ms) == (0.02, 0.1, 1_800_000, 259_200_000)
    assert (gate.at_limit, gate.least_sends) == (AtLimit.CONTINUE, 50)
    assert gate.needs_control
    assert [watched.is_reported for watched in gate.metrics] == [False, False, False, True, True]


@pytest.mark.parametrize("gate", [DEFAULT, Gate((Watched("journey:a", Baseline.CONTROL, 1.3),), soak_ms=1)])
def test_a_gate_reads_back_as_it_was_written(gate: Gate) -> None:
    assert Gate.from_json(gate.to_json()) == gate


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        pytest.param(False, "has to be true or an object", id="a gate is no false"),
        pytest.param([], "has to be true or an object", id="nor a list"),
        pytest.param({"soack": "1h"}, "the gate has a key that is unknown", id="a key that is misspelt"),
        pytest.param({"metrics": {}}, "metrics: has to be an object of 1 to 16", id="nothing to judge"),
        pytest.param({"metrics": ["read"]}, "metrics: has to be an object", id="a list of rates"),
        pytest.param({"metrics": {"reads": {}}}, "metrics: has a rate that is unknown", id="a rate nobody knows"),
        pytest.param(
            {"metrics": {"journey:": {}}}, "metrics: has a rate that is unknown", id="a nameless journey step"
        ),
        pytest.param({"metrics": {"read": 2}}, "metrics.read: has to be true or an object", id="a rate is an object"),
        pytest.param({"metrics": {"read": {"by": 2}}}, "metrics.read: has a key", id="a key of a rate"),
        pytest.param({"metrics": {"read": {"worse_by": 1}}}, "metrics.read.worse_by: has to be", id="no worse"),
        pytest.param({"metrics": {"read": {"worse_by": True}}}, "metrics.read.worse_by: has to be", id="a boolean"),
        pytest.param({"metrics": {"read": {"baseline": 0}}}, "metrics.read.baseline: has to be", id="a share of 0"),
        pytest.param({"metrics": {"read": {"baseline": "x"}}}, "metrics.read.baseline: has to be", id="a word"),
        pytest.param(
            {"metrics": {"csat": {"baseline": "template"}}}, "metrics.csat.baseline: of what", id="no history"
        ),
        pytest.param({"error": 0}, "error: has to be a number", id="no error is not to be had"),
        pytest.param({"miss": float("nan")}, "miss: has to be a number", id="not a number"),
        pytest.param({"soak": "soon"}, "soak: must be a duration", id="not a span"),
        pytest.param({"wait": "31d"}, "wait: has to be 30 days at most", id="a wait of a month"),
        pytest.param({"soak": "2h", "wait": "1h"}, "wait: has to be at least as long as soak", id="shorter than soak"),
        pytest.param({"at_limit": []}, "at_limit: has to be", id="a limit that is no word"),
        pytest.param({"least_sends": 0}, "least_sends: has to be a whole", id="no sends"),
        pytest.param({"least_sends": True}, "least_sends: has to be a whole", id="a boolean of sends"),
        pytest.param({"least_sends": 1.5}, "least_sends: has to be a whole", id="half a send"),
    ],
)
def test_what_makes_no_gate_is_refused_by_its_key(given: Any, fault: str) -> None:
    with pytest.raises(ValueError, match="^" + fault.replace("(", "\\(")):
        Gate.from_json(given)
