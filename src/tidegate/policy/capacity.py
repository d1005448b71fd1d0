"""How many recipients can still be reached: places by category, and when the next ones come free."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import lru_cache
from typing import Final

from tidegate.cloudapi.vocabulary import UNLIMITED, Category
from tidegate.policy.rules import Rules

#: The categories that go before each.
_ABOVE: Final = {
    category: tuple(other for other in Category if other.priority < category.priority) for category in Category
}


@lru_cache(maxsize=4096)
def whole_places(share: float, limit: int) -> int:
    """A share of the limit in whole places, rounded up; 0 when the limit is unlimited."""
    if limit == UNLIMITED:
        return 0
    return int((Decimal(repr(share)) * limit).to_integral_value(ROUND_CEILING))


def limit_places(limit: int, rules: Rules) -> int:
    """Places that may ever be used: the limit less headroom; UNLIMITED when there is none."""
    return UNLIMITED if limit == UNLIMITED else max(0, limit - whole_places(rules.headroom, limit))


def share_places(share: float, limit: int, rules: Rules) -> int:
    """Places that an app with this share may have of the limit less headroom, rounded down; UNLIMITED without one."""
    if limit == UNLIMITED:
        return UNLIMITED
    return int((Decimal(repr(share)) * limit_places(limit, rules)).to_integral_value(ROUND_FLOOR))


def category_places(limit: int, category: Category, rules: Rules) -> int:
    """Places up to which this category may fill the limit: what is left after the reserves of the categories above."""
    if limit == UNLIMITED:
        return UNLIMITED
    return max(0, limit_places(limit, rules) - reserved_above(limit, category, rules))


def reserved_above(limit: int, category: Category, rules: Rules) -> int:
    """Places that the categories above this one keep for themselves; 0 when the limit is unlimited."""
    return sum(whole_places(rules.reserve.of(above), limit) for above in _ABOVE[category])


@dataclass(frozen=True, slots=True)
class Release:
    """`places` that are expected to come free at `at_ms`, if nobody in them is written to again."""

    at_ms: int
    places: int


def available(limit: int, used: int, rules: Rules) -> dict[Category, int | None]:
    """Places that each category may still take now; None when unlimited."""
    if limit == UNLIMITED:
        return dict.fromkeys(Category)
    return {category: max(0, category_places(limit, category, rules) - used) for category in Category}


def release_curve(releases: dict[int, int], now_ms: int) -> list[Release]:
    """The curve from a count of places by second (s since 1970); what is overdue waits for its fate and is left out."""
    return [Release(s * 1000, n) for s, n in sorted(releases.items()) if s * 1000 > now_ms and n > 0]


def place_at(curve: list[Release], used: int, places: int) -> int | None:
    """When `used` falls below `places` by the curve; None when it never does, or no place is to be had at all."""
    missing = used - places + 1
    if places <= 0:
        return None
    for release in curve:
        missing -= release.places
        if missing <= 0:
            return release.at_ms
    return None
