"""The rule of seven days, from before October 2025: what a flagged number has to expect, a healthy one may hope for.

Source: Meta, "Messaging limits", as it was until then: a number whose quality falls is flagged; if it is no better
within seven days it is connected again with one tier less; one that stays healthy for seven days may get one more.
Webhooks of older versions still speak of it, so it is told; what holds is the limit that Meta names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tidegate.cloudapi.vocabulary import UNLIMITED

#: The tiers of that time, unique users a day.
OLD_LADDER: Final = (50, 250, 1_000, 10_000, 100_000)
SPAN_MS: Final = 7 * 86_400_000


@dataclass(frozen=True, slots=True)
class Downgrade:
    """The limit to expect at a time, unless the number is better by then."""

    limit: int
    at_ms: int


def expected_downgrade(limit: int, flagged_at_ms: int | None) -> Downgrade | None:
    """What follows if a number that was flagged then stays so; None: nothing, or nothing less than what it has.

    A limit of today's ladder falls to the tier of the old one below it: which it would be Meta has never said.
    """
    if flagged_at_ms is None:
        return None
    lower = [tier for tier in OLD_LADDER if limit == UNLIMITED or tier < limit]
    return Downgrade(lower[-1], flagged_at_ms + SPAN_MS) if lower else None


def may_grow_at_ms(healthy_since_ms: int) -> int:
    """When a number that is healthy since then has been so for long enough."""
    return healthy_since_ms + SPAN_MS
