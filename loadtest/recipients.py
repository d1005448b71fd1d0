"""Whom a rollout is for, and where they live, so that a message at night is one by our own knowledge.

Numbers of one country and, mixed in evenly, of others whose clocks differ; by each prefix one zone, chosen among those
that leave no doubt.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count, cycle
from typing import Final
from zoneinfo import ZoneInfo

from tidegate.simulator.book import Accepted

MOST: Final = 9_999_999
"""Recipients of one prefix: what follows it has seven digits."""


@dataclass(frozen=True, slots=True)
class Home:
    """A prefix of phone numbers, digits from the country code on, and the zone (IANA) of all who have it."""

    prefix: str
    zone: str


HERE: Final = Home("1212", "America/New_York")
ABROAD: Final = (
    Home("491511", "Europe/Berlin"),
    Home("81901", "Asia/Tokyo"),
    Home("97150", "Asia/Dubai"),
    Home("91981", "Asia/Calcutta"),
)


def everybody(recipients: int, foreign: float) -> Iterator[str]:
    """So many numbers, none twice; `foreign`: the share of those abroad, 0 to 1."""
    homes, here, abroad = cycle(ABROAD), count(), count()
    for index in range(recipients):
        is_abroad = int((index + 1) * foreign) > int(index * foreign)
        yield f"{next(homes).prefix}{next(abroad):07d}" if is_abroad else f"{HERE.prefix}{next(here):07d}"


def zone_of(user: str) -> str | None:
    """The zone of one of `everybody`; None of anybody else."""
    return next((home.zone for home in (HERE, *ABROAD) if user.startswith(home.prefix)), None)


@dataclass(frozen=True, slots=True)
class Night:
    """Hours of the recipient's clock in minutes of the day: `from_minute` is the first, `to_minute` the next day's."""

    from_minute: int
    to_minute: int

    def covers(self, at_ms: int, zone: str) -> bool:
        """Whether it is night in a zone (IANA) at a time (ms since 1970)."""
        there = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(zone))
        minute = there.hour * 60 + there.minute
        if self.from_minute <= self.to_minute:
            return self.from_minute <= minute < self.to_minute
        return minute >= self.from_minute or minute < self.to_minute

    def sends(self, accepted: Iterable[Accepted], template: str) -> int:
        """How many of these sends, of one template, were accepted in their recipients' night."""
        found = 0
        for send in accepted:
            zone = zone_of(send.user) if send.template == template else None
            found += zone is not None and self.covers(send.at_ms, zone)
        return found

    def to_json(self) -> dict[str, str]:
        """It as a campaign's order has it."""
        return {"from": _written(self.from_minute), "to": _written(self.to_minute)}


def _written(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
