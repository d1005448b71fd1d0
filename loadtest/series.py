"""How a rollout went over time: a sample now and then, by the platform's own book and the gateway's queue."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from loadtest.deployment import LOGIN_CODE, MARKETING, PORTFOLIO
from tidegate.simulator.world import World

#: Grades as the platform names them, the best first.
GRADES = ("GREEN", "YELLOW", "RED")
_RANK = ("UNKNOWN", *GRADES)


@dataclass(frozen=True, slots=True)
class Sample:
    """One moment, `at_ms` after the beginning. `sent`, `codes`, `refused`: until now; `places`, `queued`: now.

    `sent` counts the campaign's messages that the platform took, `codes` login codes; `refused` what it refused, of
    both. `places`: users that it counts. `quality`: of the worst number, UNKNOWN while too little was delivered.
    """

    at_ms: int
    sent: int
    codes: int
    refused: int
    queued: int
    places: int
    quality: str


@dataclass(slots=True)
class Series:
    """Samples in their order. `limit`: the messaging limit, -1 for none; `most`: places that a campaign may fill."""

    limit: int
    most: int
    samples: list[Sample] = field(default_factory=list)
    _began_ms: int | None = None
    _read: int = 0
    _taken: Counter[str | None] = field(default_factory=Counter)

    def take(self, now_ms: int, world: World, queued: int) -> Sample:
        """Look at the platform; `queued` messages wait in the gateway now."""
        book = world.book
        if self._began_ms is None:
            self._began_ms = now_ms
        self._taken.update(send.template for send in book.accepted[self._read :])
        self._read = len(book.accepted)
        sample = Sample(
            at_ms=now_ms - self._began_ms,
            sent=self._taken[MARKETING],
            codes=self._taken[LOGIN_CODE],
            refused=book.refused.total(),
            queued=queued,
            places=world.estate.portfolios[PORTFOLIO].places.committed(now_ms),
            quality=max((number.quality for number in world.estate.numbers.values()), key=_RANK.index),
        )
        self.samples.append(sample)
        return sample

    def to_json(self) -> list[dict[str, Any]]:
        """The samples as JSON values."""
        return [asdict(sample) for sample in self.samples]
