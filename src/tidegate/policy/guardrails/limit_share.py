"""An app with a share of the messaging limit takes no more places than that."""

from typing import Final

from tidegate.policy.facts import Case, Facts, Terms
from tidegate.policy.tallies import lacking
from tidegate.policy.verdict import Objection, Reason

#: Of those that wait for a place of the same app each comes back at odd times, so far apart.
SPREAD_MS: Final = 1_000


def limit_share(case: Case, terms: Terms, facts: Facts) -> Objection | None:
    """Objects when a new recipient would take a place, and the app's sends have taken all of its share."""
    for tally in lacking(terms, facts):
        if tally.of_places and case.grant is not None:
            detail = f"the {tally.limit} places that the app {case.grant.app} may have of the messaging limit are taken"
            return Objection(Reason.LIMIT_SHARE, detail, until_ms=facts.share_at_ms, spread_ms=SPREAD_MS)
    return None
