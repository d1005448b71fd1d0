"""The table of what runs showed: for a terminal, and as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.chaos.rows import Promise, Row
from tests.chaos.run import Outcome
from tests.chaos.verdict import Findings

_HEAD: Final = (
    "fault", "promised", "runs", "messages", "over-limit", "duplicates", "lost", "wrong", "oracle", "unresolved",
    "waiting", "recovery s", "503", "503 p99 s", "other 5xx", "no answer",
)  # fmt: skip

#: What the oracle says of one run.
_MOST: Final = 5
#: What is promised of a row that is timed.
_RECOVERED_WITHIN_S: Final = 10.0
_REFUSED_WITHIN_S: Final = 0.5


@dataclass(slots=True)
class Line:
    """All runs of one fault. `failed`: runs that could not be brought to their end, and why."""

    name: str
    row: Row
    outcomes: list[Outcome] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    @property
    def findings(self) -> Findings:
        return sum((outcome.findings for outcome in self.outcomes), Findings())

    @property
    def answers(self) -> Counter[str]:
        return sum((outcome.tally.classes for outcome in self.outcomes), Counter[str]())

    @property
    def faults(self) -> list[str]:
        """Why this is not as it should be; empty where it is."""
        found, findings, answers = list(self.failed), self.findings, self.answers
        broken = self._broken
        if self.row.promise in (Promise.NONE, Promise.NO_LIMIT):
            if self.outcomes and not broken:
                found.append(f"{self.name}: nothing is promised, and nothing broke: this row would not see it")
        elif broken:
            found.append(f"{self.name}: promised, and broken {broken} times")
            found += [f"{self.name}: {note}" for outcome in self.outcomes for note in outcome.broken[:_MOST]]
        if findings.waiting and not self.row.is_held:
            found.append(f"{self.name}: {findings.waiting} promises were never kept nor ended")
        if answers["5xx"]:
            found.append(f"{self.name}: {answers['5xx']} answers of 500 or the like")
        if self.row.is_timed:
            found += [f"{self.name}: {fault}" for outcome in self.outcomes for fault in _too_slow(outcome)]
        return found

    @property
    def _broken(self) -> int:
        findings = self.findings
        return findings.violations - (findings.lost if self.row.promise in (Promise.LIMIT, Promise.NO_LIMIT) else 0)

    def cells(self) -> tuple[str, ...]:
        """What `_HEAD` names."""
        findings, answers = self.findings, self.answers
        recoveries = [outcome.recovery_s for outcome in self.outcomes]
        p99s = [p99 for outcome in self.outcomes if (p99 := outcome.tally.refusal_p99_s) is not None]
        return (
            self.name,
            self.row.promise.value,
            f"{len(self.outcomes)}" + (f" ({len(self.failed)} failed)" if self.failed else ""),
            *(str(getattr(findings, name)) for name in ("promised", "over_limit", "duplicates", "lost", "wrong")),
            *(str(getattr(findings, name)) for name in ("broken", "unresolved", "waiting")),
            _worst(recoveries),
            str(answers["503"]),
            f"{max(p99s):.2f}" if p99s else "",
            str(answers["5xx"]),
            str(answers["none"]),
        )


def _too_slow(outcome: Outcome) -> Iterator[str]:
    if outcome.recovery_s is None or outcome.recovery_s > _RECOVERED_WITHIN_S:
        yield f"not as before within {_RECOVERED_WITHIN_S:g} s"
    if (outcome.tally.refusal_p99_s or 0) > _REFUSED_WITHIN_S:
        yield f"refused only after {outcome.tally.refusal_p99_s:.2f} s"


def _worst(recoveries: Sequence[float | None]) -> str:
    known = [seconds for seconds in recoveries if seconds is not None]
    never = len(recoveries) - len(known)
    return " ".join(filter(None, [f"{max(known):.1f}" if known else "", f"not seen x{never}" if never else ""]))


def plain(lines: Mapping[str, Line]) -> str:
    """Columns for a terminal."""
    rows = [_HEAD, *(line.cells() for line in lines.values())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def markdown(lines: Mapping[str, Line]) -> str:
    """A table in Markdown."""
    rows = [_HEAD, ("---",) * len(_HEAD), *(line.cells() for line in lines.values())]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"
