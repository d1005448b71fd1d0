"""Free-form messages go only inside the customer service window: 24 h from the user's last message."""

from tidegate.policy.facts import Case, Facts, Terms
from tidegate.policy.verdict import Objection, Reason


def service_window(case: Case, terms: Terms, facts: Facts) -> Objection | None:
    """Objects to a free-form message outside the window (Meta answers 131047); source: Meta, "Service messages"."""
    if not case.needs_window or facts.window_open(terms.window_margin_ms):
        return None
    detail = "no customer service window is open with this user: send a template, or wait for the user's message"
    return Objection(Reason.SERVICE_WINDOW_CLOSED, detail, final=True)
