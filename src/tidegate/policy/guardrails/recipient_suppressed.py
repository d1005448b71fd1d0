"""Whom messages do not reach, or must not, is not written to."""

from typing import Final

from tidegate.policy.facts import Case
from tidegate.policy.standing import Standing
from tidegate.policy.users import User, objection_for
from tidegate.policy.verdict import Objection, Reason

_REASONS: Final = frozenset({Reason.RECIPIENT_SUPPRESSED})


def recipient_suppressed(case: Case, standing: Standing, user: User, now_ms: int) -> Objection | None:
    """Objects while a rule suppresses this user: undeliverable three times in a row, in Meta's experiment, blocked.

    Source: Meta, "Error codes" (131026, 130472, 130403, 130497, 137000).
    """
    return objection_for(user, case, standing.rules, now_ms, _REASONS)
