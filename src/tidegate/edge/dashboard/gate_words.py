"""What a gate found against a campaign, in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from tidegate.policy.campaign.judgement import Outcome

WHY_HALTED: Final = {
    "rates": "a rate is worse than its baseline",
    "quality": "Meta, or a breaker, spoke against it",
    "limit": "the gate was still unsure when its longest wait was over",
    "too_few": "too few sends to say anything",
    "uncounted": "more was sent than is counted",
    "sending": "the step is still being sent",
    "soaking": "the step has not soaked long enough",
}
"""A gate's reason in words."""
_TEMPLATE_KEY: Final = re.compile(r"template [0-9]+:([A-Za-z_]+):([a-z0-9_]+)")
_BREAKER_LINE: Final = re.compile(r"breaker (\S+) on (.+)")


def gate_found(evidence: Mapping[str, Any]) -> str:
    """What a gate found against a campaign, in words."""
    found = [
        f"{_metric(rate)} {_percent(rate['events'] / rate['sends'])} against {_percent(rate['usual'])} usual"
        + (f" (variant {rate['variant']})" if rate.get("variant") else "")
        for rate in evidence.get("rates") or ()
        if rate["says"] == Outcome.FAIL and rate["sends"]
    ]
    lines = [*map(setback, evidence.get("quality") or ()), *found]
    if lines:
        return "; ".join(lines)
    return WHY_HALTED.get(evidence.get("reason", ""), "the results of a step are not what its gate asks for")


def setback(line: str) -> str:
    """What Meta or a breaker said, without ids that nobody reads."""
    named = _TEMPLATE_KEY.sub(r"template \2 (\1)", line)
    return _BREAKER_LINE.sub(r"rule \1 stopped \2", named)


def _metric(rate: Mapping[str, Any]) -> str:
    return str(rate["metric"]).replace("_", " ")


def _percent(share: float) -> str:
    return f"{share:.1%}".replace("%", " %")
