"""Warm-up: a daily allowance for a young number or template, that grows while what is sent is well received.

The messaging limit says how many may be reached, not how many should be at once: a number that nobody has rated yet
is judged by its first messages (Meta, "Quality rating": reception over the past 7 days, weighted by recency), and a
template's first sends are paced (Meta, "Template pacing"). The ramp of `WarmUp()`, every day used to the full and
nobody complaining:

    day              1    2    3    4    5      6      7      8       9      10      11       12
    TIER_250        50  100  200  250
    TIER_2K         50  100  200  400  800  1,600  2,000
    TIER_10K        50  100  200  400  800  1,600  3,200  6,400  10,000
    TIER_100K       50  100  200  400  800  1,600  3,200  6,400  12,800  25,600  51,200  100,000
    unlimited       50  100  200  400  800  1,600  3,200  6,400  12,800  25,600  51,200  unlimited

What a day does to the allowance of the next:

    that day's worst rating     at least half of the allowance used     less used
    GREEN, or none yet          times `growth`                          stays
    YELLOW                      stays                                   stays
    RED                         divided by `growth`, not below `start`  the same

A number or template that was silent for `idle_days` starts anew: what its reputation was built on is long forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Final

from tidegate.cloudapi.vocabulary import UNLIMITED, Quality

DAY_MS: Final = 86_400_000
GROWN_UP: Final = 100_000
"""The highest limit that is a number: whoever may reach as many a day is young no longer."""


@dataclass(frozen=True, slots=True)
class WarmUp:
    """The operator's ramp: `start` unique recipients on the first day, `growth` times as many after each good day.

    Raises ValueError when `start` is not 1 to GROWN_UP, `growth` not above 1 up to 10, or `idle_days` below 1.
    """

    start: int = 50
    growth: float = 2.0
    idle_days: int = 30

    def __post_init__(self) -> None:
        if not 1 <= self.start <= GROWN_UP:
            raise ValueError(f"start must be 1 to {GROWN_UP} recipients a day")
        if not 1 < self.growth <= 10:
            raise ValueError("growth must be more than 1, and 10 at most")
        if self.idle_days < 1:
            raise ValueError("idle_days must be 1 or more")


@dataclass(frozen=True, slots=True)
class DayUse:
    """One finished day: unique recipients reached outside service windows, and the worst rating seen."""

    used: int
    quality: Quality = Quality.UNKNOWN


@dataclass(frozen=True, slots=True)
class Ramp:
    """How far a warm-up has come: the allowance before the limit is looked at, and the silent days in a row."""

    recipients: int
    idle: int = 0


def after_day(plan: WarmUp, ramp: Ramp, day: DayUse, limit: int) -> Ramp:
    """The ramp on the day after this one. `limit`: the messaging limit on that day, or UNLIMITED.

    A limit that rises later does not lift the allowance at once: it grows on from where the old limit stopped it.
    """
    if day.used <= 0:
        idle = ramp.idle + 1
        return Ramp(plan.start, idle) if idle >= plan.idle_days else Ramp(ramp.recipients, idle)
    recipients = ramp.recipients
    # Only an allowance that can be used can be proven.
    today = recipients if limit == UNLIMITED else min(recipients, limit)
    growth = Decimal(repr(plan.growth))
    if day.quality is Quality.RED:
        recipients = max(plan.start, int(today / growth))
    elif day.quality is not Quality.YELLOW and 2 * day.used >= today:
        grown = int((today * growth).to_integral_value(ROUND_FLOOR))
        # By one at least, or a slow growth of a small start would stand still; no further than anybody counts.
        recipients = max(recipients, min(GROWN_UP, max(today + 1, grown)))
    return Ramp(recipients)


def ramp_after(plan: WarmUp, days: Iterable[DayUse], limit: int) -> Ramp:
    """The ramp after these finished days since the first send, oldest first, under one limit."""
    ramp = Ramp(plan.start)
    for day in days:
        ramp = after_day(plan, ramp, day, limit)
    return ramp


def allowance(ramp: Ramp, limit: int) -> int:
    """Unique recipients that may be reached today, never above the limit; UNLIMITED once the warm-up is over."""
    if limit == UNLIMITED:
        return UNLIMITED if ramp.recipients >= GROWN_UP else ramp.recipients
    return min(ramp.recipients, limit)


def ramp_table(plan: WarmUp, limit: int) -> tuple[int, ...]:
    """The allowance of every day of a warm-up that goes well, to the first day at the limit."""
    ramp = Ramp(plan.start)
    table = [allowance(ramp, limit)]
    while table[-1] not in (limit, UNLIMITED):
        ramp = after_day(plan, ramp, DayUse(table[-1], Quality.GREEN), limit)
        table.append(allowance(ramp, limit))
    return tuple(table)


def day_of(first_sent_ms: int, now_ms: int) -> int:
    """Which day of the warm-up it is, from 0: days of 24 hours since the first send."""
    return max(0, now_ms - first_sent_ms) // DAY_MS


def next_day_ms(first_sent_ms: int, now_ms: int) -> int:
    """When the next day of the warm-up begins, and with it the next allowance."""
    return first_sent_ms + (day_of(first_sent_ms, now_ms) + 1) * DAY_MS
