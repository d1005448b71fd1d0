"""The climb to the next messaging limit: how much of it is done, and what each day has to bring.

Sources: Meta, "Messaging limits" (at least half of the current limit used in the last 7 days, with high quality across
all numbers and templates; from 250: 2,000 unique users in 30 days with high-quality templates, or a verification).
Whether "half of the limit" is meant of the seven days together or of one of them Meta does not say: both are told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tidegate.cloudapi.vocabulary import UNLIMITED

LADDER: Final = (250, 2_000, 10_000, 100_000, UNLIMITED)
FIRST_STEP_USERS: Final = 2_000
FIRST_STEP_DAYS: Final = 30
STEP_DAYS: Final = 7


@dataclass(frozen=True, slots=True)
class Climb:
    """The way from one limit to the next: `needed` recipients within `days`; UNLIMITED is the top of the ladder.

    `together`: the sum of those days, in which a recipient of two days counts twice. `best_day`: the fullest of them.
    """

    limit: int
    next_limit: int
    needed: int
    days: int
    together: int
    best_day: int

    @property
    def done_together(self) -> bool:
        """Whether the criterion is met if Meta means all the days together."""
        return self.together >= self.needed

    @property
    def done_in_a_day(self) -> bool:
        """Whether the criterion is met if Meta means one day: then it is met either way."""
        return self.best_day >= self.needed


def climb(limit: int, used_by_day: Sequence[int]) -> Climb | None:
    """How the climb stands, by unique recipients a day, oldest first; None when there is no higher limit."""
    if limit == UNLIMITED:
        return None
    next_limit = next((step for step in LADDER if step > limit), UNLIMITED)
    days = FIRST_STEP_DAYS if limit <= LADDER[0] else STEP_DAYS
    needed = FIRST_STEP_USERS if limit <= LADDER[0] else (limit + 1) // 2
    recent = used_by_day[-days:]
    return Climb(limit, next_limit, needed, days, together=sum(recent), best_day=max(recent, default=0))


def daily_target(way: Climb, days_left: int) -> int:
    """Recipients that each of the days left has to bring for all together to be enough, rounded up; 0 when done.

    May be more than the limit allows: then the days left are too few. Raises ValueError when none is left.
    """
    if days_left < 1:
        raise ValueError("there has to be a day left")
    return -(-max(0, way.needed - way.together) // days_left)
