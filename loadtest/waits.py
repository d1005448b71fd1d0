"""How long login codes waited, from being asked for to the platform's acceptance."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from math import ceil


@dataclass(slots=True)
class Waits:
    """`waits_ms`: one of each code that was sent; `refused` by reason: of those that were answered anything else."""

    waits_ms: list[int] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def sent(self) -> int:
        """Codes that were sent."""
        return len(self.waits_ms)

    def within_ms(self, share: float) -> int:
        """The wait that this share of the codes did not exceed; 0 where none was sent."""
        if not self.waits_ms:
            return 0
        return sorted(self.waits_ms)[max(0, ceil(share * len(self.waits_ms)) - 1)]
