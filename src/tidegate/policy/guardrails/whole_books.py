"""Nothing is sent that has to be counted while the books may miss whom others have counted."""

from tidegate.policy.facts import Case, Facts, Terms
from tidegate.policy.verdict import Objection, Reason


def whole_books(case: Case, terms: Terms, facts: Facts) -> Objection | None:
    """Objects to a send outside a service window until all nodes have written down again what the store lost."""
    if not terms.held_until_ms or facts.window_open(terms.window_margin_ms):
        return None
    detail = "the store lost what it was told last: what counts waits until all that was sent is known again"
    return Objection(Reason.STORE_UNAVAILABLE, detail, until_ms=terms.held_until_ms)
