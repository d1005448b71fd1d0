"""The operator's rate card: markets by prefix, prices by category, one card at a time. All figures are invented."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tests.unit.policy.rate_cards import CARD, market
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.rate_card import RateCard, card_in_force


@pytest.mark.parametrize(
    ("digits", "name"),
    [
        pytest.param("919812345678", "india", id="a country code"),
        pytest.param("16505551234", "north_america", id="a shared country code"),
        pytest.param("18095551234", "caribbean", id="a longer prefix wins"),
        pytest.param("18295551234", "caribbean", id="a market of several prefixes"),
        pytest.param("18", "north_america", id="fewer digits than the longer prefix"),
        pytest.param("447911123456", "other", id="no market of its own"),
        pytest.param("", "other", id="a hidden number"),
    ],
)
def test_the_market_of_a_number(digits: str, name: str) -> None:
    assert CARD.market(digits) == CARD.markets[name]


def test_without_a_market_for_others_some_numbers_have_none() -> None:
    card = RateCard(currency="INR", markets={"india": market("91")})

    assert card.market("919812345678") is not None
    assert card.market("9") is None
    assert card.market("447911123456") is None
    assert card.market("") is None


def test_prices_by_category() -> None:
    india, caribbean = CARD.markets["india"], CARD.markets["caribbean"]

    assert [india.micros(category) for category in (*Category, None)] == [2_500, 3_000, 20_000, 3_500]
    assert caribbean.micros(None) == caribbean.micros(Category.UTILITY) == 8_000


def given(**changes: Any) -> dict[str, Any]:
    return {"currency": "USD", "markets": {"india": market("91")}} | changes


@pytest.mark.parametrize(
    ("table", "message"),
    [
        pytest.param(given(currency="dollars"), "currency code", id="no currency"),
        pytest.param(given(markets={}), "at least 1", id="no market"),
        pytest.param(given(markets={"india": market()}), "at least 1", id="a market of nobody"),
        pytest.param(given(markets={"india": market("+91")}), "first digits", id="a prefix with a plus"),
        pytest.param(given(markets={"india": market("")}), "first digits", id="an empty prefix"),
        pytest.param(given(markets={"india": market("091")}), "first digits", id="a prefix that begins with 0"),
        pytest.param(given(markets={"india": market("९१")}), "first digits", id="digits of another script"),
        pytest.param(given(markets={"a": market("91"), "b": market("1", "91")}), "given twice: in a and in b",
                     id="a prefix in two markets"),
        pytest.param(given(markets={"a": market("91", "91")}), "given twice", id="a prefix twice in one"),
        pytest.param(given(markets={"a": market("91") | {"marketing": -1}}), "amount", id="a price below 0"),
        pytest.param(given(markets={"a": market("91") | {"marketting": "1"}}), "not permitted", id="a slip of the pen"),
        pytest.param(given(markets={"a": {"prefixes": ["91"], "marketing": "1"}}), "required", id="a price left out"),
        pytest.param(given(since="soon"), "date", id="no date"),
    ],
)  # fmt: skip
def test_a_card_that_leaves_a_price_open_is_refused(table: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        RateCard.model_validate(table)


def test_a_card_can_be_written_and_read_again() -> None:
    written = CARD.model_dump(mode="json", by_alias=True)

    assert written["markets"]["india"]["marketing"] == "0.02"
    assert RateCard.model_validate(written) == CARD


@pytest.mark.parametrize(
    ("at_ms", "currency"),
    [
        pytest.param(1_790_812_799_999, "USD", id="the last millisecond of September 2026: the card without a date"),
        pytest.param(1_790_812_800_000, "EUR", id="midnight (UTC): the new card"),
        pytest.param(1_798_761_600_000, "INR", id="and the next"),
    ],
)
def test_the_newest_card_that_has_begun_is_in_force(at_ms: int, currency: str) -> None:
    cards = [
        RateCard.model_validate(given(currency="INR", since="2027-01-01")),
        RateCard.model_validate(given()),
        RateCard.model_validate(given(currency="EUR", since="2026-10-01")),
    ]

    for order in (cards, cards[::-1]):
        found = card_in_force(order, at_ms)
        assert found is not None
        assert found.currency == currency


def test_no_card_is_in_force_before_the_first() -> None:
    assert card_in_force([RateCard.model_validate(given(since="2026-10-01"))], 0) is None
    assert card_in_force([], 0) is None
