"""One campaign to one list, through the gateway or past it, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from loadtest.deployment import NUMBER as USUAL_NUMBER
from loadtest.deployment import WABA
from loadtest.guarded.lists import Audience, audience
from tidegate.simulator.book import Book, PenaltyKind
from tidegate.simulator.config import DEFAULT_PORTFOLIO, SimulatorConfig

DAY_MS: Final = 86_400_000
#: Penalties that take sending away from an account for days.
RESTRICTS: Final = frozenset({PenaltyKind.TEMPLATES_BARRED, PenaltyKind.ALL_BARRED})
#: A guardrail that holds a healthy campaign for no longer than this has stopped nothing.
FALSE_STOP_MS: Final = 3_600_000
#: A number that Meta never throttles, so that nothing but a guardrail slows a campaign down.
NUMBER: Final = replace(USUAL_NUMBER, throughput=1_000_000)


@dataclass(frozen=True, slots=True)
class Trial:
    """A campaign to `recipients` people, each once, as fast as Meta takes it, under a messaging limit of `limit`.

    It is looked at for `days`, whether or not it is finished by then. `ramp`: recipients that the gateway's warm-up
    allows on the first day, 0 for none.
    """

    audience: Audience
    seed: int
    guarded: bool
    recipients: int = 20_000
    limit: int = 10_000
    days: int = 12
    ramp: int = 50

    @property
    def platform(self) -> SimulatorConfig:
        """The platform, with the people of this seed on it."""
        waba = replace(WABA, numbers=(NUMBER,))
        portfolio = replace(DEFAULT_PORTFOLIO, wabas=(waba,), messaging_limit=self.limit)
        behaviour = audience(self.audience, self.seed)
        return SimulatorConfig(portfolios=(portfolio,), behaviour=behaviour, seed=self.seed)

    @property
    def people(self) -> Iterator[str]:
        """Everybody on the list."""
        return (f"1555{number:07d}" for number in range(self.recipients))


@dataclass(slots=True)
class Holds:
    """Why the campaign's sends waited, as looked at again and again."""

    by_reason_ms: Counter[str] = field(default_factory=Counter)
    longest_ms: int = 0
    first_at_ms: int | None = None
    first_reason: str | None = None
    sent_before: int | None = None
    _since_ms: int | None = None

    def look(self, at_ms: int, reason: str | None, spent_ms: int, sent: int, *, for_quality: bool) -> None:
        """Note why sends waited in the last `spent_ms`; `at_ms` is counted from the start."""
        if reason is not None:
            self.by_reason_ms[reason] += spent_ms
        if not for_quality:
            self._since_ms = None
            return
        if self.first_at_ms is None:
            self.first_at_ms, self.first_reason, self.sent_before = at_ms, reason, sent
        if self._since_ms is None:
            self._since_ms = at_ms - spent_ms
        self.longest_ms = max(self.longest_ms, at_ms - self._since_ms)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a trial; times in ms since its start, `stopped_*` of the first hold for quality's sake."""

    trial: Trial
    accepted: int
    harmful: int
    #: Whether the account was restricted, and whether the number was held for an hour (131048).
    restricted: bool
    held_for_spam: bool
    penalties: dict[str, int]
    refused: dict[str, int]
    fates: dict[str, int]
    took_ms: int
    finished: bool
    real_s: float
    held_ms: dict[str, int] = field(default_factory=dict)
    longest_hold_ms: int = 0
    stopped_at_ms: int | None = None
    stopped_by: str | None = None
    sent_before_stop: int | None = None

    @property
    def falsely_stopped(self) -> bool:
        """Whether a guardrail of ours kept a healthy campaign from sending for longer than FALSE_STOP_MS."""
        healthy = self.trial.audience is Audience.HEALTHY and self.trial.guarded
        return healthy and self.longest_hold_ms > FALSE_STOP_MS

    def to_json(self) -> dict[str, Any]:
        """All of it, one line of the record."""
        return asdict(self) | {"falsely_stopped": self.falsely_stopped}


def result_of(trial: Trial, book: Book, began_ms: int, real_s: float, finished: bool, holds: Holds | None) -> Result:
    """Sum up the platform's book, and why sends waited."""
    held = holds or Holds()
    return Result(
        trial=trial,
        accepted=len(book.accepted),
        harmful=book.harmful,
        restricted=any(penalty.kind in RESTRICTS for penalty in book.penalties),
        held_for_spam=any(penalty.kind is PenaltyKind.SPAM_HOLD for penalty in book.penalties),
        penalties=dict(Counter(str(penalty.kind) for penalty in book.penalties)),
        refused={str(code): count for code, count in sorted(book.refused.items())},
        fates=dict(sorted(book.fates.items())),
        took_ms=book.accepted[-1].at_ms - began_ms if book.accepted else 0,
        finished=finished,
        real_s=round(real_s, 2),
        held_ms=dict(held.by_reason_ms),
        longest_hold_ms=held.longest_ms,
        stopped_at_ms=held.first_at_ms,
        stopped_by=held.first_reason,
        sent_before_stop=held.sent_before,
    )
