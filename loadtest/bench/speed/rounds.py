"""Rounds: every candidate once in each, in another order each time; ratios are taken within a round."""

from __future__ import annotations

import random
import statistics
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from aiohttp import ClientError

from loadtest.bench.speed.stage import Candidate
from loadtest.bench.speed.window import Void

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Spread:
    """A median, and the quartiles around it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Of one value or more."""
        found = list(values)
        if len(found) < 2:
            return cls(found[0], found[0], found[0])
        low, median, high = statistics.quantiles(found, n=4, method="inclusive")
        return cls(median, low, high)


@dataclass
class Rounds(Generic[T]):
    """The windows of each candidate, one of each round; None where a window was void."""

    windows: dict[str, list[T | None]] = field(default_factory=dict)
    #: Why windows were void: none of them counts, and a run with any proves nothing.
    voids: list[str] = field(default_factory=list)

    def of(self, name: str, figure: Callable[[T], float]) -> Spread:
        """A figure of one candidate. Raises KeyError, IndexError for one that was never measured."""
        return Spread.of(figure(window) for window in self.windows[name] if window is not None)

    def ratio(self, name: str, to: str, figure: Callable[[T], float]) -> Spread:
        """A figure against that of another, round by round."""
        return self.paired(name, to, lambda one, other: figure(one) / figure(other))

    def paired(self, name: str, to: str, compare: Callable[[T, T], float]) -> Spread:
        """Two candidates compared, round by round."""
        pairs = zip(self.windows[name], self.windows[to], strict=True)
        return Spread.of(compare(one, other) for one, other in pairs if one is not None and other is not None)

    def has(self, *names: str) -> bool:
        """Whether there is a window of each of them."""
        return all(any(self.windows.get(name, ())) for name in names)


async def in_rounds(
    candidates: Sequence[Candidate], rounds: int, measure: Callable[[Candidate], Awaitable[T]], seed: int = 8
) -> Rounds[T]:
    """Measure each candidate once a round, shuffled."""
    made: Rounds[T] = Rounds({candidate.name: [] for candidate in candidates})
    chance = random.Random(seed)
    for _ in range(rounds):
        for candidate in chance.sample(candidates, len(candidates)):
            try:
                made.windows[candidate.name].append(await measure(candidate))
            except (Void, ClientError, OSError) as fault:
                made.windows[candidate.name].append(None)
                made.voids.append(str(fault) or f"{candidate.name}: not everything was answered in time")
    return made
