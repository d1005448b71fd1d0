"""Trunk reservation: the last free places are kept for the categories above this one."""

from tidegate.policy.facts import NO_LIMIT, Case, Facts, Terms
from tidegate.policy.verdict import Objection, Reason


def category_reserve(case: Case, terms: Terms, facts: Facts) -> Objection | None:
    """Objects when a new recipient would need a place, and all that are left are reserved for categories above."""
    if terms.category_places == NO_LIMIT or not facts.needs_place(terms) or facts.used < terms.category_places:
        return None
    category = case.category.value if case.category else "service"
    detail = f"{facts.used} places are taken: what is left is reserved for categories above {category}"
    return Objection(Reason.CATEGORY_RESERVE, detail, until_ms=facts.place_at_ms)
