"""Budgets by the calendar, what was taken of them, and wallets."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.policy.budget import Budget, Included, Period, Spending, Wallet, fits, left_micros
from tidegate.policy.charge import Charge, ChargeEvent

DAY_MS = 86_400_000
HOUR_MS = 3_600_000


def at(written: str, zone: str = "UTC") -> int:
    return round(datetime.fromisoformat(written).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


@pytest.mark.parametrize(
    ("period", "zone", "now", "start", "end"),
    [
        pytest.param("day", "UTC", "2026-11-21T00:00", "2026-11-21", "2026-11-22", id="a day begins at midnight"),
        pytest.param(
            "day", "UTC", "2026-11-21T23:59:59.999", "2026-11-21", "2026-11-22", id="and ends before the next"
        ),
        pytest.param(
            "day", "Asia/Kolkata", "2026-11-21T00:30", "2026-11-21", "2026-11-22", id="by the zone's calendar"
        ),
        pytest.param("week", "UTC", "2026-11-22T23:59", "2026-11-16", "2026-11-23", id="Sunday ends a week"),
        pytest.param("week", "UTC", "2026-11-23T00:00", "2026-11-23", "2026-11-30", id="Monday begins one"),
        pytest.param("week", "Europe/Rome", "2026-12-31T12:00", "2026-12-28", "2027-01-04", id="over new year"),
        pytest.param("month", "UTC", "2026-11-30T23:59:59.999", "2026-11-01", "2026-12-01", id="a month of 30 days"),
        pytest.param("month", "UTC", "2026-12-31T10:00", "2026-12-01", "2027-01-01", id="December"),
        pytest.param("month", "UTC", "2027-02-28T10:00", "2027-02-01", "2027-03-01", id="February"),
        pytest.param("month", "UTC", "2028-02-29T10:00", "2028-02-01", "2028-03-01", id="February of a leap year"),
        pytest.param("month", "Europe/Rome", "2026-03-31T23:00", "2026-03-01", "2026-04-01", id="clocks change in it"),
    ],
)
def test_a_period_of_the_calendar(period: str, zone: str, now: str, start: str, end: str) -> None:
    budget = Budget(Period(period), 0, zone)

    assert budget.period_ms(at(now, zone)) == (at(start, zone), at(end, zone))


@pytest.mark.parametrize(
    ("zone", "now", "hours"),
    [
        pytest.param("Europe/Rome", "2026-03-29T12:00", 23, id="the day on which the clock jumps"),
        pytest.param("Europe/Rome", "2026-10-25T12:00", 25, id="the day on which it is set back"),
        pytest.param("Africa/Cairo", "2026-04-24T12:00", 23, id="a clock that jumps over midnight"),
        pytest.param(
            "Africa/Cairo", "2026-10-29T12:00", 25, id="a clock that is set back at midnight, to the day before"
        ),
        pytest.param("America/Havana", "2026-11-01T12:00", 25, id="a clock that shows midnight twice"),
    ],
)
def test_a_day_on_which_the_clock_changes(zone: str, now: str, hours: int) -> None:
    budget = Budget(Period.DAY, 0, zone)
    start, end = budget.period_ms(at(now, zone))

    assert end - start == hours * HOUR_MS
    for edge in (start, end):
        assert budget.period_ms(edge)[0] == edge
        assert budget.period_ms(edge - 1)[1] == edge


@settings(deadline=None)
@given(
    st.sampled_from(Period),
    st.sampled_from(["UTC", "Africa/Cairo", "America/Havana", "Asia/Beirut", "Pacific/Apia", "America/Asuncion"]),
    st.integers(1_767_225_600_000, 1_830_297_600_000),
)
def test_periods_follow_one_another_without_a_gap(period: Period, zone: str, now_ms: int) -> None:
    budget = Budget(period, 0, zone)
    start, end = budget.period_ms(now_ms)

    assert start <= now_ms < end
    assert budget.period_ms(start) == budget.period_ms(end - 1) == (start, end)
    assert budget.period_ms(end)[0] == end
    assert budget.period_ms(start - 1)[1] == start


@pytest.mark.parametrize(("amount", "zone"), [(-1, "UTC"), (1, "Europe/Atlantis"), (1, "")])
def test_a_budget_that_makes_no_sense(amount: int, zone: str) -> None:
    with pytest.raises(ValueError, match=r"budget is 0 or more|no such time zone"):
        Budget(Period.DAY, amount, zone)


@pytest.mark.parametrize(
    ("taken", "price", "goes"),
    [
        pytest.param(Spending(), 100, True, id="all of it at once"),
        pytest.param(Spending(), 101, False, id="more than there is"),
        pytest.param(Spending(30, 50), 20, True, id="the last of it"),
        pytest.param(Spending(30, 50), 21, False, id="reserved and spent both count"),
        pytest.param(Spending(0, 100), 0, True, id="what is free always goes"),
        pytest.param(Spending(0, 150), 0, True, id="even when more was billed than there was"),
        pytest.param(Spending(0, 150), 1, False, id="but nothing else"),
    ],
)
def test_what_fits_a_budget(taken: Spending, price: int, goes: bool) -> None:
    assert fits(price, 100, taken) is goes
    assert left_micros(100, taken) == max(0, 100 - taken.taken_micros)


EVENTS = st.tuples(st.sampled_from(ChargeEvent), st.none() | st.integers(0, 50))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.lists(EVENTS, max_size=5)), max_size=8))
def test_spending_is_the_sum_of_its_charges(messages: list[tuple[int, list[tuple[ChargeEvent, int | None]]]]) -> None:
    spending = Spending()
    charges = []
    for estimate, events in messages:
        charge = Charge(estimate)
        spending = spending.moved(None, charge)
        for event, price in events:
            before, charge = charge, charge.after(event, price)
            spending = spending.moved(before, charge)
        charges.append(charge)

    assert spending == Spending(sum(c.reserved for c in charges), sum(c.spent for c in charges))


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 50), st.sampled_from([ChargeEvent.DELIVERED, ChargeEvent.FAILED])), max_size=40)
)
def test_a_budget_is_never_passed_when_the_estimates_hold(wanted: list[tuple[int, ChargeEvent]]) -> None:
    spending = Spending()
    for estimate, event in wanted:
        if fits(estimate, 200, spending):
            charge = Charge(estimate)
            spending = spending.moved(None, charge)
            assert spending.taken_micros <= 200
            spending = spending.moved(charge, charge.after(event, estimate))
            assert spending.taken_micros <= 200


def test_a_wallet() -> None:
    wallet = Wallet().top_up(1_000).top_up(500)
    assert (wallet.balance_micros, wallet.available_micros) == (1_500, 1_500)

    used = Wallet(1_500, Spending(reserved_micros=200, spent_micros=400))
    assert (used.balance_micros, used.available_micros) == (1_100, 900)

    overdrawn = Wallet(1_500, Spending(reserved_micros=0, spent_micros=1_600))
    assert (overdrawn.balance_micros, overdrawn.available_micros) == (-100, 0)
    assert overdrawn.top_up(300).available_micros == 200


@pytest.mark.parametrize("micros", [0, -5])
def test_a_top_up_adds_something(micros: int) -> None:
    with pytest.raises(ValueError, match="more than 0"):
        Wallet().top_up(micros)


@pytest.mark.parametrize(("used", "left"), [(0, 1_000), (999, 1), (1_000, 0), (1_001, 0)])
def test_included_messages(used: int, left: int) -> None:
    assert Included(1_000, used).left == left
