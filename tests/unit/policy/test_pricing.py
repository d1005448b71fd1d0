"""What a message will cost, and what it did cost, by the rules of the day. All figures are invented."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.unit.policy.rate_cards import CARD, market
from tidegate.cloudapi.events import Pricing
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.pricing import (
    PER_MESSAGE_SINCE_MS,
    SERVICE_CHARGED_SINCE_MS,
    Occasion,
    billed,
    price,
)
from tidegate.policy.rate_card import RateCard

INDIA = "919812345678"
BEFORE, SINCE = SERVICE_CHARGED_SINCE_MS - 1, SERVICE_CHARGED_SINCE_MS
AUTHENTICATION, UTILITY, MARKETING = Category
SERVICE = None


def test_the_days_on_which_the_rules_changed() -> None:
    assert datetime.fromtimestamp(PER_MESSAGE_SINCE_MS / 1000, UTC).isoformat() == "2025-07-01T00:00:00+00:00"
    assert datetime.fromtimestamp(SERVICE_CHARGED_SINCE_MS / 1000, UTC).isoformat() == "2026-10-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("at_ms", "in_window", "prices"),
    [
        pytest.param(PER_MESSAGE_SINCE_MS, False, (2_500, 3_000, 20_000, 0), id="from July 2025, outside a window"),
        pytest.param(PER_MESSAGE_SINCE_MS, True, (2_500, 0, 20_000, 0), id="from July 2025, in a window"),
        pytest.param(BEFORE, False, (2_500, 3_000, 20_000, 0), id="the last millisecond of September 2026, outside"),
        pytest.param(BEFORE, True, (2_500, 0, 20_000, 0), id="the last millisecond of September 2026, in a window"),
        pytest.param(SINCE, False, (2_500, 3_000, 20_000, 3_500), id="from October 2026, outside a window"),
        pytest.param(SINCE, True, (2_500, 3_000, 20_000, 3_500), id="from October 2026, in a window"),
        pytest.param(PER_MESSAGE_SINCE_MS - 1, True, (None,) * 4, id="before July 2025 no message had a price"),
    ],
)
def test_what_is_charged_when(at_ms: int, in_window: bool, prices: tuple[int | None, ...]) -> None:
    occasion = Occasion(at_ms, in_window=in_window)

    assert tuple(price(CARD, INDIA, category, occasion) for category in (*Category, SERVICE)) == prices


@pytest.mark.parametrize("at_ms", [PER_MESSAGE_SINCE_MS, BEFORE, SINCE])
@pytest.mark.parametrize("category", [*Category, SERVICE])
def test_everything_is_free_after_a_free_entry_point(at_ms: int, category: Category | None) -> None:
    assert price(CARD, INDIA, category, Occasion(at_ms, in_window=True, free_entry=True)) == 0
    assert price(CARD, INDIA, category, Occasion(at_ms, free_entry=True)) == 0


def test_the_free_tier_is_for_free_form_messages_only() -> None:
    occasion = Occasion(SINCE, in_window=True, free_tier=True)

    assert price(CARD, INDIA, SERVICE, occasion) == 0
    assert [price(CARD, INDIA, category, occasion) for category in Category] == [2_500, 3_000, 20_000]


@pytest.mark.parametrize(
    ("digits", "micros"),
    [
        pytest.param("16505551234", 25_000, id="another market"),
        pytest.param("18095551234", 20_000, id="a longer prefix"),
        pytest.param("447911123456", 60_000, id="whoever is left"),
        pytest.param("", 60_000, id="a hidden number"),
    ],
)
def test_the_market_decides(digits: str, micros: int) -> None:
    assert price(CARD, digits, MARKETING, Occasion(SINCE)) == micros


def test_a_recipient_without_a_market_has_no_price_but_what_is_free_is_free() -> None:
    card = RateCard(currency="INR", markets={"india": market("91")})

    assert price(card, "447911123456", MARKETING, Occasion(SINCE)) is None
    assert price(card, "447911123456", MARKETING, Occasion(SINCE, free_entry=True)) == 0


def told(type: str | None, category: str | None, billable: bool | None = None) -> Pricing:
    return Pricing(billable=billable, model="PMP", type=type, category=category)


RESERVED = 7


@pytest.mark.parametrize(
    ("pricing", "micros"),
    [
        pytest.param(told("regular", "marketing"), 20_000, id="marketing"),
        pytest.param(told("regular", "utility"), 3_000, id="utility"),
        pytest.param(told("regular", "authentication"), 2_500, id="authentication"),
        pytest.param(told("regular", "authentication-international"), 2_500, id="authentication-international"),
        pytest.param(told("regular", "marketing_lite"), 20_000, id="the Marketing Messages API"),
        pytest.param(told("regular", "service"), 3_500, id="a free-form message"),
        pytest.param(told("regular", "group_service"), 3_500, id="a free-form message in a group"),
        pytest.param(told("regular", "SERVICE"), 3_500, id="in capitals"),
        pytest.param(told("free_customer_service", "utility"), 0, id="free in a window"),
        pytest.param(told("free_entry_point", "marketing"), 0, id="free after an ad"),
        pytest.param(told("free_group_customer_service", "group_service"), 0, id="free in a group"),
        pytest.param(told("free_entry_point", "marketing", True), 0, id="the type outweighs billable"),
        pytest.param(told("regular", "marketing", False), 20_000, id="the type outweighs not billable"),
        pytest.param(told("free_for_all", "marketing", False), 0, id="a new type that is not billable"),
        pytest.param(told("free_for_all", "marketing", True), RESERVED, id="a new type that is"),
        pytest.param(told(None, "marketing"), RESERVED, id="no type"),
        pytest.param(told(None, None, False), 0, id="nothing but not billable"),
        pytest.param(told("regular", "carrier_pigeon"), RESERVED, id="a new category"),
        pytest.param(told("regular", None), RESERVED, id="no category"),
    ],
)
def test_what_meta_bills(pricing: Pricing, micros: int) -> None:
    assert billed(CARD, INDIA, pricing, RESERVED) == micros


def test_what_a_card_has_no_price_for_is_billed_as_reserved() -> None:
    card = RateCard(currency="INR", markets={"india": market("91")})

    assert billed(card, "447911123456", told("regular", "marketing"), RESERVED) == RESERVED
    assert billed(card, "447911123456", told("free_entry_point", "marketing"), RESERVED) == 0
