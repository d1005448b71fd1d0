"""What came of a rollout through a gateway that runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table

from loadtest.report import CODE_WITHIN_MS, by_name, span
from loadtest.rollout import Rollout
from loadtest.waits import Waits


@dataclass(frozen=True, slots=True)
class LiveOutcome:
    """`state` and `progress` as the gateway tells; `accepted` messages of the campaign to `reached` users, `broken`
    rules and `night_sends` by the platform's book, since the beginning.

    `codes`: from when each was due to its answer. `answers`: how the gateway answered an app's own sends. `missed`:
    arrivals that found too many open to be asked for.
    """

    rollout: Rollout
    state: str
    progress: Mapping[str, int]
    took_ms: int
    accepted: int
    reached: int
    codes: Waits
    answers: Mapping[str, int]
    missed: int
    broken: Mapping[str, int]
    night_sends: int

    @property
    def violations(self) -> dict[str, int]:
        """Broken rules by kind; `twice`: recipients who got the campaign more than once."""
        return dict(self.broken) | {"twice": self.accepted - self.reached, "at_night": self.night_sends}

    @property
    def clean(self) -> bool:
        """Whether no rule was broken, no login code refused, and 99 of 100 were answered within a second."""
        in_time = self.codes.within_ms(0.99) <= CODE_WITHIN_MS
        return in_time and not (any(self.violations.values()) or self.codes.refused)

    def to_json(self) -> dict[str, Any]:
        """It as JSON values."""
        return asdict(self) | {
            "codes": {
                "sent": self.codes.sent,
                "refused": dict(self.codes.refused),
                "p50_ms": self.codes.within_ms(0.5),
                "p99_ms": self.codes.within_ms(0.99),
                "slowest_ms": self.codes.within_ms(1),
            },
            "violations": self.violations,
            "clean": self.clean,
        }

    def table(self) -> Table:
        """It for a terminal."""
        title = f"{self.rollout.recipients:,} recipients, in real time"
        table = Table(title=title, show_header=False, title_justify="left")
        codes = self.codes
        rows = [
            ("campaign", self.state),
            ("rows, as the gateway tells them", by_name({name: n for name, n in self.progress.items() if n})),
            ("messages that the platform took", f"{self.accepted:,}"),
            ("took", span(self.took_ms)),
            ("an app's own sends, by answer", by_name(dict(self.answers))),
            ("arrivals not asked for: too many open", f"{self.missed:,}"),
            ("login codes sent", f"{codes.sent:,}"),
            ("login codes refused", by_name(codes.refused)),
            ("login codes' wait: p50, p99, longest", ", ".join(f"{codes.within_ms(s):,} ms" for s in (0.5, 0.99, 1))),
            *((f"violations: {kind}", f"{count:,}") for kind, count in self.violations.items()),
        ]
        for name, value in rows:
            table.add_row(name, value)
        return table
