"""An app sends what it was granted: kinds of messages, templates."""

from tidegate.policy.facts import Case
from tidegate.policy.standing import Standing
from tidegate.policy.verdict import Objection, Reason


def app_grant(case: Case, _standing: Standing, _now_ms: int) -> Objection | None:
    """Objects for good to a category, or a template, that the app may not send."""
    if case.grant is None:
        return None
    refusal = case.grant.refusal(case.category, case.template[0] if case.template else None)
    return Objection(Reason.NOT_GRANTED, refusal, final=True) if refusal else None
