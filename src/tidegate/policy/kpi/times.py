"""How long things took, as counts of classes of times: they add up, and their number is bounded.

Class 0 is below a second, and each further one 2^(1/4) = 1.19 times as long as the one before it; the last one, 81,
begins at 12 days and has no end. A quantile lies in the right class and is interpolated within it, so that it is wrong
by less than a fifth of itself, and below a second by less than a second. Means are exact: the sum is kept beside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

CLASSES_PER_DOUBLING: Final = 4
LAST_CLASS: Final = 81
_SECOND_MS: Final = 1_000


def begins_ms(number: int) -> float:
    """The shortest time of a class."""
    return 0.0 if number == 0 else _SECOND_MS * 2.0 ** ((number - 1) / CLASSES_PER_DOUBLING)


@dataclass(frozen=True, slots=True)
class Times:
    """How often something took how long: counts by class, and the sum (ms)."""

    classes: Mapping[int, int]
    total_ms: int = 0

    @property
    def count(self) -> int:
        return sum(self.classes.values())

    @property
    def mean_ms(self) -> float | None:
        """None when there were none."""
        return self.total_ms / self.count if self.count else None

    def quantile_ms(self, share: float) -> float | None:
        """The time within which so large a share (0 to 1) of them ended; None when there were none.

        Of what is in the last class only its beginning is known.
        """
        rank = share * self.count
        for number, count in sorted(self.classes.items()):
            if count and rank <= count:
                begin, end = begins_ms(number), begins_ms(min(number + 1, LAST_CLASS))
                return begin + (end - begin) * max(0.0, rank) / count
            rank -= count
        return None


def times_of(fields: Mapping[str, int], what: str) -> Times:
    """The times of one kind (`deliver`, `response` ...) among a cell's fields: `deliver.7`, `deliver.ms`."""
    begin = f"{what}."
    classes = {
        int(name.removeprefix(begin)): count
        for name, count in fields.items()
        if name.startswith(begin) and name.removeprefix(begin).isdecimal()
    }
    return Times(classes, fields.get(f"{what}.ms", 0))
