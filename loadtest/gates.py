"""`python -m loadtest gates`: how often a campaign's gates halt a good template, and how soon a bad one, by trial."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from loadtest.gate_trials import TRIALS, Told, Trial, play
from tidegate.policy.warning_metric import HOUR_MS


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one trial."""

    trial: Trial
    told: tuple[Told, ...]

    @property
    def halted(self) -> int:
        return sum(one.halted is not None for one in self.told)

    @property
    def in_time(self) -> int:
        return sum(one.in_time for one in self.told)

    @property
    def holds(self) -> bool:
        """Whether it is as promised: of 100 good ones at most 2 are halted, of 100 bad ones at least 95 in time."""
        return (
            self.halted * 100 <= 2 * len(self.told) if self.trial.is_good else self.in_time * 100 >= 95 * len(self.told)
        )

    def sent(self) -> str:
        """Sends until the halt: the median, and the most."""
        sent = sorted(one.sent for one in self.told if one.halted is not None)
        return f"{sent[len(sent) // 2]:,} / {sent[-1]:,}" if sent else "-"

    def waited(self) -> str:
        """Hours from a step's last send to its pass: the median, and nine in ten."""
        waits = sorted(ms for one in self.told for ms in one.waited_ms)
        return f"{waits[len(waits) // 2] / HOUR_MS:.1f} / {waits[len(waits) * 9 // 10] / HOUR_MS:.1f}" if waits else "-"

    def to_json(self) -> dict[str, Any]:
        return {
            "trial": self.trial.name,
            "campaigns": len(self.told),
            "halted": self.halted,
            "halted_before_a_quarter": self.in_time,
            "holds": self.holds,
            "ends": [
                {"halted": one.halted, "step": one.step, "sent": one.sent, "took_ms": one.took_ms} for one in self.told
            ],
        }


def run(
    trials: Sequence[Trial], seeds: int, first: int = 1, progress: Callable[[Row], None] = lambda row: None
) -> list[Row]:
    """Play each trial with so many seeds."""
    rows = []
    for trial in trials:
        rows.append(Row(trial, tuple(play(trial, seed) for seed in range(first, first + seeds))))
        progress(rows[-1])
    return rows


def gates(
    seeds: Annotated[int, typer.Option(min=1, max=10_000, help="Campaigns of each kind.")] = 100,
    seed: Annotated[int, typer.Option(help="The first seed.")] = 1,
    json: Annotated[typer.FileBinaryWrite | None, typer.Option(help="Write what came of them here as well.")] = None,
) -> None:
    """Try the gates of campaigns: how often they halt good templates, how soon bad ones; exit 1 if not as promised."""
    table = Table("campaign", "halted", "before 25 %", "sends until then", "hours until a pass", "as promised")
    with Console(stderr=True).status("playing") as status:
        rows = run(TRIALS, seeds, seed, lambda row: status.update(f"played: {row.trial.name}"))
    for row in rows:
        halted, in_time = f"{row.halted} of {seeds}", str(row.in_time) if row.halted else "-"
        table.add_row(row.trial.name, halted, in_time, row.sent(), row.waited(), "yes" if row.holds else "NO")
    Console().print(table)
    if json is not None:
        json.write(orjson.dumps([row.to_json() for row in rows], option=orjson.OPT_INDENT_2) + b"\n")
    raise typer.Exit(0 if all(row.holds for row in rows) else 1)
