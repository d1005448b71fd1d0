"""A number that Meta slows down, stops or rates badly sends no more than that bears."""

from tidegate.policy.breaker import strictest
from tidegate.policy.facts import Case
from tidegate.policy.reach import Scope
from tidegate.policy.standing import Standing
from tidegate.policy.verdict import Objection


def number_standing(case: Case, standing: Standing, now_ms: int) -> Objection | None:
    """Objects while a breaker on the number, or on this category of its messages, is open."""
    covering = standing.breakers.covering(case, Scope.NUMBER, Scope.CATEGORY)
    return strictest(covering, standing.rules.consequences, now_ms)
