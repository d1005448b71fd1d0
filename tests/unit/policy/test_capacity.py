"""Places by category in whole numbers, and when the next ones come free."""

from __future__ import annotations

import pytest

from tests.factories import make_rules
from tidegate.cloudapi.vocabulary import UNLIMITED, Category
from tidegate.policy.capacity import (
    Release,
    available,
    category_places,
    limit_places,
    place_at,
    release_curve,
    reserved_above,
    share_places,
    whole_places,
)
from tidegate.policy.rules import Rules

AUTHENTICATION, UTILITY, MARKETING = Category
BARE = make_rules(headroom=0.0, reserve={"authentication": 0.0, "utility": 0.0, "marketing": 0.0})


@pytest.mark.parametrize(
    ("share", "limit", "places"),
    [
        pytest.param(0.05, 2_000, 100, id="a share that comes out even"),
        pytest.param(0.05, 250, 13, id="half a place is a whole one"),
        pytest.param(0.001, 250, 1, id="a quarter of a place is a whole one"),
        pytest.param(0.0, 100_000, 0, id="nothing is nothing"),
        pytest.param(0.1, 10, 1, id="a tenth of ten is one: binary fractions do not add a place"),
        pytest.param(0.07, 100, 7, id="0.07 * 100 is 7.000000000000001 in floats, and 7 here"),
        pytest.param(0.29, 100, 29, id="0.29 * 100 is 28.999999999999996 in floats, and 29 here"),
        pytest.param(1e-05, 100_000, 1, id="a share that is written with an exponent"),
        pytest.param(0.5, UNLIMITED, 0, id="no share of what has no end"),
    ],
)
def test_a_share_in_whole_places(share: float, limit: int, places: int) -> None:
    assert whole_places(share, limit) == places


@pytest.mark.parametrize(
    ("limit", "rules", "within", "by_category"),
    [
        pytest.param(2_000, Rules(), 1_900, (1_900, 1_800, 1_600), id="the documented rules on 2K"),
        pytest.param(250, Rules(), 237, (237, 224, 199), id="each share is rounded up by itself"),
        pytest.param(250, BARE, 250, (250, 250, 250), id="nothing kept back"),
        pytest.param(1, Rules(), 0, (0, 0, 0), id="a limit that its headroom eats"),
        pytest.param(10, make_rules(headroom=0.0, reserve={"authentication": 0.5, "utility": 0.4}), 10, (10, 5, 1),
                     id="reserves add up downwards"),
        pytest.param(5, make_rules(headroom=0.1, reserve={"authentication": 0.41, "utility": 0.41}), 4, (4, 1, 0),
                     id="rounded reserves never give less than no place"),
        pytest.param(10, make_rules(headroom=0.0, reserve={"marketing": 0.5}), 10, (10, 9, 8),
                     id="a reserve for the last category keeps nobody out"),
        pytest.param(UNLIMITED, Rules(), UNLIMITED, (UNLIMITED,) * 3, id="unlimited stays unlimited"),
    ],
)  # fmt: skip
def test_the_bounds_of_each_category(limit: int, rules: Rules, within: int, by_category: tuple[int, ...]) -> None:
    assert limit_places(limit, rules) == within
    assert tuple(category_places(limit, category, rules) for category in Category) == by_category


@pytest.mark.parametrize(
    ("share", "limit", "rules", "places"),
    [
        pytest.param(0.25, 2_000, Rules(), 475, id="of the limit less headroom"),
        pytest.param(0.25, 20, Rules(), 4, id="three quarters of a place are none"),
        pytest.param(1.0, 2_000, Rules(), 1_900, id="all of it"),
        pytest.param(0.29, 100, BARE, 29, id="binary fractions take no place away"),
        pytest.param(0.001, 250, Rules(), 0, id="a share of a small limit may be no place"),
        pytest.param(0.5, UNLIMITED, Rules(), UNLIMITED, id="no limit, and no bound"),
    ],
)
def test_the_places_of_an_app(share: float, limit: int, rules: Rules, places: int) -> None:
    assert share_places(share, limit, rules) == places


def test_what_the_categories_above_keep() -> None:
    assert [reserved_above(2_000, category, Rules()) for category in Category] == [0, 100, 300]
    assert [reserved_above(UNLIMITED, category, Rules()) for category in Category] == [0, 0, 0]


@pytest.mark.parametrize(
    ("limit", "used", "left"),
    [
        pytest.param(2_000, 412, (1_488, 1_388, 1_188), id="the example of the public contract"),
        pytest.param(2_000, 1_700, (200, 100, 0), id="marketing stops first"),
        pytest.param(2_000, 5_000, (0, 0, 0), id="never less than none, though the limit was lowered"),
        pytest.param(UNLIMITED, 10**6, (None, None, None), id="unlimited has no number"),
    ],
)
def test_what_is_available(limit: int, used: int, left: tuple[int | None, ...]) -> None:
    assert tuple(available(limit, used, Rules()).values()) == left


def test_the_curve_is_sorted_and_leaves_out_what_is_overdue_or_empty() -> None:
    releases = {12: 3, 10: 2, 9: 7, 11: 0, 13: 1}

    assert release_curve(releases, now_ms=9_000) == [Release(10_000, 2), Release(12_000, 3), Release(13_000, 1)]
    assert release_curve(releases, now_ms=8_999)[0] == Release(9_000, 7)


@pytest.mark.parametrize(
    ("used", "places", "at_ms"),
    [
        pytest.param(10, 10, 1_000, id="full: the first release makes room"),
        pytest.param(11, 10, 1_000, id="one too many: the first release still makes room for one"),
        pytest.param(12, 10, 2_000, id="two too many: it takes the second"),
        pytest.param(15, 10, 3_000, id="every place of the curve is counted"),
        pytest.param(16, 10, None, id="the curve does not free that many"),
        pytest.param(10, 0, None, id="where there is no place at all none ever comes"),
        pytest.param(0, -3, None, id="nor where there are less than none"),
    ],
)
def test_when_a_place_comes_free(used: int, places: int, at_ms: int | None) -> None:
    curve = [Release(1_000, 2), Release(2_000, 3), Release(3_000, 1)]

    assert place_at(curve, used, places) == at_ms
