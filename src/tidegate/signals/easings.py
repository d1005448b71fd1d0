"""What deliveries may end: breakers and counts of their users, and of what these were sent by and as. Most end none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tidegate.cloudapi.events import StatusUpdate
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.breaker import Breaker
from tidegate.policy.consequences.readers import DELIVERED_SIGNAL
from tidegate.policy.consequences.rulebook import Easing
from tidegate.policy.reach import Subject
from tidegate.policy.standing import Standing
from tidegate.policy.users import may_be_held
from tidegate.store.standings import Standings
from tidegate.store.statuses import Refreshed


class _Ends(NamedTuple):
    """What a delivery may end under a standing. `easing`: None where that may be anything."""

    standing: Standing
    easing: Easing | None
    breakers: Sequence[Breaker]


class Easings:
    """Tells it by portfolio, under the standing as it was last read."""

    __slots__ = ("_ends", "_standings")

    def __init__(self, standings: Standings) -> None:
        self._standings = standings
        #: By portfolio, for the standing that was known when it was looked at.
        self._ends: dict[str, _Ends] = {}

    def ask(self, portfolio: str) -> bool:
        """Whether a delivery may end something by what was noted of its message, of whose user nothing is known."""
        ends = self._of(portfolio)
        return ends.easing is None or len(ends.breakers) > 0

    def are_none(self, event: StatusUpdate, portfolio: str, refreshed: Refreshed) -> bool:
        """Whether a delivery ends nothing: its user is held by nothing, and so is all that it was sent by and as."""
        ends = self._of(portfolio)
        if ends.easing is None or refreshed.has_counts or may_be_held(refreshed.user):
            return False
        if not ends.breakers:
            return True
        subject = subject_of(event, portfolio, refreshed)
        return all(subject.value(breaker.scope) != breaker.value for breaker in ends.breakers)

    def _of(self, portfolio: str) -> _Ends:
        standing, known = self._standings.known(portfolio), self._ends.get(portfolio)
        if known is None or known.standing is not standing:
            easing = standing.rules.consequences.easing(DELIVERED_SIGNAL)
            rules = easing.rules if easing is not None else ()
            breakers = [breaker for breaker in standing.breakers if breaker.rule in rules]
            known = self._ends[portfolio] = _Ends(standing, easing, breakers)
        return known


def subject_of(event: StatusUpdate, portfolio: str, refreshed: Refreshed) -> Subject:
    """Whom and what a status of a message speaks of."""
    about = refreshed.about
    name, _, language = about.get("template", "").rpartition("/")
    category = about.get("category")
    return Subject(
        portfolio,
        about.get("waba", event.waba_id),
        about.get("number", event.number_id),
        template=(name, language) if name else None,
        category=Category(category) if category in tuple(Category) else None,
        recipient=refreshed.recipient,
    )
