"""What a breaker lets through one by one, or at a share of the pace."""

from dataclasses import replace

from tidegate.policy.breaker.strictness import weight
from tidegate.policy.facts import Case, Facts, Terms
from tidegate.policy.verdict import Objection


def breaker_pace(case: Case, terms: Terms, facts: Facts) -> Objection | None:
    """Objects while another send's turn is before it: of a throttle, or of the probes of a half-open breaker."""
    late = (
        replace(turn.objection, until_ms=at_ms)
        for turn, at_ms in zip(terms.turns, facts.turns_at_ms, strict=False)
        if at_ms > facts.now_ms
    )
    return max(late, key=weight, default=None)
