"""What a plan tells: when how much is sent, what waits for what, how full the limit gets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.plan.cohort import Cohort, Sender

HOUR_MS: Final = 3_600_000
#: What recipients of a later step wait for: no reason of a guardrail.
STEP: Final = "step"


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour from `from_ms`; the first and the last may be shorter.

    `sent` and `refused` (by reason) within it, `waiting` (by reason) at its end, and of each category the least of the
    places that were left to it within the hour; None where the limit has no end.
    """

    from_ms: int
    sent: int
    refused: Mapping[str, int]
    waiting: Mapping[str, int]
    left: Mapping[Category, int] | None


@dataclass(frozen=True, slots=True)
class LegTimes:
    """One step: when its first and last sends go, and when its gate lets the next one begin; None: never."""

    name: str
    recipients: int
    began_ms: int | None
    gone_ms: int | None
    over_ms: int | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """How a campaign will go if nothing changes.

    `finish_ms`: when everybody was sent to or refused; None where somebody is left when it ends (`ended_ms`), by the
    reason for which they still wait in `unsent`. `limit_used`: of the places that the campaign may fill, on average
    from when they were first full until its last send; None where they never are. `least_left`: of each category the
    fewest places left at any time. `beside_refused`: sends beside the campaign, by category, that find no place.
    """

    began_ms: int
    ended_ms: int
    finish_ms: int | None
    recipients: int
    sent: int
    refused: Mapping[str, int]
    unsent: Mapping[str, int]
    hours: tuple[Hour, ...]
    legs: tuple[LegTimes, ...]
    by_sender: Mapping[Sender, int]
    by_cohort: Mapping[int, int]
    limit_used: float | None
    least_left: Mapping[Category, int] | None
    beside_refused: Mapping[Category, int]
    waited_ms: Mapping[str, int]


@dataclass(slots=True)
class Logbook:
    """Notes what happens in virtual time, hour by hour."""

    began_ms: int
    hours: list[Hour] = field(default_factory=list)
    sent: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    by_sender: Counter[Sender] = field(default_factory=Counter)
    by_cohort: Counter[int] = field(default_factory=Counter)
    beside_refused: Counter[Category] = field(default_factory=Counter)
    least_left: dict[Category, int] = field(default_factory=dict)
    last_ms: int | None = None
    waited_ms: Counter[str] = field(default_factory=Counter)
    _from_ms: int = -1
    _sent: int = 0
    _refused: Counter[str] = field(default_factory=Counter)
    _left: dict[Category, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._from_ms = self.began_ms

    def next_hour_ms(self) -> int:
        """When the hour that is written now ends."""
        return (self._from_ms // HOUR_MS + 1) * HOUR_MS

    def note_sent(self, cohort: int, sender: Sender, count: int, last_ms: int) -> None:
        """So many of a cohort went out by this number, the last of them then."""
        self.sent += count
        self._sent += count
        self.by_sender[sender] += count
        self.by_cohort[cohort] += count
        self.last_ms = max(self.last_ms or 0, last_ms)

    def note_refused(self, reason: str, count: int, at_ms: int) -> None:
        """So many of the campaign will not be sent."""
        self.refused[reason] += count
        self._refused[reason] += count
        self.last_ms = max(self.last_ms or 0, at_ms)

    def note_left(self, left: Mapping[Category, int]) -> None:
        """So many places are left now."""
        for category, places in left.items():
            for least in (self.least_left, self._left):
                least[category] = min(places, least.get(category, places))

    def pass_to(self, now_ms: int, to_ms: int, waiting: Mapping[str, int], left: Mapping[Category, int]) -> None:
        """Time goes on, and nothing changes meanwhile."""
        for reason, count in waiting.items():
            self.waited_ms[reason] += count * (to_ms - now_ms)
        while (end_ms := self.next_hour_ms()) <= to_ms:
            self._close(end_ms, waiting)
            self.note_left(left)

    def end(self, waiting: Mapping[str, int]) -> None:
        """Nothing more happens."""
        if self._sent or self._refused or not self.hours:
            self._close(self.next_hour_ms(), waiting)

    def _close(self, end_ms: int, waiting: Mapping[str, int]) -> None:
        left = dict(self._left) or None
        self.hours.append(Hour(self._from_ms, self._sent, dict(self._refused), dict(waiting), left))
        self._from_ms, self._sent, self._refused, self._left = end_ms, 0, Counter(), {}


def recipients_of(cohorts: tuple[Cohort, ...]) -> int:
    """Of the campaign, whatever waited before it left out."""
    return sum(cohort.recipients for cohort in cohorts if cohort.step is not None)
