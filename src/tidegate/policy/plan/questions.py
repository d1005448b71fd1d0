"""What `decide` says of cohorts, remembered for as long as it holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from tidegate.policy.decide import decide
from tidegate.policy.facts import Case, Terms
from tidegate.policy.plan.cohort import Cohort, Sender
from tidegate.policy.standing import Standing
from tidegate.policy.verdict import Queue, Verdict

#: What was decided is asked again after this: a throttle eases and a month ends without a word.
ASK_AGAIN_MS: Final = 300_000


class Question(NamedTuple):
    """One cohort's send (`of`: its index) by one number, and what was decided of it.

    `until_ms`: when it is asked again. `turns_ms`: when something else is sure to be decided; None: not known.
    """

    of: int
    sender: Sender
    case: Case
    decided: Verdict | Terms
    until_ms: int
    turns_ms: int | None


@dataclass(slots=True)
class Questions:
    """Puts each cohort's send before `decide` when what it said last no longer holds."""

    cohorts: tuple[Cohort, ...]
    _known: dict[tuple[int, Sender], Question]

    def __init__(self, cohorts: tuple[Cohort, ...]) -> None:
        self.cohorts = cohorts
        self._known = {}

    def forget(self) -> None:
        """The standing has changed."""
        self._known.clear()

    def ask(self, index: int, sender: Sender, standing: Standing, now_ms: int) -> Question:
        """What is said of this cohort's send by this number now."""
        known = self._known.get((index, sender))
        if known is None or known.until_ms <= now_ms:
            known = self._known[index, sender] = _asked(index, self.cohorts[index], sender, standing, now_ms)
        return known


def _asked(index: int, cohort: Cohort, sender: Sender, standing: Standing, now_ms: int) -> Question:
    case = cohort.case(sender, standing, now_ms)
    decided = decide(case, standing, standing.rules, now_ms, cohort.user)
    until_ms, turns_ms = now_ms + ASK_AGAIN_MS, None
    if isinstance(decided, Terms) and decided.valid_until_ms > now_ms:
        turns_ms = decided.valid_until_ms
        until_ms = min(until_ms, turns_ms)
    elif isinstance(decided, Queue) and decided.until_ms is not None:
        # Nothing but a change of the standing ends it sooner.
        until_ms = turns_ms = max(now_ms + 1, decided.until_ms)
    return Question(index, sender, case, decided, until_ms, turns_ms)
