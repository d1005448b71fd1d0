"""Figures by day, drawn."""

from typing import Any

import pytest

from tidegate.edge.dashboard.charts.trends import hours_chart, length, rates_chart, sent_chart, share, spans_chart


def figures(day: str, sent: int, rate: float | None, p50_s: float | None) -> dict[str, Any]:
    return {
        "day": day,
        "sent": sent,
        "delivered": sent,
        "read": 0,
        "failed": 0,
        "opted_out": 0,
        "delivery_rate": rate,
        "read_rate": rate,
        "failure_rate": rate,
        "opt_out_rate": rate,
        "first_response": None if p50_s is None else {"count": 1, "mean_s": p50_s, "p50_s": p50_s, "p95_s": 2 * p50_s},
    }


DAYS = [figures("2026-11-20", 10, 0.5, 60.0), figures("2026-11-21", 0, None, None), figures("2026-11-22", 30, 0.05, 5)]
EMPTY = [figures("2026-11-20", 0, None, None)]


def test_what_was_sent_is_told_with_the_best_day() -> None:
    chart = sent_chart(DAYS)
    assert chart.summary == "40 were sent; most on 2026-11-22: 30."
    assert chart.rows[0] == ("2026-11-20", "10", "10", "0", "0", "0")


def test_a_day_without_sends_has_no_rate_and_not_a_rate_of_zero() -> None:
    chart = rates_chart(DAYS, DAYS[0])
    assert chart.summary == "In all of these days: delivered 50%, read 50%, failed 50%, opted out 50%."
    assert chart.rows[1:] == (("2026-11-21", "–", "–", "–", "–"), ("2026-11-22", "5.0%", "5.0%", "5.0%", "5.0%"))
    assert chart.drawing is not None
    assert [point.value for point in chart.drawing.series[0].points] == [0.5, None, 0.05]


def test_times_are_drawn_in_minutes_and_told_as_people_read_them() -> None:
    chart = spans_chart("First response", "first_response", DAYS, DAYS[0])
    assert chart.summary == "In all of these days: half within 1 min, 95 % within 2 min."
    assert chart.rows[2] == ("2026-11-22", "5.0 s", "10 s")
    assert chart.drawing is not None
    assert [point.value for point in chart.drawing.series[0].points] == [1.0, None, 5 / 60]


def test_the_hour_at_which_most_users_write_is_said() -> None:
    hours = [{"hour": hour, "asked": hour % 5, "answered": 1, "mean_s": None} for hour in range(24)]
    chart = hours_chart(hours)
    assert chart.summary == "46 times; most from 04:00 UTC: 4."
    assert chart.rows[4] == ("04:00", "4", "1", "–")
    assert hours_chart([hour | {"asked": 0} for hour in hours]).drawing is None


def test_days_without_anything_are_said_to_be_so() -> None:
    charts = (sent_chart(EMPTY), rates_chart(EMPTY, EMPTY[0]), spans_chart("Times", "first_response", EMPTY, EMPTY[0]))
    assert [chart.drawing for chart in charts] == [None, None, None]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(None, "–"), (0.25, "0.2 s"), (42, "42 s"), (61, "1 min"), (7500, "2 h 5 min"), (90_000, "1 d 1 h")],
)
def test_a_time_in_words(seconds: float | None, told: str) -> None:
    assert length(seconds) == told


@pytest.mark.parametrize(("rate", "told"), [(None, "–"), (0, "0%"), (0.004, "0.4%"), (0.5, "50%"), (1, "100%")])
def test_a_share_in_words(rate: float | None, told: str) -> None:
    assert share(rate) == told
