"""What may go while the store is away, at what price, and how many places a node has in advance."""

from __future__ import annotations

import pytest

from tests.factories import NOW_MS, make_case, make_rules, make_service_case, make_standing
from tidegate.cloudapi.vocabulary import UNLIMITED, Category
from tidegate.policy.decide import terms_of, unleased
from tidegate.policy.facts import NO_LIMIT
from tidegate.policy.offline import AWAY_MS, LONGEST_MS, WINDOW_MARGIN_MS, Fare, fare, leased_places

AUTHENTICATION, UTILITY, MARKETING, REPLY = Category.AUTHENTICATION, Category.UTILITY, Category.MARKETING, None
WINDOW, COUNTED = WINDOW_MARGIN_MS + 1, AWAY_MS + 1


@pytest.mark.parametrize(
    ("category", "window", "counted", "away", "costs"),
    [
        pytest.param(AUTHENTICATION, WINDOW, 0, 0, Fare.FREE, id="a login code goes free in a window"),
        pytest.param(AUTHENTICATION, WINDOW - 1, 0, 0, Fare.PRE_PAID, id="but not where the window may have closed"),
        pytest.param(AUTHENTICATION, 0, COUNTED, 0, Fare.FREE, id="a login code goes free to whom is counted"),
        pytest.param(AUTHENTICATION, 0, COUNTED - 1, 0, Fare.PRE_PAID, id="but not to whom may soon count anew"),
        pytest.param(AUTHENTICATION, WINDOW - 1, COUNTED, 0, Fare.FREE, id="either is enough"),
        pytest.param(AUTHENTICATION, 0, 0, 0, Fare.PRE_PAID, id="a login code to somebody new costs a place"),
        pytest.param(AUTHENTICATION, 0, COUNTED, LONGEST_MS + 1, Fare.FREE, id="login codes go for longer"),
        pytest.param(AUTHENTICATION, 0, 0, LONGEST_MS + 1, Fare.PRE_PAID, id="login codes to the new as well"),
        pytest.param(UTILITY, WINDOW, 0, LONGEST_MS, Fare.FREE, id="utility goes in a window for half an hour"),
        pytest.param(UTILITY, WINDOW, 0, LONGEST_MS + 1, None, id="and no longer"),
        pytest.param(UTILITY, WINDOW - 1, 0, 0, None, id="utility does not go where the window may have closed"),
        pytest.param(UTILITY, 0, COUNTED, LONGEST_MS, Fare.FREE, id="utility goes to whom is counted, half an hour"),
        pytest.param(UTILITY, 0, COUNTED, LONGEST_MS + 1, None, id="and no longer than that"),
        pytest.param(UTILITY, 0, COUNTED - 1, 0, None, id="utility does not go to whom may soon count anew"),
        pytest.param(UTILITY, 0, 0, 0, None, id="utility never goes to somebody new"),
        pytest.param(
            REPLY, WINDOW, 0, LONGEST_MS + 1, Fare.FREE, id="a reply goes in a window, for as long as that is"
        ),
        pytest.param(REPLY, WINDOW - 1, 0, 0, None, id="a reply does not go where the window may have closed"),
        pytest.param(REPLY, 0, COUNTED, 0, None, id="that somebody is counted opens no window"),
        pytest.param(MARKETING, WINDOW, COUNTED, 0, None, id="marketing never goes"),
    ],
)
def test_a_send_costs(category: Category | None, window: int, counted: int, away: int, costs: Fare | None) -> None:
    case = make_service_case() if category is None else make_case(category=category)

    assert costs is fare(
        case,
        window_ends_ms=NOW_MS + window,
        window_margin_ms=0,
        counted_until_ms=NOW_MS + counted,
        away_ms=away,
        now_ms=NOW_MS,
    )


@pytest.mark.parametrize("category", [AUTHENTICATION, UTILITY, REPLY], ids=["authentication", "utility", "reply"])
def test_what_goes_to_a_group_waits_for_the_store(category: Category | None) -> None:
    case = make_case(category=category, to_group=True)
    open_for_long = {"window_ends_ms": 2 * NOW_MS, "counted_until_ms": 2 * NOW_MS}

    assert fare(case, **open_for_long, window_margin_ms=0, away_ms=0, now_ms=NOW_MS) is None


@pytest.mark.parametrize(
    ("margin", "left", "goes"),
    [
        pytest.param(0, WINDOW_MARGIN_MS, False, id="a margin of none is no less than what nobody here knows"),
        pytest.param(0, WINDOW_MARGIN_MS + 1, True, id="a millisecond more than that is enough"),
        pytest.param(2 * WINDOW_MARGIN_MS, 2 * WINDOW_MARGIN_MS, False, id="the rules' own margin holds as well"),
        pytest.param(2 * WINDOW_MARGIN_MS, 2 * WINDOW_MARGIN_MS + 1, True, id="a millisecond more than the rules ask"),
    ],
)
def test_a_window_has_to_be_open_by_the_longer_margin(margin: int, left: int, goes: bool) -> None:
    costs = fare(
        make_service_case(),
        window_ends_ms=NOW_MS + left,
        window_margin_ms=margin,
        counted_until_ms=0,
        away_ms=0,
        now_ms=NOW_MS,
    )

    assert (costs is Fare.FREE) is goes


@pytest.mark.parametrize(
    ("limit", "reserve", "nodes", "each", "most"),
    [
        pytest.param(1_000, 0.1, 1, 50, 50, id="one node has half of what is reserved"),
        pytest.param(1_000, 0.1, 3, 16, 50, id="three have a third each, in whole places"),
        pytest.param(250, 0.05, 1, 6, 6, id="the half is rounded down"),
        pytest.param(250, 0.05, 7, 0, 6, id="more nodes than places have none each"),
        pytest.param(1_000, 0.0, 2, 0, 0, id="where nothing is reserved nothing is leased"),
        pytest.param(UNLIMITED, 0.1, 2, 1_000, 2_000, id="without a limit each has a thousand"),
    ],
)
def test_places_are_leased_of_those_for_login_codes(
    limit: int, reserve: float, nodes: int, each: int, most: int
) -> None:
    rules = make_rules(reserve={"authentication": reserve, "utility": 0})

    assert leased_places(limit, rules, nodes) == (each, most)
    assert each * nodes <= most


@pytest.mark.parametrize(
    ("places", "prepaid", "left"),
    [
        pytest.param(10, 0, 10, id="none is leased"),
        pytest.param(10, 4, 6, id="what is leased is not there to be filled"),
        pytest.param(10, 12, 0, id="more is leased than a lowered limit has"),
        pytest.param(UNLIMITED, 12, UNLIMITED, id="no limit is none the less"),
    ],
)
def test_places_that_are_left_to_fill(places: int, prepaid: int, left: int) -> None:
    assert unleased(places, make_standing(prepaid=prepaid)) == left


@pytest.mark.parametrize(
    ("category", "prepaid", "places"),
    [
        # 1,000 places: 100 are kept for login codes, 100 more for utility.
        pytest.param(AUTHENTICATION, 50, 950, id="login codes have what is not leased"),
        pytest.param(UTILITY, 50, 900, id="what is leased is of the reserve of login codes"),
        pytest.param(UTILITY, 150, 850, id="unless more is leased than is reserved"),
        pytest.param(MARKETING, 250, 750, id="which is nobody else's either"),
        pytest.param(REPLY, 50, NO_LIMIT, id="a reply takes no place"),
    ],
)
def test_a_leased_place_is_filled_by_nobody_else(category: Category | None, prepaid: int, places: int) -> None:
    rules = make_rules(headroom=0, reserve={"authentication": 0.1, "utility": 0.1})
    case = make_service_case() if category is None else make_case(category=category)

    assert terms_of(case, make_standing(limit=1_000, prepaid=prepaid), rules).places == places
