"""A template that Meta would not send is not sent to Meta."""

from tidegate.cloudapi.vocabulary import TemplateStatus
from tidegate.policy.breaker import strictest
from tidegate.policy.facts import Case
from tidegate.policy.reach import Scope
from tidegate.policy.standing import Standing, TemplateStanding
from tidegate.policy.verdict import Objection, Reason

DISABLED = frozenset({TemplateStatus.DISABLED})
PAUSED = frozenset({TemplateStatus.PAUSED})


def template_health(case: Case, standing: Standing, now_ms: int) -> Objection | None:
    """Objects to a template that is paused, disabled or not approved, or on which a breaker is open.

    A template that the standing does not know passes: it may be newer than what was read last. Source: Meta, "Template
    pausing".
    """
    if case.template is None:
        return None
    stopped = strictest(standing.breakers.covering(case, Scope.TEMPLATE), standing.rules.consequences, now_ms)
    unsendable = _unsendable(standing.template(case.waba, *case.template))
    if stopped is None or unsendable is None:
        return stopped or unsendable
    # The state has no end of its own, the breaker knows when it may be tried.
    return unsendable if stopped.shadow or (unsendable.final and not stopped.final) else stopped


def _unsendable(known: TemplateStanding | None) -> Objection | None:
    if known is None or known.status is None or known.status.sendable:
        return None
    if known.status in PAUSED:
        return Objection(Reason.TEMPLATE_PAUSED, "Meta paused this template for its quality")
    if known.status in DISABLED:
        return Objection(Reason.TEMPLATE_DISABLED, "Meta disabled this template", final=True)
    detail = f"this template's status is {known.status.value}: Meta would not send it"
    return Objection(Reason.TEMPLATE_UNKNOWN, detail, final=True)
