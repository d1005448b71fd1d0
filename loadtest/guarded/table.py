"""What many trials say together: the table, and whether it says what the guardrails promise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from rich.table import Table

from loadtest.guarded.lists import Audience
from loadtest.guarded.trial import Result

#: What is promised: harmful sends cut by this share, nobody restricted, healthy campaigns stopped at most so often.
LEAST_CUT = 0.80
MOST_FALSELY_STOPPED = 0.02
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """Trials of the same seeds summed up. Shares are 0 to 1; None where there is no trial to tell."""

    results: Sequence[Result]

    def of(self, audience: Audience, *, guarded: bool) -> list[Result]:
        """The trials of one kind, by seed."""
        found = [r for r in self.results if r.trial.audience is audience and r.trial.guarded is guarded]
        return sorted(found, key=lambda result: result.trial.seed)

    @property
    def cuts(self) -> list[float]:
        """By which share the harmful sends to the bought list were cut, by seed; nothing to cut is left out."""
        unguarded = {r.trial.seed: r.harmful for r in self.of(Audience.BOUGHT, guarded=False)}
        guarded = self.of(Audience.BOUGHT, guarded=True)
        pairs = [(r.harmful, unguarded[r.trial.seed]) for r in guarded if unguarded.get(r.trial.seed)]
        return [1 - harmful / before for harmful, before in pairs]

    @property
    def falsely_stopped(self) -> float | None:
        """Share of the healthy campaigns that a guardrail stopped."""
        healthy = self.of(Audience.HEALTHY, guarded=True)
        return sum(r.falsely_stopped for r in healthy) / len(healthy) if healthy else None

    @property
    def kept(self) -> bool:
        """Whether every promise was kept, by every seed where it is one of each seed."""
        guarded = [r for r in self.results if r.trial.guarded]
        return (
            bool(self.cuts)
            and min(self.cuts) >= LEAST_CUT
            and not any(r.restricted for r in guarded)
            and self.falsely_stopped is not None
            and self.falsely_stopped <= MOST_FALSELY_STOPPED
        )

    def table(self) -> Table:
        """The table to be shown."""
        table = Table(title="guarded against unguarded", title_justify="left")
        for name in ("", "guarded", "unguarded"):
            table.add_column(name, justify="left" if not name else "right")
        for name, guarded, unguarded in self.rows():
            table.add_row(name, guarded, unguarded)
        return table

    def rows(self) -> list[tuple[str, str, str]]:
        """Its rows: what is told, of the guarded campaigns, of the unguarded ones."""
        both = {
            (audience, guarded): self.of(audience, guarded=guarded)
            for audience in Audience
            for guarded in (True, False)
        }
        bad, healthy = both[Audience.BOUGHT, True], both[Audience.HEALTHY, True]
        cuts, stopped = self.cuts, self.falsely_stopped
        tried = [{r.trial.seed for r in self.results if r.trial.guarded is guarded} for guarded in (True, False)]
        rows = [("seeds", str(len(tried[0])), str(len(tried[1])))]
        for audience in Audience:
            rows.append((f"{audience} list: sent, median", *_medians(both, audience, "accepted")))
            rows.append((f"{audience} list: sent to users who block, median", *_medians(both, audience, "harmful")))
            rows.append((f"{audience} list: the same, worst seed", *_worst(both, audience)))
            rows.append((f"{audience} list: accounts restricted", *_count(both, audience, "restricted")))
            rows.append(
                (f"{audience} list: numbers held for an hour (131048)", *_count(both, audience, "held_for_spam"))
            )
        return [
            *rows,
            ("bought list: harmful sends cut, median", _percent(median(cuts) if cuts else None), ""),
            ("bought list: the same, worst seed", _percent(min(cuts, default=None)), ""),
            ("bought list: hours to the stop, median, longest", _hours(bad), ""),
            ("bought list: sent before the stop, median", _before(bad), ""),
            ("healthy list: falsely stopped", _percent(stopped), ""),
            ("healthy list: finished", f"{sum(r.finished for r in healthy)} of {len(healthy)}", ""),
        ]


_Kinds = dict[tuple[Audience, bool], list[Result]]


def _medians(both: _Kinds, audience: Audience, name: str) -> tuple[str, str]:
    return _pair(both, audience, lambda found: f"{median(getattr(result, name) for result in found):,.0f}")


def _worst(both: _Kinds, audience: Audience) -> tuple[str, str]:
    return _pair(both, audience, lambda found: f"{max(result.harmful for result in found):,}")


def _count(both: _Kinds, audience: Audience, name: str) -> tuple[str, str]:
    return _pair(both, audience, lambda found: f"{sum(getattr(result, name) for result in found)} of {len(found)}")


def _pair(both: _Kinds, audience: Audience, tell: Callable[[list[Result]], str]) -> tuple[str, str]:
    guarded, unguarded = (tell(found) if found else "-" for found in (both[audience, True], both[audience, False]))
    return guarded, unguarded


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _hours(results: Sequence[Result]) -> str:
    hours = [r.stopped_at_ms / _HOUR_MS for r in results if r.stopped_at_ms is not None]
    missing = len(results) - len(hours)
    told = f"{median(hours):.1f}, {max(hours):.1f}" if hours else "-"
    return f"{told} (never: {missing})" if missing else told


def _before(results: Sequence[Result]) -> str:
    sent = [r.sent_before_stop for r in results if r.sent_before_stop is not None]
    return f"{median(sent):,.0f}" if sent else "-"
