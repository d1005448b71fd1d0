"""The limit's charts: what the places are for, and when they come free."""

from typing import Any

import pytest

from tidegate.edge.dashboard.charts.places import places_chart, releases_chart


def capacity(**changed: Any) -> dict[str, Any]:
    return {
        "as_of": "2026-11-22T10:20:00Z",
        "messaging_limit": 2000,
        "unlimited": False,
        "headroom": 100,
        "used": 1400,
        "available": {"authentication": 500, "utility": 400, "marketing": 200},
        "releases": [],
    } | changed


UNLIMITED = capacity(messaging_limit=None, unlimited=True, available=None)


def test_the_places_add_up_to_the_limit() -> None:
    chart = places_chart(capacity())
    assert chart.rows == (
        ("used", "1,400"),
        ("free for everything", "200"),
        ("kept for utility and login codes", "200"),
        ("kept for login codes", "100"),
        ("headroom, never used", "100"),
    )
    assert chart.drawing is not None
    assert sum(series.points[0].value or 0 for series in chart.drawing.series) == 2000


def test_of_an_unlimited_portfolio_there_is_nothing_to_draw() -> None:
    assert places_chart(UNLIMITED).drawing is None
    assert (
        places_chart(UNLIMITED).summary == "The limit is unlimited; 1,400 recipients were reached in the last 24 hours."
    )
    assert releases_chart(UNLIMITED, 0).drawing is None


RELEASES = [
    {"at": "2026-11-22T10:59:59Z", "places": 10},
    {"at": "2026-11-22T11:00:00Z", "places": 20},
    {"at": "2026-11-22T11:30:00Z", "places": 5},
    {"at": "2026-11-23T10:10:00Z", "places": 7},
    {"at": "2026-11-23T11:00:00Z", "places": 1000},
]


@pytest.mark.parametrize(
    ("waiting", "summary"),
    [
        pytest.param(0, "42 places come free; nothing waits for one.", id="nothing waits"),
        pytest.param(
            1,
            "42 places come free; 1 message waits for one: there is a place for all of them in the hour from 22 Nov"
            " 10:00 UTC at the latest.",
            id="one message waits",
        ),
        pytest.param(
            11,
            "42 places come free; 11 messages wait for one: there is a place for all of them in the hour from 22 Nov"
            " 11:00 UTC at the latest.",
            id="the first hour is not enough",
        ),
        pytest.param(
            50,
            "42 places come free; 50 messages wait for one: 8 of them find no place within 24 hours.",
            id="the whole day is not enough",
        ),
    ],
)
def test_it_says_when_there_is_a_place_for_all_that_waits(waiting: int, summary: str) -> None:
    assert releases_chart(capacity(releases=RELEASES), waiting).summary == summary


def test_each_hour_tells_what_comes_free_and_what_still_waits_after_it() -> None:
    chart = releases_chart(capacity(releases=RELEASES), 22)
    assert chart.rows[:3] == (
        ("22 Nov 10:00", "10", "10", "12"),
        ("22 Nov 11:00", "25", "12", "0"),
        ("22 Nov 12:00", "0", "0", "0"),
    )
    assert chart.rows[-1] == ("23 Nov 10:00", "7", "0", "0")
    assert chart.drawing is not None
    for_waiting, spare = chart.drawing.series
    assert [point.value for point in for_waiting.points][:3] == [10, 12, 0]
    assert [point.value for point in spare.points][:3] == [0, 13, 0]


def test_no_place_that_comes_free_is_said_in_words() -> None:
    assert releases_chart(capacity(), 0).summary == "No place comes free in the next 24 hours; nothing waits for one."
