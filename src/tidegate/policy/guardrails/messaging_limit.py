"""Unique recipients outside a service window, portfolio-wide, in a moving 24 hours, never exceed the limit."""

from tidegate.policy.facts import NO_LIMIT, Case, Facts, Terms
from tidegate.policy.verdict import Objection, Reason


def messaging_limit(case: Case, terms: Terms, facts: Facts) -> Objection | None:
    """Objects when a new recipient would need a place and none is left; source: Meta, "Messaging limits"."""
    if terms.limit_places == NO_LIMIT or not facts.needs_place(terms) or facts.used < terms.limit_places:
        return None
    detail = f"all {terms.limit_places} usable places of the portfolio's messaging limit are taken"
    return Objection(Reason.MESSAGING_LIMIT, detail, until_ms=facts.place_at_ms)
