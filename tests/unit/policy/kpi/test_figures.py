"""Figures: what is a share of what."""

from __future__ import annotations

from tidegate.policy.kpi import Figures, Mean

FIELDS = {
    "sent": 200,
    "delivered": 160,
    "read": 120,
    "failed": 4,
    "withheld": 5,
    "dropped": 1,
    "opted_out": 2,
    "replied": 40,
}


def test_rates_are_shares_of_what_they_say() -> None:
    told = Figures(FIELDS)

    assert told.failed == 10
    assert (told.delivery_rate, told.failure_rate, told.opt_out_rate) == (0.8, 0.05, 0.01)
    assert (told.read_rate, told.reply_rate) == (0.75, 0.25)


def test_of_nothing_there_is_no_rate() -> None:
    none = Figures({})

    assert (none.failed, none.count("sent")) == (0, 0)
    assert {none.delivery_rate, none.read_rate, none.failure_rate, none.opt_out_rate, none.reply_rate} == {None}


def test_what_is_read_while_it_is_corrected_is_no_less_than_none_and_no_more_than_all() -> None:
    told = Figures({"failed": -1, "sent": 1, "delivered": 2})

    assert (told.failed, told.delivery_rate) == (0, 1.0)


def test_reports_have_a_mean_of_those_that_came() -> None:
    told = Figures({"csat": 2_250, "csat.n": 3, "journey:paid": 1_000, "journey:paid.n": 2, "journey:paid.m": 1})

    assert told.reported("csat") == Mean(3, 0.75)
    assert told.reported("conversion") == Mean(0, None)
    assert told.journey == {"paid": Mean(2, 0.5)}


def test_the_day_has_24_hours() -> None:
    hours = Figures({"asked.13": 5, "answered.13": 4, "answered_ms.13": 9_000}).hours

    assert [hour.hour for hour in hours] == list(range(24))
    assert (hours[13].asked, hours[13].answered, hours[13].took_ms) == (5, 4, 9_000)
    assert hours[12].asked == 0


def test_times_are_those_of_one_kind() -> None:
    assert Figures({"deliver.3": 2, "deliver.ms": 3_000}).times("deliver").mean_ms == 1_500
