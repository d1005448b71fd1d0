"""Whom Meta spares from more marketing is not tried again while that lasts."""

from typing import Final

from tidegate.policy.facts import Case
from tidegate.policy.standing import Standing
from tidegate.policy.users import User, objection_for
from tidegate.policy.verdict import Objection, Reason

_REASONS: Final = frozenset({Reason.USER_MARKETING_LIMIT})


def user_marketing_limit(case: Case, standing: Standing, user: User, now_ms: int) -> Objection | None:
    """Objects while Meta's per-user limit holds: 24 h from its last 131049.

    Trying earlier makes it longer. Source: Meta, "Per-user marketing template message limits".
    """
    return objection_for(user, case, standing.rules, now_ms, _REASONS)
