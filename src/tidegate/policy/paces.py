"""The paces that breakers leave to a send: a throttle's share, a half-open breaker's probes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tidegate.policy.breaker import SHARED, Breaker, probe_every_ms, probe_objection, reclassifies, share_at
from tidegate.policy.facts import Case, Turn
from tidegate.policy.reach import Action, Covers, Scope
from tidegate.policy.rules import Mode
from tidegate.policy.standing import Standing
from tidegate.policy.verdict import Objection, Reason

#: A turn that comes late by up to this does not push back those after it (as with a number's own throughput).
_SLACK_MS: Final = 10.0
_ENFORCE: Final = "enforce"
#: The guardrail that speaks for the breakers of a scope; number_standing for those not named.
_GUARDRAIL: Final = {
    Scope.TEMPLATE: "template_health",
    Scope.WABA: "account_restricted",
    Scope.TOKEN: "account_restricted",
    Scope.PORTFOLIO: "account_restricted",
}


def number_share(case: Case, standing: Standing, now_ms: int) -> float:
    """The share of the number's throughput that is left to all that it sends; 1 when nothing slows it down."""
    if standing.breakers.are_closed:
        return 1.0
    shares = (share_at(breaker, now_ms) for breaker in _enforced(case, standing) if _is_of_all(breaker))
    return min(shares, default=1.0)


def turns_of(case: Case, standing: Standing, now_ms: int) -> tuple[Turn, ...]:
    """The further turns that a send has to wait for."""
    if standing.breakers.are_closed and case.grant is None:
        return ()
    turns: list[Turn] = []
    for breaker in _enforced(case, standing):
        every_ms = probe_every_ms(breaker, now_ms)
        if every_ms is not None:
            turns.append(Turn(f"probe:{breaker.id}", every_ms, 0, probe_objection(breaker, now_ms), breaker.id))
        elif breaker.action is Action.THROTTLE and not _is_of_all(breaker):
            share, per_second = share_at(breaker, now_ms), standing.number(case.number).throughput
            if share < 1 and per_second > 0:
                emission_ms = 1_000 / per_second / share
                turns.append(Turn(f"share:{breaker.id}:{case.number}", emission_ms, _SLACK_MS, _slowed(breaker, share)))
    return (*turns, *_of_app(case, standing))


def _of_app(case: Case, standing: Standing) -> Iterator[Turn]:
    grant, per_second = case.grant, standing.number(case.number).throughput
    if grant is not None and grant.throughput_share is not None and per_second > 0:
        emission_ms = 1_000 / per_second / grant.throughput_share
        detail = f"the app {grant.app} has {grant.throughput_share:.0%} of the number's {per_second} messages a second"
        objection = Objection(Reason.THROUGHPUT, detail, pacing=True)
        yield Turn(f"app:{grant.app}:{case.number}", emission_ms, _SLACK_MS, objection)


def is_marketing_now(case: Case, standing: Standing, now_ms: int) -> bool:
    """Whether a utility template is to be judged as marketing, since Meta delivers and bills it so."""
    if standing.breakers.are_closed:
        return False
    return any(reclassifies(breaker, case, now_ms) for breaker in _enforced(case, standing))


def _enforced(case: Case, standing: Standing) -> Iterator[Breaker]:
    rules = standing.rules
    for breaker in standing.breakers.covering(case, *SHARED):
        guardrail = _GUARDRAIL.get(breaker.scope, "number_standing")
        if rules.consequences.mode(breaker) == _ENFORCE and rules.mode(guardrail) is Mode.ENFORCE:
            yield breaker


def _is_of_all(breaker: Breaker) -> bool:
    # Such a throttle is the number's own pace, and so is waited for in the number's own line.
    is_throttle = breaker.action is Action.THROTTLE
    return is_throttle and breaker.scope is Scope.NUMBER and breaker.covers is Covers.EVERYTHING


def _slowed(breaker: Breaker, share: float) -> Objection:
    detail = (
        f"{breaker.covers.value.replace('_', '-')} messages of {breaker.scope.value} {breaker.value} go at {share:.0%} "
        f"of the pace after {breaker.cause} (rule {breaker.rule})"
    )
    return Objection(breaker.reason, detail, pacing=True)
