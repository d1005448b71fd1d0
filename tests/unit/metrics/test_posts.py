"""How POSTs to Meta ended: what was answered is all that was posted, less what was not."""

from __future__ import annotations

import re

from tidegate.metrics import Metrics


def outcomes(metrics: Metrics) -> dict[str, float]:
    told = re.findall(r'tidegate_upstream_outcomes_total\{outcome="(\w+)"\} (\S+)', metrics.exposition().decode())
    return {outcome: float(count) for outcome, count in told}


def test_each_post_is_counted_once_by_how_it_ended() -> None:
    metrics = Metrics()
    assert outcomes(metrics) == {"answered": 0, "unknown": 0, "not_sent": 0}
    for unanswered in ("", "unknown", "", "not_sent", ""):
        metrics.posted(0.2)
        if unanswered:
            metrics.unanswered(unanswered)
    assert outcomes(metrics) == {"answered": 3, "unknown": 1, "not_sent": 1}
    metrics.posted(0.2)
    assert outcomes(metrics) == outcomes(metrics) == {"answered": 4, "unknown": 1, "not_sent": 1}
