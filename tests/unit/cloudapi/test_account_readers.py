"""Fields about templates, numbers and accounts: every event in every shape, or nothing."""

from collections.abc import Callable
from typing import Any

import pytest

from tidegate.cloudapi import account_readers
from tidegate.cloudapi.events import (
    AccountAlert,
    AccountReview,
    AccountUpdate,
    Event,
    LimitUpdate,
    NumberEvent,
    NumberNameUpdate,
    NumberQualityUpdate,
    Restriction,
    SecurityUpdate,
    TemplateCategoryUpdate,
    TemplateQualityUpdate,
    TemplateStatusUpdate,
    Unrecognised,
)
from tidegate.cloudapi.vocabulary import UNLIMITED, Category, Quality, TemplateStatus
from tidegate.cloudapi.wire import Change, Unreadable

Reader = Callable[[Change], list[Event]]

TEMPLATE = {
    "message_template_id": "5",
    "message_template_name": "hello",
    "message_template_language": "en_US",
}
NUMBER = "15550783881"


def change(**value: Any) -> Change:
    return Change("1", 9_000, "a_field", value)


READ: dict[str, tuple[Reader, dict[str, Any], Event]] = {
    "a template by its bare event": (
        account_readers.read_template_status,
        {**TEMPLATE, "event": "APPROVED", "reason": None},
        TemplateStatusUpdate("1", "5", "hello", "en_US", TemplateStatus.APPROVED, None, None, None, 9_000),
    ),
    "an unpause that is the event": (
        account_readers.read_template_status,
        {**TEMPLATE, "event": "UNPAUSE", "other_info": "x"},
        TemplateStatusUpdate("1", "5", "hello", "en_US", TemplateStatus.UNPAUSE, None, None, None, 9_000),
    ),
    "a template's quality without the previous one": (
        account_readers.read_template_quality,
        {**TEMPLATE, "new_quality_score": "RED"},
        TemplateQualityUpdate("1", "5", "hello", "en_US", Quality.UNKNOWN, Quality.RED, 9_000),
    ),
    "a category change to come at no known time": (
        account_readers.read_template_category,
        {**TEMPLATE, "new_category": "UTILITY", "correct_category": "MARKETING"},
        TemplateCategoryUpdate("1", "5", "hello", "en_US", Category.UTILITY, None, Category.MARKETING, None, 9_000),
    ),
    "a downgrade in the older shape": (
        account_readers.read_number_quality,
        {
            "display_phone_number": NUMBER,
            "event": "DOWNGRADE",
            "current_limit": "TIER_1K",
            "old_limit": "TIER_10K",
        },
        NumberQualityUpdate("1", NUMBER, NumberEvent.DOWNGRADE, 1_000, 10_000, 9_000),
    ),
    "an onboarding that says which limit is the newer": (
        account_readers.read_number_quality,
        {
            "display_phone_number": "+1 555-078-3881",
            "event": "ONBOARDING",
            "current_limit": "TIER_NOT_SET",
            "max_daily_conversations_per_business": "TIER_250",
        },
        NumberQualityUpdate("1", NUMBER, NumberEvent.ONBOARDING, 250, None, 9_000),
    ),
    "a number that cannot be read": (
        account_readers.read_number_quality,
        {"display_phone_number": 5, "event": "UNFLAGGED"},
        NumberQualityUpdate("1", None, NumberEvent.UNFLAGGED, None, None, 9_000),
    ),
    "a limit of none": (
        account_readers.read_capability,
        {"max_daily_conversations_per_business": -1},
        LimitUpdate("1", UNLIMITED, 9_000),
    ),
    "a limit under the older key": (
        account_readers.read_capability,
        {"max_daily_conversation_per_phone": 1000, "max_phone_numbers_per_business": 2},
        LimitUpdate("1", 1_000, 9_000),
    ),
    "a restriction whose end cannot be read": (
        account_readers.read_account,
        {
            "event": "ACCOUNT_RESTRICTION",
            "restriction_info": [{"restriction_type": "X", "expiration": "soon"}],
        },
        AccountUpdate("1", "ACCOUNT_RESTRICTION", None, None, None, (Restriction("X", None),), 9_000),
    ),
    "an event of an account that has no more to it": (
        account_readers.read_account,
        {"event": "VERIFIED_ACCOUNT", "ban_info": None},
        AccountUpdate("1", "VERIFIED_ACCOUNT", None, None, None, (), 9_000),
    ),
    "an alert without nesting": (
        account_readers.read_account_alert,
        {"alert_type": "OBA_APPROVED", "alert_severity": "INFORMATIONAL", "entity_id": 7},
        AccountAlert("1", None, "7", "INFORMATIONAL", None, "OBA_APPROVED", None, 9_000),
    ),
    "a review": (
        account_readers.read_account_review,
        {"decision": "REJECTED"},
        AccountReview("1", "REJECTED", 9_000),
    ),
    "a display name": (
        account_readers.read_number_name,
        {
            "display_phone_number": NUMBER,
            "decision": "REJECTED",
            "requested_verified_name": "Lucky Shrub",
            "rejection_reason": "NAME_NOT_CONSISTENT",
        },
        NumberNameUpdate("1", NUMBER, "REJECTED", "Lucky Shrub", "NAME_NOT_CONSISTENT", 9_000),
    ),
    "a PIN": (
        account_readers.read_security,
        {"display_phone_number": NUMBER, "event": "PIN_CHANGED", "requester": "123"},
        SecurityUpdate("1", NUMBER, "PIN_CHANGED", "123", 9_000),
    ),
}


@pytest.mark.parametrize(("read", "value", "event"), READ.values(), ids=READ)
def test_is_read(read: Reader, value: dict[str, Any], event: Event) -> None:
    assert read(change(**value)) == [event]


UNREADABLE: dict[str, tuple[Reader, dict[str, Any]]] = {
    "a template without an event": (account_readers.read_template_status, TEMPLATE),
    "a template with an event of tomorrow": (
        account_readers.read_template_status,
        {**TEMPLATE, "event": "EVAPORATED"},
    ),
    "a template with a list for an event": (
        account_readers.read_template_status,
        {**TEMPLATE, "event": ["PAUSED"]},
    ),
    **{
        f"a template without {key}": (
            account_readers.read_template_status,
            {"event": "PAUSED", **TEMPLATE, key: None},
        )
        for key in TEMPLATE
    },
    "a quality that is a number": (
        account_readers.read_template_quality,
        {**TEMPLATE, "new_quality_score": 3},
    ),
    "a category that is none": (
        account_readers.read_template_category,
        {**TEMPLATE, "new_category": "SERVICE"},
    ),
    "a number's event of tomorrow": (account_readers.read_number_quality, {"event": "SUNK"}),
    "capabilities without a limit": (account_readers.read_capability, {"max_phone_numbers_per_waba": 25}),
    "a limit that is not set": (
        account_readers.read_capability,
        {"max_daily_conversations_per_business": "TIER_NOT_SET"},
    ),
    "an account without an event": (account_readers.read_account, {"ban_info": {}}),
    "an alert without a type": (account_readers.read_account_alert, {"alert_info": {}}),
    "a review without a decision": (account_readers.read_account_review, {}),
    "a display name without a decision": (account_readers.read_number_name, {}),
    "a PIN without an event": (account_readers.read_security, {}),
}


@pytest.mark.parametrize(("read", "value"), UNREADABLE.values(), ids=UNREADABLE)
def test_is_unreadable(read: Reader, value: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        read(change(**value))


@pytest.mark.parametrize(
    ("info", "kept", "lost"),
    [
        ([{"restriction_type": "X"}, 5, {"restriction_type": "Y", "expiration": "9"}, {}], ["X", "Y"], 2),
        ({"restriction_type": "X"}, ["X"], 0),
        ("X", [], 1),
        ([], [], 0),
        (None, [], 0),
    ],
    ids=["two of four", "one that is not in a list", "none of a word", "none of none", "none of null"],
)
def test_a_restriction_that_cannot_be_read_costs_none_of_the_others(info: object, kept: list[str], lost: int) -> None:
    update, *others = account_readers.read_account(change(event="ACCOUNT_RESTRICTION", restriction_info=info))
    assert isinstance(update, AccountUpdate)
    assert [restriction.type for restriction in update.restrictions] == kept
    assert others == [Unrecognised("a_field", "1")] * lost
