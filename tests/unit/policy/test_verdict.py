"""Every reason carries the code that the public contract gives it."""

from __future__ import annotations

import pytest

from tidegate.policy.verdict import CODES, Reason

# Append-only: callers switch on these words, their clients on these codes.
PUBLIC = {
    "messaging_limit": 131048,
    "category_reserve": 131048,
    "warm_up": 131048,
    "service_window_closed": 131047,
    "throughput": 130429,
    "pair_rate": 131056,
    "template_paused": 132015,
    "template_disabled": 132016,
    "template_unknown": 132001,
    "number_standing": 131048,
    "account_restricted": 368,
    "account_locked": 131031,
    "quiet_hours": 131049,
    "frequency_cap": 131049,
    "user_marketing_limit": 131049,
    "opted_out": 131050,
    "no_opt_in": 131050,
    "recipient_suppressed": 131026,
    "budget": 131042,
    "expired": 131000,
    "campaign_halted": 131048,
    "paused_by_operator": 131048,
    "store_unavailable": 2,
    "upstream_unavailable": 2,
    "invalid_recipient": 100,
}


@pytest.mark.parametrize(("reason", "code"), PUBLIC.items())
def test_a_public_reason_keeps_its_word_and_its_code(reason: str, code: int) -> None:
    assert Reason(reason).code == code


def test_every_reason_has_a_code() -> None:
    assert set(CODES) == set(Reason)
