"""What came of a rollout through the campaign API: as a table for people, as JSON for machines, and as a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from rich.table import Table

from loadtest.report import CODE_WITHIN_MS, by_name, span
from loadtest.rollout import Rollout
from loadtest.series import Series
from loadtest.waits import Waits

#: How far a plan may be off, and how much of what headroom and reserves leave is to be used.
PLAN_WITHIN: Final = 0.03
USED_AT_LEAST: Final = 0.999


@dataclass(frozen=True, slots=True)
class Outcome:
    """`state`, `progress`, `halted`: as the gateway tells; all else by the platform's book.

    `accepted` messages of the campaign went to `reached` users; times are virtual but `real_s`. `planned_ms` None: the
    plan said that the days do not suffice. `limit_used`: see `demand.limit_used`. `night_sends`: messages of the
    campaign in their recipients' night.
    """

    rollout: Rollout
    state: str
    progress: Mapping[str, int]
    halted: Mapping[str, Any] | None
    accepted: int
    reached: int
    took_ms: int
    planned_ms: int | None
    real_s: float
    limit_used: float | None
    codes: Waits
    book: Mapping[str, Any]
    night_sends: int
    series: Series

    @property
    def violations(self) -> dict[str, int]:
        """Broken rules by kind; `twice`: recipients who got the campaign more than once."""
        counts: dict[str, int] = dict(self.book["violations"])
        return counts | {"twice": self.accepted - self.reached, "at_night": self.night_sends}

    @property
    def plan_off(self) -> float | None:
        """How far the plan's finish was off, as a share of the time that the rollout took; None: there is no finish."""
        if self.planned_ms is None or not self.took_ms or self.reached < self.rollout.recipients:
            return None
        return abs(self.planned_ms - self.took_ms) / self.took_ms

    @property
    def clean(self) -> bool:
        """Whether no rule was broken, and no login code refused or, but for one in a hundred, late."""
        return not (any(self.violations.values()) or self.codes.refused) and self.codes_in_time

    @property
    def codes_in_time(self) -> bool:
        """Whether 99 of 100 login codes went within a second."""
        return self.codes.within_ms(0.99) <= CODE_WITHIN_MS

    @property
    def proves(self) -> bool:
        """Whether, besides, everybody was reached when the plan said, and the limit was used."""
        planned = self.plan_off is not None and self.plan_off <= PLAN_WITHIN
        return self.clean and planned and (self.limit_used is None or self.limit_used >= USED_AT_LEAST)

    def to_json(self) -> dict[str, Any]:
        """It as JSON values; the book's evidence names users, so it is left out."""
        return {
            "rollout": asdict(self.rollout),
            "state": self.state,
            "progress": dict(self.progress),
            "halted": self.halted,
            "accepted": self.accepted,
            "reached": self.reached,
            "took_ms": self.took_ms,
            "planned_ms": self.planned_ms,
            "plan_off": self.plan_off,
            "real_s": round(self.real_s, 1),
            "limit_used": self.limit_used,
            "codes": {
                "sent": self.codes.sent,
                "refused": dict(self.codes.refused),
                "p50_ms": self.codes.within_ms(0.5),
                "p99_ms": self.codes.within_ms(0.99),
                "slowest_ms": self.codes.within_ms(1),
            },
            "violations": self.violations,
            "book": {key: value for key, value in self.book.items() if key != "evidence"},
            "clean": self.clean,
            "proves": self.proves,
            "series": self.series.to_json(),
        }

    def table(self) -> Table:
        """It for a terminal."""
        table = Table(title=self.rollout.title, show_header=False, title_justify="left")
        off = "-" if self.plan_off is None else f"{self.plan_off:.2%}"
        codes = self.codes
        rows = [
            ("campaign", self.state),
            ("rows, as the gateway tells them", by_name({name: n for name, n in self.progress.items() if n})),
            ("messages that the platform took", f"{self.accepted:,}"),
            ("recipients not reached", f"{self.rollout.recipients - self.reached:,}"),
            ("finished after, by the plan", "-" if self.planned_ms is None else span(self.planned_ms)),
            ("finished after (virtual)", span(self.took_ms)),
            ("the plan was off by", off),
            ("played in (real)", f"{self.real_s:.0f} s"),
            (
                "used of what headroom and reserves leave",
                "never full" if self.limit_used is None else f"{self.limit_used:.3%}",
            ),
            ("login codes sent", f"{codes.sent:,}"),
            ("login codes refused", by_name(codes.refused)),
            ("login codes' wait: p50, p99, longest", ", ".join(f"{codes.within_ms(s):,} ms" for s in (0.5, 0.99, 1))),
            ("what became of all messages", by_name(self.book["fates"])),
            ("refused by the platform, by code", by_name(self.book["refused"])),
            *((f"violations: {kind}", f"{count:,}") for kind, count in self.violations.items()),
        ]
        for name, value in rows:
            table.add_row(name, value)
        return table
