"""A change in words, and whether it is good news."""

from typing import Any

import pytest

from tidegate.cloudapi.vocabulary import UNLIMITED
from tidegate.edge.dashboard.worded import worded

PAUSED = {"scope": "number", "value": "106", "reason": "a flood", "by": "ops"}


@pytest.mark.parametrize(
    ("kind", "key", "field", "before", "after", "told"),
    [
        pytest.param(
            "number",
            "106",
            "quality",
            "GREEN",
            "YELLOW",
            ("Number 106: quality", "Good (GREEN)", "Fair (YELLOW)", "bad"),
            id="a quality that fell",
        ),
        pytest.param(
            "template",
            "102:en_US:offer",
            "status",
            "PAUSED",
            "APPROVED",
            ("Template offer (en_US, account 102): status", "PAUSED", "APPROVED", "good"),
            id="a template that is let go on",
        ),
        pytest.param(
            "template",
            "102:en_US:offer",
            "quality",
            None,
            "RED",
            ("Template offer (en_US, account 102): quality", "nothing known", "Poor (RED)", "bad"),
            id="a first rating that is bad",
        ),
        pytest.param(
            "limit",
            "",
            "limit",
            2000,
            UNLIMITED,
            ("Messaging limit", "2,000", "unlimited", "good"),
            id="a limit raised",
        ),
        pytest.param(
            "breaker",
            "number_red/number/106",
            "state",
            "closed",
            "open",
            ("Breaker number_red on number 106", "closed", "open", "bad"),
            id="a breaker that opened",
        ),
        pytest.param(
            "pause",
            "pause-1",
            "pause",
            None,
            PAUSED,
            ("Pause of number 106", "none", "paused by ops: a flood", "bad"),
            id="a pause that began",
        ),
        pytest.param(
            "pause",
            "pause-1",
            "pause",
            PAUSED,
            None,
            ("Pause of number 106", "paused by ops: a flood", "none", "good"),
            id="a pause that ended",
        ),
        pytest.param(
            "rules",
            "",
            "rules",
            None,
            {"rules": {"headroom": 0.1}},
            ("Rules", "nothing known", "1 setting other than the defaults", "calm"),
            id="rules that were replaced",
        ),
        pytest.param(
            "warming",
            "number:106",
            "steps",
            None,
            "x" * 500,
            ("Warming number:106: steps", "nothing known", "x" * 120 + "…", "calm"),
            id="what has no words of its own, and is long",
        ),
    ],
)
def test_a_change_says(kind: str, key: str, field: str, before: Any, after: Any, told: tuple[str, ...]) -> None:
    said = worded({"kind": kind, "key": key, "field": field, "from": before, "to": after, "cause": "a poll"})
    assert (said["what"], said["before"], said["after"], said["tone"]) == told
    assert (said["cause"], said["why"]) == ("a poll", "a poll")


def test_a_cause_that_is_a_signal_by_name_is_told_in_words_beside_it() -> None:
    change = {"kind": "template", "key": "1:en_US:offer", "field": "status", "from": "APPROVED", "to": "PAUSED"}
    said = worded({**change, "cause": "template.status.PAUSED"})
    assert (said["cause"], said["why"]) == ("template.status.PAUSED", "Meta paused the template")
