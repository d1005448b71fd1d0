"""Approvals and quality, read from what changed."""

from __future__ import annotations

from typing import Any

import pytest

from tidegate.policy.kpi.templates import Decision, Drift, Turn, trend_of

HOUR_MS = 3_600_000
OFFER = "102290:en_US:seasonal_offer"


def status(at_h: int, before: str | None, after: str, source: str = "webhook", key: str = OFFER) -> Turn:
    return Turn(key, "status", at_h * HOUR_MS, source, before, after)


def quality(before: Any, after: Any) -> Turn:
    return Turn(OFFER, "quality", HOUR_MS, "graph", before, after)


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        pytest.param(
            [status(1, None, "PENDING", "graph"), status(4, "PENDING", "APPROVED")],
            [Decision(OFFER, 4 * HOUR_MS, True, 3 * HOUR_MS)],
            id="an approval takes as long as it was pending",
        ),
        pytest.param(
            [status(1, None, "PENDING"), status(2, "PENDING", "IN_APPEAL"), status(9, "IN_APPEAL", "REJECTED")],
            [Decision(OFFER, 9 * HOUR_MS, False, 8 * HOUR_MS)],
            id="an appeal is still the same wait",
        ),
        pytest.param(
            [status(4, None, "APPROVED")],
            [Decision(OFFER, 4 * HOUR_MS, True, None)],
            id="a webhook's approval of an unknown one is one of unknown length",
        ),
        pytest.param(
            [status(4, None, "APPROVED", "graph")], [], id="what is approved when it is first read is no news"
        ),
        pytest.param([status(4, "PAUSED", "APPROVED")], [], id="the end of a pause is no approval"),
        pytest.param(
            [status(1, None, "PENDING"), status(2, "PENDING", "DELETED"), status(3, "DELETED", "APPROVED")],
            [],
            id="what was deleted waits no more",
        ),
        pytest.param(
            [status(4, None, "PENDING"), status(3, "PENDING", "APPROVED")],
            [Decision(OFFER, 3 * HOUR_MS, True, 0)],
            id="clocks apart make no time less than none",
        ),
    ],
)
def test_a_decision(turns: list[Turn], expected: list[Decision]) -> None:
    assert trend_of(turns).decisions == tuple(expected)


def test_templates_wait_each_for_itself() -> None:
    other = "102290:de:winback"
    told = trend_of(
        [
            status(1, None, "PENDING"),
            status(2, None, "PENDING", key=other),
            status(3, "PENDING", "APPROVED", key=other),
            status(9, "PENDING", "REJECTED"),
        ]
    )

    assert [decision.lead_ms for decision in told.decisions] == [HOUR_MS, 8 * HOUR_MS]
    assert (told.approved, told.rejected) == (1, 1)
    assert (told.lead.count, told.lead.total_ms) == (1, HOUR_MS)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("GREEN", "YELLOW", [Drift(OFFER, HOUR_MS, False)]),
        ("RED", "YELLOW", [Drift(OFFER, HOUR_MS, True)]),
        ("UNKNOWN", "GREEN", []),
        (None, "RED", []),
    ],
)
def test_quality_goes_up_or_down_where_both_are_known(before: Any, after: Any, expected: list[Drift]) -> None:
    told = trend_of([quality(before, after)])

    assert told.drifts == tuple(expected)
    assert (told.better, told.worse) == (sum(one.better for one in expected), sum(not one.better for one in expected))


def test_another_field_is_neither() -> None:
    assert trend_of([Turn(OFFER, "category", 1, "graph", "PENDING", "APPROVED")]).decisions == ()
