"""What of a step's counts makes a rate, what is usual of it, and which sends may speak."""

from __future__ import annotations

import pytest

from tidegate.policy.campaign.gate import SEEN_RATES
from tidegate.policy.campaign.gate_metric import Usual, hours_of, rate_of, ripe_cells, total, usual_of
from tidegate.policy.campaign.safe_test import Cell
from tidegate.policy.early_warning import Plan
from tidegate.policy.warning_metric import HOUR_MS, Tally

DAY = 20_000
COUNTS = {
    "09.sent": 100,
    "09.delivered": 90,
    "09.read": 60,
    "09.failed": 4,
    "09.withheld": 3,
    "09.dropped": 1,
    "09.opted_out": 2,
    "09.replied": 7,
    "09.conversion": 12_500,
    "09.csat": 8_000,
    "09.csat.n": 10,
    "09.journey:paid": 5_000,
}
NINE = DAY * 24 + 9
AFTER_NINE_MS = (NINE + 1) * HOUR_MS


@pytest.mark.parametrize(
    ("metric", "cell"),
    [
        ("failure", Cell(100, 4)),
        ("block_proxy", Cell(100, 3)),
        ("opt_out", Cell(100, 2)),
        ("undelivered", Cell(100, 2)),
        ("read", Cell(90, 60)),
        ("reply", Cell(100, 7)),
        ("conversion", Cell(100, 12.5)),
        ("csat", Cell(10, 8)),
        ("journey:paid", Cell(100, 5)),
    ],
)
def test_a_rate_is_made_of_its_counts(metric: str, cell: Cell) -> None:
    assert hours_of(metric, {DAY: COUNTS}) == ((NINE, cell),)


def test_hours_in_which_nothing_was_sent_say_nothing() -> None:
    assert hours_of("read", {DAY: {"09.sent": 5}, DAY + 1: {}}) == ()
    assert hours_of("csat", {DAY: {"09.sent": 5}}) == ()


def test_what_an_app_reports_is_no_more_than_what_was_sent() -> None:
    assert hours_of("conversion", {DAY: {"09.sent": 2, "09.conversion": 9_000}}) == ((NINE, Cell(2, 2)),)


def test_hours_add_up() -> None:
    assert total([Cell(10, 1), Cell(5, 0.5)]) == Cell(15, 1.5)


HOURS = hours_of("opt_out", {DAY: COUNTS})
LATE_MS = AFTER_NINE_MS + 100 * HOUR_MS


def test_young_sends_say_nothing_good_before_the_soak() -> None:
    def ripe(after_h: float, until_ms: int = LATE_MS) -> list[Cell]:
        now_ms = int(AFTER_NINE_MS + after_h * HOUR_MS)
        return ripe_cells("opt_out", HOURS, until_ms, now_ms, HOUR_MS, at_once=False)

    assert ripe(0.99) == []
    assert [cell.come for cell in ripe(1)] == [0.35]
    assert [cell.come for cell in ripe(2)] == [pytest.approx(0.45)]
    assert [cell.come for cell in ripe(72)] == [1.0]
    # Of an hour that is still going on it is known when its last send was.
    assert [cell.come for cell in ripe(0.5, AFTER_NINE_MS - HOUR_MS // 2)] == [0.35]


def test_silence_says_something_bad_once_there_was_time_to_hear_something() -> None:
    hours = hours_of("read", {DAY: COUNTS})

    def ripe(after_h: float, *, at_once: bool = False) -> list[Cell]:
        now_ms = int(AFTER_NINE_MS + after_h * HOUR_MS)
        return ripe_cells("read", hours, LATE_MS, now_ms, HOUR_MS, at_once=at_once)

    assert ripe(24.9) == []
    assert ripe(25) == [Cell(90, 60)]
    # Beside a control of the same age the soak is enough.
    assert ripe(0.5, at_once=True) == []
    assert ripe(1, at_once=True) == [Cell(90, 60)]


def test_compared_with_sends_of_the_same_age_no_news_is_missing() -> None:
    assert ripe_cells("opt_out", HOURS, LATE_MS, AFTER_NINE_MS + HOUR_MS, HOUR_MS, at_once=True) == [Cell(100, 2)]


@pytest.mark.parametrize("metric", SEEN_RATES)
def test_a_history_says_what_is_usual(metric: str) -> None:
    own = Tally(19_000, 1_000)
    bad = usual_of(metric, own, Tally(), Plan())
    assert bad is not None
    assert bad.worst is None

    share = 1 - bad.rate if rate_of(metric).less_is_worse else bad.rate
    recipe = rate_of(metric).recipe
    assert recipe is not None
    assert recipe.floor - 1e-9 <= share <= recipe.ceiling


def test_without_a_history_the_worst_that_is_healthy_is_assumed() -> None:
    opt_out, read = (usual_of(metric, Tally(), Tally(), Plan()) for metric in ("opt_out", "read"))

    assert opt_out == Usual(pytest.approx(0.0065, abs=0.002), 0.05)
    assert read == Usual(pytest.approx(0.43, abs=0.1), pytest.approx(0.1))
    assert usual_of("conversion", Tally(5_000, 5_000), Tally(), Plan()) is None
