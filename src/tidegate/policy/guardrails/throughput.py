"""Messages per second of one business phone number."""

from tidegate.policy.facts import Case, Facts, Terms
from tidegate.policy.verdict import Objection, Reason

#: Bursts of up to this share of a second's messages pass at once; the rest is spaced evenly.
BURST_SHARE = 0.01


def throughput(case: Case, terms: Terms, facts: Facts) -> Objection | None:
    """Objects while the number's turn has not come (over its throughput Meta answers 130429)."""
    if not terms.throughput_emission_us or facts.throughput_at_ms <= facts.now_ms:
        return None
    detail = "the number's messages per second are used up"
    return Objection(Reason.THROUGHPUT, detail, until_ms=facts.throughput_at_ms, pacing=True)
