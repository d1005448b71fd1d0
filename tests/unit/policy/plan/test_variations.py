"""What is tried to make a campaign faster."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import DAY_MS, NOW_MS, NUMBER, TEMPLATE, WABA, make_rules, make_standing
from tidegate.cloudapi.vocabulary import UNLIMITED, Category
from tidegate.policy.plan import Cohort, Course, Forecast, Itinerary, Leg, Sender, Situation
from tidegate.policy.plan.variations import Variation, patient, variations

HOUR_MS = 3_600_000
BARE = make_rules(headroom=0.0, reserve={"authentication": 0.0, "utility": 0.0})


def played(situation: Situation, itinerary: Itinerary, cohorts: tuple[Cohort, ...]) -> Forecast:
    course = Course(situation, itinerary, cohorts)
    for _ in course.run():
        pass
    return course.forecast()


def tried(recipients: int, limit: int, days: float = 50, soak_ms: int = 0) -> dict[str, tuple[Variation, Forecast]]:
    situation = Situation(NOW_MS, make_standing(limit=limit, rules=BARE))
    itinerary = Itinerary(NOW_MS, NOW_MS + int(days * DAY_MS), (Leg("first", soak_ms), Leg("all", soak_ms)))
    common: dict[str, Any] = {"category": Category.MARKETING, "template": TEMPLATE, "senders": (Sender(WABA, NUMBER),)}
    first = Cohort(recipients=1, expires_at_ms=itinerary.deadline_ms, step=0, **common)
    rest = Cohort(recipients=recipients - 1, expires_at_ms=itinerary.deadline_ms, step=1, **common)
    before = Cohort(recipients=1, expires_at_ms=NOW_MS + DAY_MS, step=None, **common)
    cohorts = (first, rest, before)
    forecast = played(situation, itinerary, cohorts)
    found = variations(situation, itinerary, cohorts, forecast)
    return {one.change: (one, played(one.situation, one.itinerary, one.cohorts)) for one in found}


def hours(forecast: Forecast) -> float:
    assert forecast.finish_ms is not None
    return (forecast.finish_ms - NOW_MS) / HOUR_MS


def test_a_higher_limit_is_tried_where_places_are_waited_for() -> None:
    found = tried(600, limit=250)

    assert found.keys() == {"messaging_limit"}
    variation, forecast = found["messaging_limit"]
    assert variation.situation.standing.limit == 2_000
    assert "2,000" in variation.detail
    assert hours(forecast) < 1


def test_above_the_highest_limit_there_is_none() -> None:
    assert "no messaging limit" in tried(100_500, limit=100_000)["messaging_limit"][0].detail


def test_gates_that_are_waited_for_are_left_out() -> None:
    found = tried(100, limit=UNLIMITED, soak_ms=5 * HOUR_MS)

    assert found.keys() == {"gates"}
    assert hours(found["gates"][1]) < 0.1


def test_a_later_deadline_tells_when_all_would_be_done() -> None:
    found = tried(600, limit=250, days=1.5)

    assert 48 < hours(found["deadline"][1]) < 49


def test_another_number_is_tried_where_the_pace_is_waited_for() -> None:
    found = tried(80_000, limit=UNLIMITED)

    assert found.keys() == {"numbers"}
    assert hours(found["numbers"][1]) * 3_600 == pytest.approx(500, rel=0.02)


def test_nothing_is_tried_where_nothing_is_sent() -> None:
    situation, itinerary = Situation(NOW_MS, make_standing()), Itinerary(NOW_MS, NOW_MS + DAY_MS)

    assert list(variations(situation, itinerary, (), played(situation, itinerary, ()))) == []


def test_gates_that_wait_as_long_as_they_may() -> None:
    itinerary = Itinerary(NOW_MS, NOW_MS + DAY_MS, (Leg("a", HOUR_MS), Leg("b", HOUR_MS)))

    later = patient(itinerary, [5 * HOUR_MS, 5 * HOUR_MS])

    assert later is not None
    assert [leg.soak_ms for leg in later.legs] == [5 * HOUR_MS, 5 * HOUR_MS]
    # What comes after the last step delays nobody.
    assert patient(itinerary, [HOUR_MS, 5 * HOUR_MS]) is None
