"""What a metric means and what to do: a word for every state that there can be, and for no other."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import NOW_MS, NUMBER, WABA, make_standing
from tidegate.cloudapi.vocabulary import UNLIMITED, NumberStatus, Quality, Review, Verification
from tidegate.policy.health import QUALITY_WORDS, AccountStatus, PaymentMethod, Seen
from tidegate.policy.health_advice import METRICS, WORDS, Money, advice_of
from tidegate.policy.standing import AccountStanding, NumberStanding


def codes(money: Money | None = None, used: int = 0, **changes: Any) -> dict[str, str]:
    """The state of each metric of a connected number."""
    number = NumberStanding(NUMBER, quality=changes.pop("quality", Quality.GREEN), status=NumberStatus.CONNECTED)
    standing = make_standing(numbers={NUMBER: number}, **changes)
    told = advice_of(Seen(standing, WABA, NUMBER, NOW_MS, used), money or Money())
    assert [one.metric for one in told] == list(METRICS)
    assert all((one.meaning, one.do) == WORDS[one.code] for one in told)
    return {one.metric: one.code.partition(".")[2] for one in told}


def test_of_a_healthy_number_every_metric_is_told() -> None:
    assert codes(limit=2_000) == {
        "quality": "good",
        "account_status": "healthy",
        "messaging_limit": "limited",
        "payment_method": "unknown",
        "included_conversations": "not_configured",
        "wallet_balance": "not_configured",
        "daily_limit": "enough",
        "campaign_readiness": "ready",
        "review": "unknown",
        "verification": "unknown",
    }


def test_a_poor_number_is_at_risk_and_ready_for_nothing() -> None:
    told = codes(quality=Quality.RED)

    assert [told[metric] for metric in ("quality", "account_status", "campaign_readiness")] == [
        "poor",
        "at_risk",
        "not_ready",
    ]


@pytest.mark.parametrize(
    ("limit", "used", "expected"),
    [
        (2_000, 1_400, "enough"),
        (2_000, 1_401, "nearly_used"),
        (2_000, 1_599, "nearly_used"),
        (2_000, 1_600, "used_up"),
        (UNLIMITED, 9_999, "unlimited"),
    ],
)
def test_how_much_of_the_day_is_left(limit: int, used: int, expected: str) -> None:
    assert codes(limit=limit, used=used)["daily_limit"] == expected


@pytest.mark.parametrize(
    ("money", "expected"),
    [
        (Money(5, 1), ("left", "left")),
        (Money(0, 0), ("used_up", "used_up")),
        (Money(None, -1), ("not_configured", "used_up")),
    ],
)
def test_what_is_left_to_spend(money: Money, expected: tuple[str, str]) -> None:
    told = codes(money)

    assert (told["included_conversations"], told["wallet_balance"]) == expected


def test_what_meta_found_of_the_account_is_told() -> None:
    account = AccountStanding(WABA, Review.PENDING, Verification.EXPIRED)

    told = codes(accounts={WABA: account})

    assert (told["review"], told["verification"]) == ("pending", "expired")


def test_there_are_words_for_every_state_and_for_no_other() -> None:
    states = {
        "quality": {word.lower() for word in QUALITY_WORDS.values()},
        "account_status": {status.value.lower().replace(" ", "_") for status in AccountStatus},
        "messaging_limit": {"limited", "unlimited"},
        "payment_method": {method.value for method in PaymentMethod},
        "included_conversations": {"left", "used_up", "not_configured"},
        "wallet_balance": {"left", "used_up", "not_configured"},
        "daily_limit": {"enough", "nearly_used", "used_up", "unlimited"},
        "campaign_readiness": {"ready", "not_ready"},
        "review": {review.value.lower() for review in Review},
        "verification": {verification.value for verification in Verification},
    }

    assert set(WORDS) == {f"{metric}.{state}" for metric, found in states.items() for state in found}
    assert all(words.meaning for words in WORDS.values())
