"""Events of users show no person, and a price names the category that was billed."""

import pytest

from tidegate.cloudapi.events import IdentityChange, InboundMessage, Pricing, StatusUpdate, UserPreference
from tidegate.cloudapi.user_events import Preference
from tidegate.cloudapi.vocabulary import Category, MessageStatus


@pytest.mark.parametrize(
    ("word", "category"),
    [("marketing_lite", Category.MARKETING), ("utility", Category.UTILITY), ("service", None), (None, None)],
)
def test_a_price_names_the_template_category_that_was_billed(word: str | None, category: Category | None) -> None:
    assert Pricing(None, "PMP", "regular", word).template_category is category


def test_no_event_shows_whom_it_is_about() -> None:
    shown = [
        InboundMessage("1", "2", "wamid.555", "555", "US.555", 7, "text", True, "I am 555", "555", "555", "555"),
        StatusUpdate("1", "2", "wamid.555", MessageStatus.SENT, 7, "555", "US.555", "555", group="555"),
        IdentityChange("1", "2", "wamid.555", 7, "555", "555", "555", "555"),
        UserPreference("1", "2", "555", "US.555", "marketing_messages", Preference.STOP, 7),
    ]
    assert "555" not in repr(shown)
