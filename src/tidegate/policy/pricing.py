"""What a message will cost, by Meta's rules of the day; and what it did cost, by the status that Meta sends.

    since            charged for each message delivered                      free
    1 July 2025      marketing, authentication; utility outside a            free-form (service) messages; utility in a
                     service window                                          service window
    1 October 2026   all of them, free-form messages at the rate that the    free-form messages within the number's
                     card has for them                                       monthly free tier

Nothing is charged in a free entry point window (72 h). Whether authentication was free within a service window at first
is told differently; here it is not, which is the safe side of a budget. The days begin in UTC here.

Sources: Meta, "Pricing", "Pricing updates"; the words of `pricing.type` and the free tier: "Message status webhooks".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from tidegate.cloudapi.events import Pricing
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.rate_card import RateCard

PER_MESSAGE_SINCE_MS: Final = int(datetime(2025, 7, 1, tzinfo=UTC).timestamp()) * 1000
"""Before, Meta charged for conversations of 24 hours: no message had a price."""
SERVICE_CHARGED_SINCE_MS: Final = int(datetime(2026, 10, 1, tzinfo=UTC).timestamp()) * 1000

REGULAR: Final = "regular"
FREE_CUSTOMER_SERVICE: Final = "free_customer_service"
_FREE_TYPES: Final = frozenset({FREE_CUSTOMER_SERVICE, "free_entry_point", "free_group_customer_service"})
# Free-form messages, as `pricing.category` calls them.
_SERVICE_CATEGORIES: Final = frozenset({"service", "group_service"})


@dataclass(frozen=True, slots=True)
class Occasion:
    """The circumstances in which a message goes, as far as they decide its price.

    `in_window`: the recipient's customer service window is open. `free_entry`: so is a free entry point window.
    `free_tier`: the number has free service messages left this month.
    """

    at_ms: int
    in_window: bool = False
    free_entry: bool = False
    free_tier: bool = False


def price(card: RateCard, digits: str, category: Category | None, occasion: Occasion) -> int | None:
    """What one message will cost in micro-units of the card's currency, if it is delivered.

    `digits`: the recipient's phone number, "" when it is hidden. `category` is None for a free-form message.
    None: nobody knows, because the card has no market for this recipient, or messages had no price of their own yet.
    """
    if occasion.at_ms < PER_MESSAGE_SINCE_MS:
        return None
    if _is_free(category, occasion):
        return 0
    market = card.market(digits)
    return None if market is None else market.micros(category)


def _is_free(category: Category | None, occasion: Occasion) -> bool:
    if occasion.free_entry:
        return True
    if occasion.at_ms < SERVICE_CHARGED_SINCE_MS:
        return category is None or (category is Category.UTILITY and occasion.in_window)
    return category is None and occasion.free_tier


def billed(card: RateCard, digits: str, pricing: Pricing, reserved_micros: int) -> int:
    """What Meta bills for a message by the `pricing` of its status, in micro-units.

    `type` decides whether it is charged, `category` at which rate: it may not be the one that was expected, for Meta
    puts templates into other categories. Where the status or the card leaves it open, it is what was reserved.
    """
    if pricing.type in _FREE_TYPES or (pricing.type != REGULAR and pricing.billable is False):
        return 0
    market = card.market(digits)
    category = pricing.template_category
    service = (pricing.category or "").lower() in _SERVICE_CATEGORIES
    if pricing.type != REGULAR or market is None or (category is None and not service):
        return reserved_micros
    return market.micros(category)
