"""What a run proves: judged from what Meta accepted and what callers were told, and from nothing that a node says,
but for what it says of each promise in the end.

Every message of a run is for a user of its own, so that a second acceptance for a user is a second message, whatever
ids, keys and tries it went by.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

#: States of a message that say that Meta took it.
_SENT: Final = frozenset({"accepted", "sent", "delivered", "read"})
#: States that say that it ended without being sent, or without reaching anybody.
_ENDED: Final = frozenset({"failed", "expired", "cancelled"})
#: Neither sent nor ended.
_OPEN: Final = frozenset({"queued", "sending"})


@dataclass(frozen=True, slots=True)
class Taken:
    """What Meta accepted: when (ms), for which user, and whether it counts to the messaging limit."""

    at_ms: int
    user: str
    counts: bool


@dataclass(frozen=True, slots=True)
class Told:
    """What the caller of one message was told in the end: status and verdict; 0: nothing, and it gave up.

    `state` is what `GET /messages/{id}` says of a promise after the run; None: there is no such message.
    """

    user: str
    status: int
    verdict: str = ""
    state: str | None = None

    @property
    def promised(self) -> bool:
        return self.status == 200


@dataclass(frozen=True, slots=True)
class Findings:
    """How often what must not happen did."""

    over_limit: int = 0
    """Users who were started outside a window when as many as the limit were already."""
    duplicates: int = 0
    """Acceptances for a user beyond the first."""
    lost: int = 0
    """Promises that nobody knows of any more, or that are said to be sent and never were."""
    wrong: int = 0
    """Messages that were refused, or said to have ended unsent, and were sent."""
    broken: int = 0
    """What the oracle of the deterministic runs finds beside these."""
    waiting: int = 0
    """Promises still neither sent nor ended, although nothing keeps them any more."""
    unresolved: int = 0
    """Promises whose outcome is not known; a figure, no fault."""
    forgotten: int = 0
    """Messages that were sent, and that nobody knows of any more; a figure."""
    promised: int = 0

    @property
    def violations(self) -> int:
        """Of what is promised never to happen."""
        return self.over_limit + self.duplicates + self.lost + self.wrong + self.broken

    def __add__(self, other: Findings) -> Findings:
        names = Findings.__slots__
        return Findings(**{name: getattr(self, name) + getattr(other, name) for name in names})


def judge(taken: Iterable[Taken], told: Iterable[Told], limit: int, raised_at_ms: int) -> Findings:
    """Judge a run. `limit` was in force until `raised_at_ms`."""
    book = sorted(taken, key=lambda one: one.at_ms)
    times = Counter(one.user for one in book)
    verdicts = Counter(_of(one, times[one.user]) for one in told)
    return Findings(
        over_limit=_over_limit(book, limit, raised_at_ms),
        duplicates=sum(count - 1 for count in times.values()),
        **{name: count for name, count in verdicts.items() if name != "kept"},
        promised=sum(one.promised for one in told),
    )


def _over_limit(book: Iterable[Taken], limit: int, raised_at_ms: int) -> int:
    # A run is much shorter than the 24 h in which a user counts.
    users = {one.user for one in book if one.counts and one.at_ms < raised_at_ms}
    return max(0, len(users) - limit)


def _of(told: Told, times: int) -> str:
    """The finding that one message is; "kept" where all is well."""
    if not told.promised:
        # Who gave up was told nothing, and after a 503 that he should try again.
        return "wrong" if times and 400 <= told.status < 500 else "kept"
    if told.state is None:
        return "forgotten" if times else "lost"
    if told.state == "unknown":
        return "unresolved"
    if told.state in _SENT:
        return "kept" if times else "lost"
    if told.state in _ENDED:
        return "wrong" if times else "kept"
    assert told.state in _OPEN, told.state
    return "waiting"


@dataclass(slots=True)
class Tally:
    """Answers of all tries by class, and how long those with one took (s)."""

    classes: Counter[str] = field(default_factory=Counter)
    refusals_took_s: list[float] = field(default_factory=list)

    def note(self, status: int, took_s: float) -> None:
        """Count one try; status 0: no answer."""
        self.classes[_class(status)] += 1
        if status == 503:
            self.refusals_took_s.append(took_s)

    @property
    def refusal_p99_s(self) -> float | None:
        """How long the slowest hundredth of the 503s took at least."""
        took = sorted(self.refusals_took_s)
        return took[int(len(took) * 0.99)] if took else None


def _class(status: int) -> str:
    if status == 0:
        return "none"
    if status in (409, 503):
        return str(status)
    return f"{status // 100}xx"


def recovered_after_s(taken_at_s: Iterable[float], healed_s: float, rate: float, span_s: float = 2.0) -> float | None:
    """How long after `healed_s` the first span begins in which nine tenths of `rate` (1/s) were taken; None: never."""
    times = sorted(taken_at_s)
    wanted = int(0.9 * rate * span_s)
    starts = [healed_s, *(at_s for at_s in times if at_s > healed_s)]
    for start_s in starts:
        if sum(start_s <= at_s < start_s + span_s for at_s in times) >= wanted:
            return start_s - healed_s
    return None


def states_of(told: Iterable[Told]) -> Mapping[str, int]:
    """How many promises are in which state; "none" where nobody knows of them."""
    return Counter(one.state or "none" for one in told if one.promised)
