"""An audience as cohorts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.factories import DAY_MS, NOW_MS, NUMBER, TEMPLATE, WABA, make_rules, make_standing
from tests.unit.policy.rate_cards import market
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.plan import Cohort, Sender
from tidegate.policy.plan.crowd import Crowd, Known, Mold, Part, nights_in_force
from tidegate.policy.rate_card import RateCard
from tidegate.policy.users import EMPTY

ALL = Part(0, 0)
NIGHT = (21 * 60, 8 * 60)
CARD = RateCard.model_validate(
    {"currency": "USD", "markets": {"india": market("91"), "america": market("1"), "other": market("*")}}
)
OPTED_OUT = EMPTY.with_consent(Category.MARKETING, False, "a tap", NOW_MS)


def make_crowd(**changes: Any) -> Crowd:
    values: dict[str, Any] = {
        "standing": make_standing(),
        "campaign": "cmp",
        "category": Category.MARKETING,
        "senders": (Sender(WABA, NUMBER),),
        "templates": (("a", TEMPLATE), ("b", ("other", "en_US"))),
        "now_ms": NOW_MS,
        "expires_at_ms": NOW_MS + 20 * DAY_MS,
        "nights": (NIGHT,),
    }
    return Crowd(Mold(**values | changes))


def sizes(cohorts: Sequence[Cohort]) -> list[tuple[tuple[str, ...], int]]:
    return sorted((cohort.zones, cohort.recipients) for cohort in cohorts)


def test_those_whose_nights_are_the_same_are_one_cohort() -> None:
    crowd = make_crowd()
    for to in ("12125551234", "14165551234", "13055551234", "81312345678", "US.13491208655302741918"):
        crowd.add(to, ALL)

    # New York, Toronto and Miami; Tokyo; somebody anywhere in the United States.
    assert sorted(cohort.recipients for cohort in crowd.cohorts()) == [1, 1, 3]
    assert crowd.recipients == 5


def test_clocks_that_change_in_the_time_of_the_plan_tell_zones_apart() -> None:
    # The clocks of Phoenix stand still when those of Denver are set back, on 5 November 2023.
    before_ms = NOW_MS - 12 * DAY_MS
    places = ("16025551234", "13035551234")
    together, apart = (make_crowd(now_ms=at_ms, expires_at_ms=at_ms + 5 * DAY_MS) for at_ms in (NOW_MS, before_ms))
    for to in places:
        together.add(to, ALL)
        apart.add(to, ALL)

    assert len(together.cohorts()) == 1
    assert len(apart.cohorts()) == 2


def test_where_there_is_no_night_all_zones_are_one() -> None:
    crowd = make_crowd(nights=())
    for to in ("12125551234", "81312345678", ""):
        crowd.add(to, ALL)

    assert sizes(crowd.cohorts()) == [((), 3)]


def test_steps_variants_and_markets_are_told_apart() -> None:
    crowd = make_crowd(nights=(), card=CARD)
    for to, part in (
        ("12125551234", ALL),
        ("919876543210", ALL),
        ("919876543211", Part(1, 0)),
        ("919876543212", Part(1, 1)),
        ("44201234567", ALL),
        ("IN.1", ALL),
    ):
        crowd.add(to, part)

    found = [(c.step, c.variant, c.template, c.market, c.digits, c.recipients) for c in crowd.cohorts()]
    other = ("other", "en_US")
    assert sorted(found, key=str) == [
        (0, "a", TEMPLATE, "america", "1", 1),
        (0, "a", TEMPLATE, "india", "91", 1),
        (0, "a", TEMPLATE, "other", "", 1),
        (0, "a", TEMPLATE, None, "", 1),
        (1, "a", TEMPLATE, "india", "91", 1),
        (1, "b", other, "india", "91", 1),
    ]


def test_a_card_without_a_market_for_somebody_prices_nobody() -> None:
    card = RateCard.model_validate({"currency": "USD", "markets": {"india": market("91")}})
    crowd = make_crowd(card=card)
    crowd.add("12125551234", ALL)

    assert [cohort.market for cohort in crowd.cohorts()] == [None]


def test_a_zone_tells_the_market_of_its_country() -> None:
    crowd = make_crowd(card=CARD)

    places = [crowd.place_of_zone(zone) for zone in ("Asia/Kolkata", "America/New_York", "Etc/UTC")]

    assert [place.market for place in places] == ["india", "america", "other"]
    crowd.add_many(places[0], ALL, 0)
    crowd.add_many(places[1], ALL, 50)
    assert sizes(crowd.cohorts()) == [(("America/New_York",), 50)]


def test_of_whom_something_is_known_that_matters_is_a_cohort_of_its_own() -> None:
    crowd = make_crowd(nights=())
    for i in range(10):
        crowd.add(f"1212555123{i}", ALL)
    crowd.know("12125551230", ALL, Known())
    crowd.know("12125551231", ALL, Known(OPTED_OUT))
    crowd.know("12125551232", ALL, Known(OPTED_OUT))
    crowd.know("12125551233", ALL, Known(counted_until_ms=NOW_MS + DAY_MS))
    crowd.know("12125551234", ALL, Known(window_ends_ms=NOW_MS + DAY_MS))

    cohorts = crowd.cohorts()

    assert sum(cohort.recipients for cohort in cohorts) == 10
    assert [c.recipients for c in cohorts if c.user.opted_out(Category.MARKETING)] == [2]
    assert [c.recipients for c in cohorts if c.counted_until_ms] == [1]
    assert [c.recipients for c in cohorts if c.window_ends_ms] == [1]


@pytest.mark.parametrize(("zone", "there"), [("Asia/Tokyo", 1), ("No/Where", 0)], ids=["known", "no such zone"])
def test_who_is_known_to_live_elsewhere_is_counted_there(zone: str, there: int) -> None:
    crowd = make_crowd()
    for i in range(3):
        crowd.add(f"1212555123{i}", ALL)
    crowd.know("12125551230", ALL, Known(EMPTY.in_zone(zone)))

    here = [cohort.recipients for cohort in crowd.cohorts() if cohort.zones == ("America/New_York",)]
    elsewhere = [cohort.recipients for cohort in crowd.cohorts() if cohort.zones == ("Asia/Tokyo",)]

    assert sum(here) == 3 - there
    assert sum(elsewhere) == there


def test_where_some_were_looked_up_each_stands_for_many_but_not_for_more_than_there_are() -> None:
    crowd = make_crowd(nights=())
    for i in range(100):
        crowd.add(f"1212555{i:04}", ALL)
    crowd.know("12125550001", ALL, Known(OPTED_OUT))
    crowd.know("12125550002", ALL, Known(counted_until_ms=NOW_MS + DAY_MS))

    assert sorted(cohort.recipients for cohort in crowd.cohorts(20)) == [20, 20, 60]
    assert sorted(cohort.recipients for cohort in crowd.cohorts(90)) == [10, 90]


@pytest.mark.parametrize(
    ("rules", "category", "own", "nights"),
    [
        pytest.param({}, Category.MARKETING, None, (), id="none"),
        pytest.param({}, Category.MARKETING, (0, 60), ((0, 60),), id="the campaign's own"),
        pytest.param({"from": "21:00", "to": "08:00"}, Category.MARKETING, None, (NIGHT,), id="the rules'"),
        pytest.param({"from": "21:00", "to": "08:00"}, Category.MARKETING, (0, 60), (NIGHT, (0, 60)), id="both"),
        pytest.param({"from": "21:00", "to": "08:00"}, Category.MARKETING, NIGHT, (NIGHT,), id="twice the same"),
        pytest.param({"from": "21:00", "to": "08:00"}, Category.UTILITY, None, (), id="of another category"),
        pytest.param(
            {"from": "21:00", "to": "08:00", "mode": "shadow"}, Category.MARKETING, None, (), id="only in shadow"
        ),
    ],
)
def test_the_nights_that_hold_a_campaign(
    rules: dict[str, Any],
    category: Category,
    own: tuple[int, int] | None,
    nights: tuple[tuple[int, int], ...],
) -> None:
    tables = {"quiet_hours": rules} if rules else {}

    assert nights_in_force(make_rules(**tables), category, own) == nights
