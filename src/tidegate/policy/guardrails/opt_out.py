"""Whoever wants no more messages gets none."""

from tidegate.policy.facts import Case
from tidegate.policy.standing import Standing
from tidegate.policy.users import User
from tidegate.policy.verdict import Objection, Reason


def opt_out(case: Case, standing: Standing, user: User, now_ms: int) -> Objection | None:
    """Objects to a category that the user has refused; source: Meta, "Error codes" (131050), `user_preferences`.

    Replies in a service window pass: only a message of the user's opens one. It has no mode.
    """
    if case.category is None or case.to_group or not user.opted_out(case.category):
        return None
    detail = f"this user has opted out of {case.category.value} messages"
    return Objection(Reason.OPTED_OUT, detail, final=True)
