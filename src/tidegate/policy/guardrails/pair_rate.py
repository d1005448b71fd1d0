"""One message per 6 s from a number to a user, with bursts of up to 45 borrowed from the future."""

from typing import Final

from tidegate.policy.facts import Case, Facts, Terms
from tidegate.policy.verdict import Objection, Reason

#: Source: Meta, "About the platform", pair rate limit.
EMISSION_MS: Final = 6_000
BURST: Final = 45


def pair_rate(case: Case, terms: Terms, facts: Facts) -> Objection | None:
    """Objects when this user was written to too often by this number (Meta answers 131056)."""
    if not terms.pair_emission_ms or facts.pair_at_ms <= facts.now_ms:
        return None
    detail = "too many messages from this number to this user in a short time"
    return Objection(Reason.PAIR_RATE, detail, until_ms=facts.pair_at_ms, pacing=True)
