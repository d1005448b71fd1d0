"""A young number or template reaches a few new recipients a day at first, and more while it is well received."""

from tidegate.policy.facts import Case, Facts, Terms
from tidegate.policy.tallies import WARM, lacking
from tidegate.policy.verdict import Objection


def warm_up(case: Case, terms: Terms, facts: Facts) -> Objection | None:
    """Objects when a new recipient would be one more than the day's allowance; of two the one that lasts longer."""
    objections = (tally.objection for tally in lacking(terms, facts) if tally.name.startswith(WARM))
    return max((o for o in objections if o), key=lambda o: o.until_ms or 0, default=None)
