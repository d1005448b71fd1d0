"""The figures of one row: what was counted, and the rates that are made of it.

`sent`: messages that Meta accepted, by the day of their acceptance; whatever became of them later is counted under that
day too. Each message is in `delivered` or `failed` at most, never in both: what was delivered after all has not failed.
A rate whose whole is 0 is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tidegate.policy.kpi.times import Times, times_of

THOUSANDTHS: Final = 1_000
JOURNEY: Final = "journey:"


@dataclass(frozen=True, slots=True)
class Mean:
    """What apps reported of messages: of how many, and the mean of the values (0 to 1)."""

    count: int
    mean: float | None


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour of the day (UTC) in which users began to wait for an answer: how many, how many of them got one, and how
    long that took in all (ms).
    """

    hour: int
    asked: int
    answered: int
    took_ms: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Made of the sums of any cells' fields: fields of several cells and days simply add up."""

    fields: Mapping[str, int]

    def count(self, name: str) -> int:
        """How many; a sum that was read while it was being corrected is never told as less than none."""
        return max(0, self.fields.get(name, 0))

    @property
    def failed(self) -> int:
        """Messages that Meta accepted and then failed to deliver, for whatever reason."""
        return sum(self.count(name) for name in ("failed", "withheld", "dropped"))

    @property
    def delivery_rate(self) -> float | None:
        """Delivered of sent."""
        return self._share(self.count("delivered"), "sent")

    @property
    def read_rate(self) -> float | None:
        """Read of delivered; users who turned read receipts off never read."""
        return self._share(self.count("read"), "delivered")

    @property
    def failure_rate(self) -> float | None:
        """Failed of sent."""
        return self._share(self.failed, "sent")

    @property
    def opt_out_rate(self) -> float | None:
        """Opt-outs of sent."""
        return self._share(self.count("opted_out"), "sent")

    @property
    def reply_rate(self) -> float | None:
        """Replies of delivered."""
        return self._share(self.count("replied"), "delivered")

    def times(self, what: str) -> Times:
        """How long something took: `deliver`, `response`, `first` or `handling`."""
        return times_of(self.fields, what)

    def reported(self, what: str) -> Mean:
        """What apps reported: `conversion`, `csat`, or a step of a journey."""
        count = self.count(f"{what}.n")
        return Mean(count, self.count(what) / THOUSANDTHS / count if count else None)

    @property
    def journey(self) -> dict[str, Mean]:
        """Steps that apps reported, by their own words."""
        names = sorted(name.removesuffix(".n") for name in self.fields if _is_step(name))
        return {name.removeprefix(JOURNEY): self.reported(name) for name in names}

    @property
    def hours(self) -> tuple[Hour, ...]:
        """The 24 hours of the day."""
        return tuple(
            Hour(hour, *(self.count(f"{what}.{hour}") for what in ("asked", "answered", "answered_ms")))
            for hour in range(24)
        )

    def _share(self, part: int, whole: str) -> float | None:
        # A message is counted under several names one after the other: whoever reads in between sees no more than all.
        of = self.count(whole)
        return min(1.0, part / of) if of else None


def _is_step(name: str) -> bool:
    return name.startswith(JOURNEY) and name.endswith(".n")
