"""What is planned, and what the plan begins with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tidegate.policy.capacity import Release
from tidegate.policy.standing import Standing

DAY_MS: Final = 86_400_000
#: How far ahead a plan looks at most.
HORIZON_MS: Final = 60 * DAY_MS
#: From a send to its delivery, from which its place lasts 24 h: what most phones that are on take.
DELIVERED_AFTER_MS: Final = 5_000


@dataclass(frozen=True, slots=True)
class Situation:
    """A portfolio at one instant: its standing, the places held and when they come free, what allowances stand at.

    `tallied` by the name of the tally; one that is not in it stands at 0. `share`: of the app's share of the limit, if
    it has one, the places taken and when they come free.
    """

    now_ms: int
    standing: Standing
    used: int = 0
    curve: tuple[Release, ...] = ()
    tallied: Mapping[str, int] | None = None
    share: tuple[int, tuple[Release, ...]] = (0, ())


@dataclass(frozen=True, slots=True)
class Leg:
    """One step of a campaign. `soak_ms`: from its last send until its gate lets the next step begin."""

    name: str
    soak_ms: int = 0


@dataclass(frozen=True, slots=True)
class Itinerary:
    """When a campaign may send: from `start_ms`, leg by leg, until `deadline_ms`."""

    start_ms: int
    deadline_ms: int
    legs: tuple[Leg, ...] = (Leg("all"),)

    def end_ms(self, now_ms: int) -> int:
        """When there is nothing more to look at."""
        return min(self.deadline_ms, max(now_ms, self.start_ms) + HORIZON_MS)
