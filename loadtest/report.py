"""What came of a rollout: as a table for people and as JSON for machines."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from rich.table import Table

from loadtest.plan import Plan
from loadtest.series import Series

#: What a code may wait at most, in virtual ms.
CODE_WITHIN_MS = 1_000


@dataclass(frozen=True, slots=True)
class Report:
    """`answers` and `refused`: how the gateway answered the campaign's calls; `accepted`: by the platform's book.

    `took_ms` is virtual, to the last accepted message; `real_s` is the machine's. `limit_used`: 0 to 1, the time
    average of what the platform's book counts, over what a campaign may use, from when that was first full; None when
    it never was. `book` is the simulator's report.
    """

    plan: Plan
    answers: dict[str, int]
    refused: dict[str, int]
    accepted: int
    took_ms: int
    real_s: float
    limit_used: float | None
    codes_sent: int
    codes_refused: dict[str, int]
    slowest_code_ms: int
    book: dict[str, Any]
    series: Series

    @property
    def violations(self) -> dict[str, int]:
        """Broken rules by kind, as the simulator counted them."""
        counts: dict[str, int] = self.book["violations"]
        return counts

    @property
    def clean(self) -> bool:
        """Whether no rule was broken, and no login code refused or late."""
        return not (any(self.violations.values()) or self.codes_refused or self.slowest_code_ms > CODE_WITHIN_MS)

    @property
    def title(self) -> str:
        """What was played, in a line."""
        plan = self.plan
        limit = "none" if plan.limit < 0 else f"{plan.limit:,}"
        return f"{plan.recipients:,} recipients, limit {limit}, {plan.scenario}, nodes {plan.nodes}"

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values; the book's evidence names users, so it is left out."""
        return asdict(replace(self, series=Series(0, 0))) | {
            "series": self.series.to_json(),
            "book": {key: value for key, value in self.book.items() if key != "evidence"},
            "clean": self.clean,
        }

    def table(self) -> Table:
        """The report for a terminal."""
        plan = self.plan
        table = Table(title=self.title, show_header=False, title_justify="left")
        used = "never full" if self.limit_used is None else f"{self.limit_used:.3%}"
        rows = [
            ("messages accepted by the platform", f"{self.accepted:,}"),
            ("not sent within the days, or expired", f"{plan.recipients - self.accepted:,}"),
            ("answered at once: sent", f"{self.answers.get('send', 0):,}"),
            ("answered: queued", f"{self.answers.get('queue', 0):,}"),
            ("answered: outcome unknown", f"{self.answers.get('unknown', 0):,}"),
            ("refused", by_name(self.refused)),
            ("time to finish (virtual)", span(self.took_ms)),
            ("time to finish (real)", f"{self.real_s:.0f} s"),
            ("used of what a campaign may use", used),
            ("login codes sent", f"{self.codes_sent:,}"),
            ("login codes refused", by_name(self.codes_refused)),
            ("slowest login code (virtual)", f"{self.slowest_code_ms:,} ms"),
            ("what became of them", by_name(self.book["fates"])),
            ("refused by the platform, by code", by_name(self.book["refused"])),
            *((f"violations: {kind}", f"{count:,}") for kind, count in self.violations.items()),
        ]
        for name, value in rows:
            table.add_row(name, value)
        return table


def by_name(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items())) or "none"


def span(ms: int) -> str:
    days, rest = divmod(ms // 1_000, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, seconds = divmod(rest, 60)
    return f"{days} d {hours:02} h {minutes:02} min {seconds:02} s"
