"""What a gate found, without ids that nobody reads."""

from __future__ import annotations

from typing import Any

import pytest

from tidegate.edge.dashboard.gate_words import gate_found

WABA, NUMBER = "102290129340398", "106540352242922"
RATE = {"variant": "a", "metric": "block_proxy", "says": "fail", "usual": 0.026, "sends": 1000, "events": 91.0}


@pytest.mark.parametrize(
    ("evidence", "found"),
    [
        pytest.param(
            {
                "reason": "quality",
                "quality": [f"template {WABA}:en_US:winback: quality YELLOW", f"number {NUMBER}: quality RED"],
                "rates": [],
            },
            f"template winback (en_US): quality YELLOW; number {NUMBER}: quality RED",
            id="what Meta said",
        ),
        pytest.param(
            {"reason": "quality", "quality": [f"breaker template_paused on template {WABA}:en_US:winback"]},
            "rule template_paused stopped template winback (en_US)",
            id="what a breaker said",
        ),
        pytest.param(
            {"reason": "rates", "rates": [RATE, {**RATE, "metric": "read", "says": "pass"}]},
            "block proxy 9.1 % against 2.6 % usual (variant a)",
            id="the rates that fail",
        ),
        pytest.param(
            {"reason": "limit", "rates": [{**RATE, "says": "unsure"}]},
            "the gate was still unsure when its longest wait was over",
            id="its reason where no rate fails",
        ),
        pytest.param({}, "the results of a step are not what its gate asks for", id="that it found something"),
    ],
)
def test_of_a_halted_campaign_is_told(evidence: dict[str, Any], found: str):
    assert gate_found(evidence) == found
