"""What was decided of one kind of send under one standing: sends of a moment are of a few kinds."""

from __future__ import annotations

from typing import Final

from tidegate.policy.decide import decide
from tidegate.policy.facts import Case, Terms
from tidegate.policy.standing import Standing
from tidegate.policy.users import EMPTY, User
from tidegate.policy.verdict import Verdict

_MOST_KINDS: Final = 4_096
#: Terms change with the time where days, months and nights begin: with whole seconds, but for a warm-up's days.
_MOMENT_MS: Final = 1_000


class Deciding:
    """Remembers terms for the rest of the second in which they were worked out, under one standing of a portfolio.

    Only those of recipients of whom nothing is known, and only a yes: under one standing nothing but the time can
    turn it into a no, and what the time does within a second is looked at. While a breaker is open or half open, or
    the books are not whole, each send is decided by itself.
    """

    __slots__ = ("_moment", "_standing", "_terms")

    def __init__(self) -> None:
        self._standing: Standing | None = None
        self._moment = 0
        self._terms: dict[tuple[object, ...], Terms] = {}

    def decide(self, case: Case, standing: Standing, now_ms: int, user: User) -> Verdict | Terms:
        """What `policy.decide` says."""
        rules = standing.rules
        if user is not EMPTY or not standing.breakers.are_closed or standing.held_until_ms > now_ms:
            return decide(case, standing, rules, now_ms, user)
        if case.expires_at_ms <= now_ms or case.not_before_ms > now_ms:
            return decide(case, standing, rules, now_ms, user)
        moment = now_ms // _MOMENT_MS
        if standing is not self._standing or moment != self._moment or len(self._terms) > _MOST_KINDS:
            self._standing, self._moment = standing, moment
            self._terms.clear()
        kind = _kind(case, standing)
        terms = self._terms.get(kind)
        if terms is not None and _holds(terms, now_ms):
            return terms
        decided = decide(case, standing, rules, now_ms, user)
        if isinstance(decided, Terms):
            self._terms[kind] = decided
        return decided


def _kind(case: Case, standing: Standing) -> tuple[object, ...]:
    """All of a send that a decision looks at, the recipient's record and the times of the message aside."""
    budget, has_no_night = standing.rules.budget, standing.rules.quiet_hours is None and case.campaign is None
    return (
        case.number,
        case.category,
        case.template,
        case.app,
        case.campaign,
        case.waba,
        case.to_group,
        case.queued,
        () if has_no_night else case.zones,
        "" if budget is None else case.digits[: budget.told_by_digits],
    )


def _holds(terms: Terms, now_ms: int) -> bool:
    if 0 < terms.valid_until_ms <= now_ms:
        return False
    return all(
        tally.objection is None or tally.objection.until_ms is None or now_ms < tally.objection.until_ms
        for tally in terms.tallies
    )
