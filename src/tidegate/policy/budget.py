"""A budget: how much may be spent in each day, week or month; a wallet: how much until it is topped up.

An amount is reserved when a send is accepted, settled when a status tells what Meta bills, and given back when the
message failed (`charge.py`). All amounts are whole micro-units of one currency. A charge belongs to the period in which
it was reserved, whenever it is settled.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from tidegate.policy.charge import Charge
from tidegate.policy.zones import load_zone


class Period(StrEnum):
    """For how long a budget is: a calendar day, a week from Monday, or a calendar month."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Budget:
    """At most this much in each period, by the calendar of an IANA zone (that of the WABA, as Meta's invoices).

    Raises ValueError for a negative amount or a zone that is none.
    """

    period: Period
    amount_micros: int
    zone: str = "UTC"

    def __post_init__(self) -> None:
        if self.amount_micros < 0:
            raise ValueError("a budget is 0 or more")
        if load_zone(self.zone) is None:
            raise ValueError("there is no such time zone")

    def period_ms(self, now_ms: int) -> tuple[int, int]:
        """Start (included) and end (not included) of the period that is now, in ms."""
        zone = ZoneInfo(self.zone)
        return _bounds_ms(self.period, zone, datetime.fromtimestamp(now_ms // 1000, zone).date())


@lru_cache(maxsize=256)
def _bounds_ms(period: Period, zone: ZoneInfo, today: date) -> tuple[int, int]:
    if period is Period.MONTH:
        first = today.replace(day=1)
        next_first = (first + timedelta(days=31)).replace(day=1)
    else:
        first = today if period is Period.DAY else today - timedelta(days=today.weekday())
        next_first = first + timedelta(days=1 if period is Period.DAY else 7)
    return _begin_ms(zone, first), _begin_ms(zone, next_first)


def _begin_ms(zone: ZoneInfo, day: date) -> int:
    # Where the clock jumps over midnight this is the jump; where it shows midnight twice, the first time.
    return int(datetime.combine(day, time.min, zone).timestamp()) * 1000


@dataclass(frozen=True, slots=True)
class Spending:
    """What was taken of an amount: `reserved_micros` for messages under way, `spent_micros` for those billed."""

    reserved_micros: int = 0
    spent_micros: int = 0

    @property
    def taken_micros(self) -> int:
        """Both together."""
        return self.reserved_micros + self.spent_micros

    def moved(self, before: Charge | None, after: Charge) -> Spending:
        """The spending after one charge became another; None: after it was reserved."""
        reserved, spent = (before.reserved, before.spent) if before else (0, 0)
        return Spending(
            self.reserved_micros + after.reserved - reserved,
            self.spent_micros + after.spent - spent,
        )


def left_micros(amount_micros: int, spending: Spending) -> int:
    """What is left of an amount; never below 0, though Meta may bill more than was reserved."""
    return max(0, amount_micros - spending.taken_micros)


def fits(price_micros: int, amount_micros: int, spending: Spending) -> bool:
    """Whether a message of this price may still go. What is free always may."""
    return price_micros <= left_micros(amount_micros, spending)


@dataclass(frozen=True, slots=True)
class Wallet:
    """Money paid in advance: all top-ups so far, and what was taken of them."""

    topped_up_micros: int = 0
    spending: Spending = Spending()

    @property
    def balance_micros(self) -> int:
        """Top-ups less what was billed; below 0 is a debt."""
        return self.topped_up_micros - self.spending.spent_micros

    @property
    def available_micros(self) -> int:
        """What a further message may cost: the balance less what is reserved, 0 at least."""
        return left_micros(self.topped_up_micros, self.spending)

    def top_up(self, micros: int) -> Wallet:
        """The wallet with this much more in it. Raises ValueError when it is not more."""
        if micros <= 0:
            raise ValueError("a top-up is more than 0")
        return replace(self, topped_up_micros=self.topped_up_micros + micros)


@dataclass(frozen=True, slots=True)
class Included:
    """Messages that cost nothing in each month: the number's free tier, or what the operator's plan includes."""

    per_month: int
    used: int = 0

    @property
    def left(self) -> int:
        """How many are left this month."""
        return max(0, self.per_month - self.used)
