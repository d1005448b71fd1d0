"""What is counted until somebody looks is told then, once."""

from __future__ import annotations

import re

from tidegate.cloudapi.vocabulary import Category
from tidegate.metrics import Metrics
from tidegate.policy.verdict import Reason


def told(metrics: Metrics, name: str) -> dict[str, float]:
    """What the counter of this name stands at, by its labels."""
    series = re.findall(rf"^{name}_total\{{(.*)\}} (\S+)$", metrics.exposition().decode(), re.MULTILINE)
    return {labels.replace('"', ""): float(count) for labels, count in series}


def test_each_post_is_counted_once_by_how_it_ended() -> None:
    metrics, name = Metrics(), "tidegate_upstream_outcomes"
    assert told(metrics, name) == {"outcome=answered": 0, "outcome=unknown": 0, "outcome=not_sent": 0}
    for unanswered in ("", "unknown", "", "not_sent", ""):
        metrics.posted(0.2)
        if unanswered:
            metrics.unanswered(unanswered)
    assert told(metrics, name) == {"outcome=answered": 3, "outcome=unknown": 1, "outcome=not_sent": 1}
    metrics.posted(0.2)
    assert told(metrics, name) == told(metrics, name)
    assert told(metrics, name) == {"outcome=answered": 4, "outcome=unknown": 1, "outcome=not_sent": 1}


def test_each_send_is_counted_once_by_its_answer() -> None:
    metrics, name = Metrics(), "tidegate_sends"
    for _ in range(2):
        metrics.sends["send", None, None] += 1
        metrics.sends["reject", Reason.OPTED_OUT, Category.MARKETING] += 2
        told(metrics, name)
    assert told(metrics, name) == {
        "category=service,reason=,verdict=send": 2,
        "category=marketing,reason=opted_out,verdict=reject": 4,
    }
