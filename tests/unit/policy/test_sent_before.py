"""The worst of what was sent comes first, and only what was sent in the span counts."""

from __future__ import annotations

import pytest

from tidegate.policy.early_warning import Plan
from tidegate.policy.sent_before import DAY_MS, Hours, hours_before, ranked
from tidegate.policy.warning_counts import Day
from tidegate.policy.warning_metric import HOUR_MS, Counter, Metric

TODAY = 20_000
FALL_MS = TODAY * DAY_MS + 12 * HOUR_MS + 1_000
LATER_MS = FALL_MS + 2 * DAY_MS
PLAN = Plan()

USUAL: Day = {
    "10.sent": 1_000,
    "10.delivered": 900,
    "10.read": 500,
    "10.failed": 20,
    "10.withheld": 30,
    "10.opted_out": 5,
}


def five(**bad: int) -> dict[str, list[dict[int, Day]]]:
    """Five names that sent the same, of which the third did these otherwise."""
    other = {f"10.{counter}": count for counter, count in bad.items()}
    return {f"t{i}": [{TODAY: {**USUAL, **(other if i == 3 else {})}}] for i in range(1, 6)}


@pytest.mark.parametrize(
    ("bad", "metric"),
    [
        pytest.param({"failed": 120}, Metric.FAILURE, id="failures"),
        pytest.param({"withheld": 200}, Metric.BLOCK_PROXY, id="withheld messages"),
        pytest.param({"opted_out": 40}, Metric.OPT_OUT, id="opt-outs"),
        pytest.param({"read": 20}, Metric.UNREAD, id="messages that nobody reads"),
        pytest.param({"delivered": 400, "read": 222}, Metric.UNDELIVERED, id="messages that nobody gets"),
    ],
)
def test_one_bad_one_of_five_is_named_first(bad, metric) -> None:
    found = ranked(five(**bad), hours_before(FALL_MS, DAY_MS), LATER_MS, PLAN)

    assert (found[0].name, found[0].worst) == ("t3", metric)
    assert found[0].log_evidence > 10
    assert [sent.log_evidence for sent in found[1:]] == [0.0] * 4
    assert found[0].rate > found[0].usual


def test_five_good_ones_are_all_without_evidence_and_the_busiest_comes_first() -> None:
    found = ranked(five(sent=1_100), hours_before(FALL_MS, DAY_MS), FALL_MS, PLAN)

    assert [sent.name for sent in found] == ["t3", "t1", "t2", "t4", "t5"]
    assert {(sent.worst, sent.log_evidence) for sent in found} == {(None, 0.0)}


def test_silence_speaks_against_nobody_before_its_time() -> None:
    hours = hours_before(FALL_MS, DAY_MS)

    assert ranked(five(read=20), hours, FALL_MS, PLAN)[0].worst is None
    assert ranked(five(read=20), hours, LATER_MS, PLAN)[0].worst is Metric.UNREAD


def test_only_the_hours_of_the_span_count_and_those_of_all_numbers() -> None:
    days: dict[int, Day] = {
        TODAY - 1: {"11.sent": 1, "12.sent": 10},
        TODAY: {"00.sent": 100, "12.sent": 1_000, "13.sent": 10_000, "tripped": 1, "00.hugs": 7},
    }

    [sent] = ranked(
        {"a": [days, {TODAY: {"01.sent": 100_000}}], "b": [{}]}, hours_before(FALL_MS, DAY_MS), FALL_MS, PLAN
    )

    assert (sent.name, sent.sums[Counter.SENT]) == ("a", 101_110)


def test_a_span_ends_with_the_hour_of_the_fall() -> None:
    assert hours_before(FALL_MS, DAY_MS) == Hours(TODAY * 24 - 12, TODAY * 24 + 12)
    assert hours_before(FALL_MS, DAY_MS).days == range(TODAY - 1, TODAY + 1)
