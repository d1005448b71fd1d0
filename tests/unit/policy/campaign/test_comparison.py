"""Variants compared: shares, differences, and how sure they are."""

from __future__ import annotations

import pytest

from tidegate.policy.campaign.comparison import Interval, compared, difference_of, share_of
from tidegate.policy.campaign.safe_test import Cell

DAY = 20_000


@pytest.mark.parametrize(
    ("events", "sends", "low", "high"),
    [(20, 4_000, 0.00324, 0.00771), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662)],
)
def test_a_share_lies_within_wilsons_interval(events: int, sends: int, low: float, high: float) -> None:
    share = share_of(Cell(sends, events))

    assert share is not None
    assert (share.value, share.low, share.high) == (
        events / sends,
        pytest.approx(low, abs=1e-4),
        pytest.approx(high, abs=1e-4),
    )


def test_of_no_sends_there_is_no_share() -> None:
    assert share_of(Cell(0, 0)) is None


def test_a_difference_lies_within_newcombes_interval() -> None:
    # Newcombe 1998, table II (a): 56 of 70 against 48 of 80.
    one, other = share_of(Cell(70, 56)), share_of(Cell(80, 48))
    assert one is not None
    assert other is not None

    difference = difference_of(one, other)

    assert (round(difference.value, 4), round(difference.low, 4), round(difference.high, 4)) == (0.2, 0.0524, 0.3339)
    assert difference_of(Interval(1, 0, 1), Interval(0, 0, 1)).low >= -1


def test_variants_are_compared_with_the_control_in_every_rate_that_there_is() -> None:
    a = [{DAY: {"09.sent": 100, "09.delivered": 90, "09.read": 60, "09.journey:paid": 5_000}}, {}]
    b = [{DAY: {"09.sent": 50}}, {DAY + 1: {"01.sent": 50, "01.failed": 4}}]

    told = compared({"a": a, "b": b}, "a")

    assert list(told["a"]) == ["failure", "block_proxy", "opt_out", "undelivered", "read", "reply", "journey:paid"]
    assert told["a"]["failure"]["to_control"] is None
    assert (told["b"]["failure"]["of"], told["b"]["failure"]["events"]) == (100, 4)
    assert told["b"]["failure"]["to_control"]["value"] == 0.04
    assert told["b"]["read"] == {"of": 0, "events": 0.0, "share": None, "to_control": None}
    assert told["b"]["journey:paid"]["to_control"]["value"] == -0.05
    assert compared({"a": a, "b": b}, None)["b"]["failure"]["to_control"] is None
