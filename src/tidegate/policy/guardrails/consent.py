"""Where an opt-in is required, nobody is written to without one on record."""

from tidegate.policy.facts import Case
from tidegate.policy.standing import Standing
from tidegate.policy.users import User
from tidegate.policy.verdict import Objection, Reason


def consent(case: Case, standing: Standing, user: User, now_ms: int) -> Objection | None:
    """Objects to a category that needs an opt-in (`rules.consent.required`) when none is on record.

    Groups pass: their members have joined them. Source: Meta, WhatsApp Business Messaging Policy (opt-in).
    """
    rule = standing.rules.consent
    if rule is None or case.category not in rule.required or case.to_group or user.opted_in(case.category):
        return None
    detail = f"no opt-in of this user to {case.category.value} messages is on record"
    return Objection(Reason.NO_OPT_IN, detail, final=True)
