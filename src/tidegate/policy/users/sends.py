"""What a user's record means for a send to them, and what a send leaves in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.breaker import Breaker, objection, probe_every_ms, probe_objection
from tidegate.policy.breaker.strictness import weight
from tidegate.policy.facts import Case
from tidegate.policy.reach import Action, Scope
from tidegate.policy.rules import Mode, Rules
from tidegate.policy.users.user import User
from tidegate.policy.verdict import Objection, Reason


def concerns(breaker: Breaker, case: Case) -> bool:
    """Whether a breaker in this user's record is about this send; of a pair, only for that number."""
    if breaker.action is Action.PAUSE_POLLING or not breaker.covers.includes(case):
        return False
    # The record is this user's, under whichever of their names the breaker was opened.
    return breaker.scope is not Scope.PAIR or breaker.value.partition(":")[0] == case.number


def objection_for(
    user: User, case: Case, rules: Rules, now_ms: int, among: frozenset[Reason] = frozenset(Reason)
) -> Objection | None:
    """The no that weighs most of the user's breakers that give one of these reasons; marked where it only tells.

    While a breaker is half open, one send in its `trickle_ms` passes: the record says when the last one did.
    """
    return max(_objections(user, case, rules, now_ms, among), key=weight, default=None)


def _objections(user: User, case: Case, rules: Rules, now_ms: int, among: frozenset[Reason]) -> Iterator[Objection]:
    for breaker in user.breakers.values():
        if breaker.reason not in among or not concerns(breaker, case):
            continue
        no = objection(breaker, now_ms) or _not_yet(user, breaker, now_ms)
        mode = rules.consequences.mode(breaker)
        if no is not None and mode != Mode.OFF:
            yield replace(no, shadow=mode == Mode.SHADOW)


def _not_yet(user: User, breaker: Breaker, now_ms: int) -> Objection | None:
    every_ms = probe_every_ms(breaker, now_ms)
    last_ms = user.probed_at_ms.get(breaker.id)
    if every_ms is None or last_ms is None or last_ms + every_ms <= now_ms:
        return None
    return probe_objection(breaker, last_ms + every_ms)


def sent(user: User, case: Case, rules: Rules, at_ms: int) -> User:
    """The record after this send; the same object when the send leaves nothing in it.

    It leaves its time where there is a cap on how often (`rules.frequency_cap`) and it is marketing, and where it is
    the probe of a half-open breaker.
    """
    if case.to_group:
        return user
    probed = dict.fromkeys((breaker.id for breaker in probes(user, case, at_ms)), at_ms)
    after = replace(user, probed_at_ms={**user.probed_at_ms, **probed}) if probed else user
    if case.category is Category.MARKETING and rules.mode("frequency_cap") is not Mode.OFF:
        after = after.with_marketing_send(at_ms)
    return after


def given_back(user: User, at_ms: int) -> User:
    """The record when the marketing message that was sent at this time is proven not to have gone out."""
    times = list(user.marketing_sent_at_ms)
    if at_ms not in times:
        return user
    times.remove(at_ms)
    return replace(user, marketing_sent_at_ms=tuple(times))


def probes(user: User, case: Case, now_ms: int) -> tuple[Breaker, ...]:
    """The user's half-open breakers that this send, if it goes now, is a probe of."""
    return tuple(
        breaker
        for breaker in user.breakers.values()
        if concerns(breaker, case) and probe_every_ms(breaker, now_ms) is not None
    )
