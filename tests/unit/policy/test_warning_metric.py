"""What counts as what."""

from __future__ import annotations

import pytest

from tidegate.cloudapi.error_codes import CODES
from tidegate.policy.warning_metric import (
    COUNTS_WITHIN_MS,
    HOUR_MS,
    RECIPES,
    Counter,
    Metric,
    Tally,
    counters_of_error,
    counts,
)


@pytest.mark.parametrize(
    ("code", "counters"),
    [
        pytest.param(131026, (Counter.WITHHELD,), id="undeliverable: the user never saw it"),
        pytest.param(131049, (Counter.WITHHELD,), id="Meta chose not to deliver"),
        pytest.param(130472, (Counter.WITHHELD,), id="the user is in an experiment of Meta's"),
        pytest.param(131050, (Counter.OPTED_OUT, Counter.DROPPED), id="the user has stopped marketing"),
        pytest.param(131053, (Counter.FAILED,), id="its media can't be used"),
        pytest.param(131000, (Counter.FAILED,), id="something went wrong with it"),
        pytest.param(999_999, (Counter.FAILED,), id="a code that nobody knows"),
        pytest.param(132015, (Counter.DROPPED,), id="the template is paused: Meta has spoken"),
        pytest.param(135000, (Counter.DROPPED,), id="portfolio pacing: Meta has spoken"),
        pytest.param(131048, (Counter.DROPPED,), id="the spam limit of the number has a rule of its own"),
        pytest.param(130429, (Counter.DROPPED,), id="pacing says nothing of a template"),
        pytest.param(131056, (Counter.DROPPED,), id="nor does the pair rate"),
        pytest.param(131042, (Counter.DROPPED,), id="nor does an unpaid bill"),
        pytest.param(131047, (Counter.DROPPED,), id="nor a closed window"),
    ],
)
def test_a_failed_status_counts_by_its_code(code: int, counters: tuple[Counter, ...]) -> None:
    assert counters_of_error(code) == counters


def test_every_known_code_is_heard_of_exactly_once() -> None:
    heard = set(RECIPES[Metric.UNDELIVERED].good)

    assert all(len(heard.intersection(counters_of_error(code))) == 1 for code in CODES)


@pytest.mark.parametrize(
    ("counter", "after_ms", "counted"),
    [
        pytest.param(Counter.READ, 24 * HOUR_MS, True, id="read within a day"),
        pytest.param(Counter.READ, 24 * HOUR_MS + 1, False, id="read a day and a millisecond later"),
        pytest.param(Counter.OPTED_OUT, 72 * HOUR_MS, True, id="stopped on the third day"),
        pytest.param(Counter.OPTED_OUT, 72 * HOUR_MS + 1, False, id="stopped on the fourth"),
        pytest.param(Counter.DELIVERED, -1_000, True, id="delivered before it was accepted, by skewed clocks"),
        pytest.param(Counter.SENT, 10**9, True, id="a send is a send"),
    ],
)
def test_late_events_are_not_counted(counter: Counter, after_ms: int, counted: bool) -> None:
    assert counts(counter, 10**12, 10**12 + after_ms) is counted


def test_every_counter_has_an_end() -> None:
    assert set(COUNTS_WITHIN_MS) == set(Counter)


def test_a_tally_knows_its_rate() -> None:
    assert Tally(3, 1).rate == 0.25
    assert Tally().rate == 0.0
    assert Tally(1, 2) + Tally(3, 4) == Tally(4, 6)
