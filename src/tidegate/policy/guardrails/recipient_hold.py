"""What holds the messages to one user for any other reason, such as Meta's word that a pair is too fast."""

from typing import Final

from tidegate.policy.facts import Case
from tidegate.policy.standing import Standing
from tidegate.policy.users import User, objection_for
from tidegate.policy.verdict import Objection, Reason

_REASONS: Final = frozenset(Reason) - {Reason.USER_MARKETING_LIMIT, Reason.RECIPIENT_SUPPRESSED}


def recipient_hold(case: Case, standing: Standing, user: User, now_ms: int) -> Objection | None:
    """Objects while a breaker on this user, or on the pair of number and user, is open.

    After 131056 a pair waits 4^n seconds (Meta, "About the platform", pair rate limit). Each rule has its mode in
    `[[rules.consequence]]`.
    """
    return objection_for(user, case, standing.rules, now_ms, _REASONS)
