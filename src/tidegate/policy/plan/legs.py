"""A campaign's steps in virtual time: one after the other, each after the gate of the one before it."""

from __future__ import annotations

from collections.abc import Sequence

from tidegate.policy.plan.cohort import Cohort
from tidegate.policy.plan.forecast import LegTimes
from tidegate.policy.plan.itinerary import Itinerary


class Legs:
    """Which step is on, and when the next one may begin; every gate is taken to pass as soon as it may."""

    def __init__(self, itinerary: Itinerary, cohorts: Sequence[Cohort]) -> None:
        self._itinerary = itinerary
        self._members: list[list[int]] = [[] for _ in itinerary.legs]
        self._recipients = [0] * len(itinerary.legs)
        for index, cohort in enumerate(cohorts):
            if cohort.step is not None:
                self._members[cohort.step].append(index)
                self._recipients[cohort.step] += cohort.recipients
        self._on = 0
        self._from_ms = itinerary.start_ms
        self._began: list[int | None] = [None] * len(itinerary.legs)
        self._gone: list[int | None] = [None] * len(itinerary.legs)
        self._over: list[int | None] = [None] * len(itinerary.legs)

    @property
    def began(self) -> bool:
        """Whether the first step has begun."""
        return self._began[0] is not None

    def remaining(self, left: Sequence[int]) -> bool:
        """Whether anybody of the campaign is left; `left` by cohort."""
        return any(left[index] for members in self._members[self._on :] for index in members)

    def look(self, left: Sequence[int], last_ms: int | None, now_ms: int) -> None:
        """Begin what may begin now, and end what has nobody left; `last_ms`: when the last of the campaign went."""
        while now_ms >= self._from_ms:
            if self._began[self._on] is None:
                self._began[self._on] = max(self._from_ms, self._itinerary.start_ms)
            if any(left[index] for index in self._members[self._on]):
                return
            self._end(max(last_ms or 0, self._began[self._on] or 0))
            if self._on + 1 == len(self._members):
                return
            self._on += 1

    def _end(self, gone_ms: int) -> None:
        if self._over[self._on] is None:
            soak_ms = self._itinerary.legs[self._on].soak_ms if self._recipients[self._on] else 0
            self._gone[self._on], self._over[self._on] = gone_ms, gone_ms + soak_ms
            self._from_ms = gone_ms + soak_ms

    def on(self) -> Sequence[int]:
        """The cohorts of the step that is on, by their indices; () while it is waited for."""
        return () if self._began[self._on] is None else self._members[self._on]

    def to_come(self) -> int:
        """Recipients of steps that have not begun."""
        return sum(self._recipients[self._on + (self._began[self._on] is not None) :])

    def next_ms(self, now_ms: int) -> int | None:
        """When the step that is waited for begins; None: it is on."""
        return self._from_ms if self._from_ms > now_ms else None

    def times(self) -> tuple[LegTimes, ...]:
        """How the steps went."""
        rows = zip(self._itinerary.legs, self._recipients, self._began, self._gone, self._over, strict=True)
        return tuple(LegTimes(leg.name, count, began, gone, over) for leg, count, began, gone, over in rows)
