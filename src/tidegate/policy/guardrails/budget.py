"""Messages cost no more than the operator set aside for the period, or paid in."""

from tidegate.policy.facts import Case, Facts, Terms
from tidegate.policy.tallies import SPEND, lacking
from tidegate.policy.verdict import Objection


def budget(case: Case, terms: Terms, facts: Facts) -> Objection | None:
    """Objects to a message that costs more than is left; an empty wallet, which no time fills, speaks first."""
    objections = (tally.objection for tally in lacking(terms, facts) if tally.name.startswith(SPEND))
    return max((o for o in objections if o), key=lambda o: (o.until_ms is None, o.until_ms or 0), default=None)
