"""Messages per second of one business phone number."""

from typing import Final

from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.facts import Case, Facts, Terms
from tidegate.policy.verdict import Objection, Reason

#: Sends are spaced evenly. One that comes late by up to this does not push back those after it, so that the rate is
#: kept over time; in no second are there more sends than the throughput and what fits into this.
SLACK_US: Final = 10_000
#: How long before its turn the urgent may go (us): of two nodes that wait for the same turn, the one with a login code
#: gets it, whichever asks first. The campaign's next turn comes as much later.
EARLY_US: Final[dict[Category | None, int]] = {
    Category.AUTHENTICATION: 25_000,
    Category.UTILITY: 12_500,
    None: 12_500,
    Category.MARKETING: 0,
}


def throughput(case: Case, terms: Terms, facts: Facts) -> Objection | None:
    """Objects while the number's turn has not come (over its throughput Meta answers 130429)."""
    if not terms.throughput_emission_us or facts.throughput_at_ms <= facts.now_ms:
        return None
    detail = "the number's messages per second are used up"
    return Objection(Reason.THROUGHPUT, detail, until_ms=facts.throughput_at_ms, pacing=True)
