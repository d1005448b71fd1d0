"""What Meta does to a WABA, its token or the whole portfolio holds all that they send."""

from tidegate.policy.breaker import strictest
from tidegate.policy.facts import Case
from tidegate.policy.reach import Scope
from tidegate.policy.standing import Standing
from tidegate.policy.verdict import Objection


def account_restricted(case: Case, standing: Standing, now_ms: int) -> Objection | None:
    """Objects while a breaker on the WABA, its token or the portfolio is open."""
    covering = standing.breakers.covering(case, Scope.WABA, Scope.TOKEN, Scope.PORTFOLIO)
    return strictest(covering, standing.rules.consequences, now_ms)
