"""What may go while the store is away: what surely takes no place, and login codes on places paid for in advance.

| | in an open window | counted already | a new recipient |
|---|---|---|---|
| authentication | goes | goes, for some hours | on a pre-paid place |
| reply (free-form) | goes | never | never |
| utility | goes, for half an hour | goes, for half an hour | never |
| marketing | never: who has opted out is not known for certain | never | never |
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from tidegate.cloudapi.vocabulary import UNLIMITED, Category
from tidegate.policy.capacity import whole_places
from tidegate.policy.facts import Case
from tidegate.policy.rules import Rules

#: A window must stay open for this much longer: nobody here knows what has closed it since.
WINDOW_MARGIN_MS: Final = 900_000
#: A node may be away for so long and still be sure of the places that it knows of: those that it leased, and those of
#: recipients who are counted already. A send to one of these counts them for another day, which the books have to be
#: told before the day that they know of is over.
AWAY_MS: Final = 21_600_000
#: For so long what users and operators said before the store was gone is good enough for utility messages.
LONGEST_MS: Final = 1_800_000
#: Of the places reserved for login codes this share may be leased to nodes; so many each where there is no limit.
_SHARE: Final = 2
_UNLIMITED_PLACES: Final = 1_000


class Fare(Enum):
    """What a send costs while the store is away."""

    FREE = "free"
    PRE_PAID = "pre-paid"


def fare(
    case: Case, *, window_ends_ms: int, window_margin_ms: int, counted_until_ms: int, away_ms: int, now_ms: int
) -> Fare | None:
    """What this send costs; None: it may not go.

    `window_margin_ms`: the rules'. `counted_until_ms`: until when the recipient holds a place, 0 where nobody knows.
    `away_ms`: for how long the store has been away.
    """
    if case.category is Category.MARKETING or case.to_group:
        return None
    in_window = window_ends_ms - max(WINDOW_MARGIN_MS, window_margin_ms) > now_ms
    if case.category is None:
        return Fare.FREE if in_window else None
    if in_window or counted_until_ms - AWAY_MS > now_ms:
        return Fare.FREE if case.category is Category.AUTHENTICATION or away_ms <= LONGEST_MS else None
    return Fare.PRE_PAID if case.category is Category.AUTHENTICATION else None


def leased_places(limit: int, rules: Rules, nodes: int) -> tuple[int, int]:
    """Places that one of `nodes` nodes leases in advance, and most that all of them may have.

    They are part of what is reserved for authentication: no other category could fill them.
    """
    if limit == UNLIMITED:
        return _UNLIMITED_PLACES, _UNLIMITED_PLACES * nodes
    most = whole_places(rules.reserve.authentication, limit) // _SHARE
    return most // nodes, most
