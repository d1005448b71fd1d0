"""The word lists hold every spelling that Meta uses, and nothing unreadable passes for a value."""

import pytest

from tidegate.cloudapi.vocabulary import (
    UNLIMITED,
    Category,
    MessageType,
    NumberStatus,
    Quality,
    TemplateStatus,
    Tier,
    read_category,
    read_limit,
    read_quality,
)


@pytest.mark.parametrize(
    ("wire", "limit"),
    [
        (Tier.TIER_50, 50),
        (Tier.TIER_250, 250),
        (Tier.TIER_1K, 1_000),
        (Tier.TIER_2K, 2_000),
        (Tier.TIER_10K, 10_000),
        (Tier.TIER_100K, 100_000),
        (Tier.UNLIMITED, UNLIMITED),
        (Tier.NOT_SET, None),
        ("UNLIMITED", UNLIMITED),
        ("unlimited", UNLIMITED),
        ("-1", UNLIMITED),
        (-1, UNLIMITED),
        (2000, 2_000),
        ("2000", 2_000),
        ("tier_2k", 2_000),
        ("2K", 2_000),
        ("TIER_1M", 1_000_000),
        (10**12, 10**12),
    ],
    ids=str,
)
def test_every_spelling_of_a_limit_is_read(wire: object, limit: int | None) -> None:
    assert read_limit(wire) == limit


@pytest.mark.parametrize(
    "wire",
    [
        None,
        True,
        False,
        0,
        -2,
        10**12 + 1,
        2000.0,
        "",
        "TIER_",
        "TIER_2T",
        "-1K",
        "0",
        "TIER_0K",
        "2_000",
        "2000 ",
        "٢٠٠٠",
        "２０００",
        "TIER_UNLIMITED\n",
        "tıer_2k",
        "999999999999M",
        [],
        {},
    ],
    ids=repr,
)
def test_what_says_nothing_of_a_limit_is_none(wire: object) -> None:
    assert read_limit(wire) is None


@pytest.mark.parametrize(
    ("wire", "category"),
    [
        ("MARKETING", Category.MARKETING),
        ("marketing", Category.MARKETING),
        ("marketing_lite", Category.MARKETING),
        ("group_marketing", Category.MARKETING),
        ("UTILITY", Category.UTILITY),
        ("group_utility", Category.UTILITY),
        ("AUTHENTICATION", Category.AUTHENTICATION),
        ("authentication_international", Category.AUTHENTICATION),
        ("authentication-international", Category.AUTHENTICATION),
        ("service", None),
        ("referral_conversion", None),
        ("", None),
        (None, None),
        (1, None),
    ],
    ids=repr,
)
def test_a_category_is_read_in_any_spelling(wire: object, category: Category | None) -> None:
    assert read_category(wire) is category


def test_login_codes_come_before_utility_and_utility_before_marketing() -> None:
    assert [category.priority for category in Category] == [0, 1, 2]
    assert next(iter(Category)) is Category.AUTHENTICATION


@pytest.mark.parametrize(
    ("wire", "quality"),
    [
        ("GREEN", Quality.GREEN),
        ("yellow", Quality.YELLOW),
        ("RED", Quality.RED),
        ("UNKNOWN", Quality.UNKNOWN),
        ("NA", Quality.UNKNOWN),
        ("PURPLE", Quality.UNKNOWN),
        (None, Quality.UNKNOWN),
        (3, Quality.UNKNOWN),
    ],
    ids=repr,
)
def test_a_colour_nobody_knows_is_unknown(wire: object, quality: Quality) -> None:
    assert read_quality(wire) is quality


def test_the_enum_itself_reads_na_as_unknown_and_refuses_the_rest() -> None:
    assert Quality("NA") is Quality.UNKNOWN
    with pytest.raises(ValueError, match="PURPLE"):
        Quality("PURPLE")


def test_only_four_template_states_are_sendable() -> None:
    assert {status for status in TemplateStatus if status.sendable} == {
        TemplateStatus.APPROVED,
        TemplateStatus.FLAGGED,
        TemplateStatus.REINSTATED,
        TemplateStatus.UNPAUSE,
    }


def test_only_a_connected_number_is_connected() -> None:
    assert [status for status in NumberStatus if status.connected] == [NumberStatus.CONNECTED]


def test_a_business_cannot_send_what_only_users_send() -> None:
    assert {type_ for type_ in MessageType if not type_.sendable} == {
        MessageType.BUTTON,
        MessageType.ORDER,
        MessageType.SYSTEM,
        MessageType.EDIT,
        MessageType.REVOKE,
        MessageType.UNSUPPORTED,
    }
