"""What each recorded webhook (`fixtures/wh_*.json`) tells."""

from typing import Any

from tidegate.cloudapi.events import (
    AccountAlert,
    AccountUpdate,
    Event,
    IdentityChange,
    InboundMessage,
    LimitUpdate,
    NumberEvent,
    NumberQualityUpdate,
    PlatformError,
    Preference,
    Pricing,
    Restriction,
    StatusError,
    StatusUpdate,
    TemplateCategoryUpdate,
    TemplateQualityUpdate,
    TemplateStatusUpdate,
    UserIdUpdate,
    UserPreference,
)
from tidegate.cloudapi.vocabulary import UNLIMITED, Category, MessageStatus, Quality, TemplateStatus

WABA, NUMBER = "102290129340398", "106540352242922"
PHONE, USER = "16505551234", "US.13491208655302741918"
OTHER_USER, NEW_USER = "US.27711208655302745501", "US.99481208655302741777"
NOON = 1_795_176_000_000


def wamid(tail: str) -> str:
    return f"wamid.HBgLMTY1MDU1NTEyMzQVAgARGBIA3C0DE0000{tail}AA=="


def inbound(tail: str, second: int, **changes: Any) -> InboundMessage:
    parts: dict[str, Any] = {"phone": PHONE, "user_id": USER, "type": "text", "opens_window": True, **changes}
    return InboundMessage(WABA, NUMBER, wamid(tail), at_ms=NOON + second * 1_000, **parts)


def status(tail: str, word: MessageStatus, second: int, **changes: Any) -> StatusUpdate:
    parts: dict[str, Any] = {"phone": PHONE, "user_id": USER, "opaque": None, **changes}
    return StatusUpdate(WABA, NUMBER, wamid(tail), word, NOON + second * 1_000, **parts)


def failed(tail: str, second: int, code: int, title: str, details: str) -> StatusUpdate:
    return status(
        tail,
        MessageStatus.FAILED,
        second,
        user_id=None,
        opaque="cmp=blackfriday;attempt=1",
        errors=(StatusError(code, title, details),),
    )


def price(type_: str, category: str) -> Pricing:
    return Pricing(type_ == "regular", "PMP", type_, category)


def template_status(event: TemplateStatus, at_ms: int, reason: str | None, title: str | None) -> Event:
    return TemplateStatusUpdate(
        WABA,
        "1689556908129832",
        "black_friday_offer",
        "en_US",
        event,
        reason,
        title,
        Category.MARKETING,
        at_ms,
    )


DELIVERED = status("28", MessageStatus.DELIVERED, 43, pricing=price("regular", "marketing"))
WELCOME = (WABA, "278077987957091", "welcome_template", "en_US")
NO_ECOSYSTEM = "This message was not delivered to maintain healthy ecosystem engagement."

RECORDED: dict[str, list[Event]] = {
    "account_alerts_deferred": [
        AccountAlert(
            WABA,
            "BUSINESS",
            "506914307656634",
            "WARNING",
            "ACTIVE",
            "INCREASED_CAPABILITIES_ELIGIBILITY_DEFERRED",
            "Limits cannot be increased for your business Lucky Shrub. Use WhatsApp Business platform"
            " actively for several days and follow our messaging policies.",
            NOON,
        )
    ],
    "account_update_disabled": [AccountUpdate(WABA, "DISABLED_UPDATE", "DISABLE", "November 20, 2026", None, (), NOON)],
    "account_update_restriction": [
        AccountUpdate(
            WABA,
            "ACCOUNT_RESTRICTION",
            None,
            None,
            None,
            (
                Restriction("RESTRICTED_BIZ_INITIATED_MESSAGING", 1_795_435_200_000),
                Restriction("RESTRICTED_ADD_PHONE_NUMBER_ACTION", 1_795_435_200_000),
            ),
            NOON,
        )
    ],
    "account_update_utility_rate_limited": [
        AccountUpdate(
            WABA,
            "ACCOUNT_RESTRICTION",
            None,
            None,
            "UTILITY_TEMPLATE_ABUSE_RATE_LIMIT",
            (Restriction("RATE_LIMITED_UTILITY_TEMPLATE_MESSAGING", 1_795_780_800_000),),
            NOON,
        )
    ],
    "account_update_violation": [AccountUpdate(WABA, "ACCOUNT_VIOLATION", None, None, "SCAM", (), NOON)],
    "batch_out_of_order_duplicate": [
        status("28", MessageStatus.READ, 44),
        DELIVERED,
        inbound("29", 45, type="interactive", text="Change", payload="change-button"),
        DELIVERED,
    ],
    "business_capability_update_2k": [LimitUpdate(WABA, 2_000, NOON)],
    "business_capability_update_tier_string": [LimitUpdate(WABA, 10_000, NOON)],
    "inbound_bsuid_no_phone": [inbound("04", 9, phone=None, user_id=OTHER_USER, text="Hello")],
    "inbound_button_stop": [inbound("05", 11, type="button", text="Stop promotions", payload="Stop promotions")],
    "inbound_ctwa_referral": [
        inbound("03", 5, text="Can I get more info about this?", has_referral=True),
    ],
    "inbound_text": [inbound("01", 0, text="Does it come in another color?")],
    "inbound_text_pre2026_shape": [inbound("02", 0, user_id=None, text="Hi")],
    "inbound_unsupported_131051": [
        inbound("07", 14, type="unsupported", opens_window=False, text=None, error_code=131051)
    ],
    "phone_number_quality_update_legacy_flagged": [
        NumberQualityUpdate(WABA, "15550783881", NumberEvent.FLAGGED, 10_000, None, 1_760_616_000_000)
    ],
    "phone_number_quality_update_throughput": [
        NumberQualityUpdate(WABA, "15550783881", NumberEvent.THROUGHPUT_UPGRADE, UNLIMITED, None, NOON)
    ],
    "status_delivered_bsuid_only": [
        status(
            "17",
            MessageStatus.DELIVERED,
            23,
            phone=None,
            user_id=OTHER_USER,
            pricing=price("regular", "marketing_lite"),
        )
    ],
    "status_delivered_service_free_tier_2026_10": [
        status("16", MessageStatus.DELIVERED, 22, pricing=price("free_customer_service", "service"))
    ],
    "status_failed_131026_undeliverable": [failed("20", 32, 131026, "Message undeliverable", "Message Undeliverable.")],
    "status_failed_131047_window_closed": [
        failed(
            "1F",
            31,
            131047,
            "Re-engagement message",
            "Message failed to send because more than 24 hours have passed since the customer last replied to"
            " this number.",
        )
    ],
    "status_failed_131048_spam_rate_limit": [
        failed(
            "24",
            36,
            131048,
            "Spam rate limit hit",
            "Message failed to send because there are restrictions on how many messages can be sent from this"
            " phone number. This may be because too many previous messages were blocked or flagged as spam.",
        )
    ],
    "status_failed_131049_per_user_limit": [
        failed(
            "1E",
            30,
            131049,
            NO_ECOSYSTEM,
            "In order to maintain a healthy ecosystem engagement, the message failed to be delivered.",
        )
    ],
    "status_failed_131050_marketing_opt_out": [
        failed(
            "21",
            33,
            131050,
            "User has stopped receiving marketing messages",
            "Unable to deliver the message. This recipient has chosen to stop receiving marketing messages on"
            " WhatsApp from your business",
        )
    ],
    "status_failed_132015_pacing_drop": [
        failed(
            "22",
            34,
            132015,
            "Template is Paused",
            "The template has been paused due to low quality and cannot be sent in a template message.",
        )
    ],
    "status_failed_135000_portfolio_pacing_drop": [
        failed(
            "23",
            35,
            135000,
            "Generic user error",
            "Message failed to send because of an unknown error with your request parameters.",
        )
    ],
    "status_read_fep_conversation": [
        status(
            "18",
            MessageStatus.READ,
            24,
            pricing=price("free_entry_point", "referral_conversion"),
            conversation_origin="referral_conversion",
        )
    ],
    "status_sent_v23_with_conversation": [
        status(
            "14",
            MessageStatus.SENT,
            20,
            user_id=None,
            pricing=price("regular", "marketing"),
            conversation_expires_at_ms=1_795_262_420_000,
            conversation_origin="marketing",
        )
    ],
    "status_sent_v24": [
        status(
            "15",
            MessageStatus.SENT,
            21,
            opaque="cmp=blackfriday;attempt=1",
            pricing=price("regular", "utility"),
        )
    ],
    "system_user_changed_number": [
        IdentityChange(WABA, NUMBER, wamid("06"), NOON + 12_000, PHONE, None, "12195555358", NEW_USER)
    ],
    "template_category_update_done": [
        TemplateCategoryUpdate(*WELCOME, Category.MARKETING, Category.UTILITY, None, None, 1_795_262_400_000)
    ],
    "template_category_update_impending": [
        TemplateCategoryUpdate(*WELCOME, Category.UTILITY, None, Category.MARKETING, 1_795_262_400_000, NOON)
    ],
    "template_quality_update_green_to_red": [
        TemplateQualityUpdate(WABA, "1689556908129832", "black_friday_offer", "en_US", Quality.GREEN, Quality.RED, NOON)
    ],
    "template_status_disabled": [template_status(TemplateStatus.DISABLED, 1_795_262_400_000, None, "DISABLED")],
    "template_status_paused_first": [template_status(TemplateStatus.PAUSED, NOON, None, "FIRST_PAUSE")],
    "template_status_reinstated_unpause": [
        template_status(TemplateStatus.REINSTATED, 1_795_186_800_000, None, "UNPAUSE")
    ],
    "template_status_rejected_invalid_format": [template_status(TemplateStatus.REJECTED, NOON, "INVALID_FORMAT", None)],
    "user_id_update": [UserIdUpdate(WABA, NUMBER, "12195555358", USER, NEW_USER, NOON + 12_000)],
    "user_preferences_resume": [
        UserPreference(WABA, NUMBER, PHONE, USER, "marketing_messages", Preference.RESUME, NOON)
    ],
    "user_preferences_stop": [UserPreference(WABA, NUMBER, PHONE, USER, "marketing_messages", Preference.STOP, NOON)],
    "value_errors_130429": [
        PlatformError(
            WABA,
            NUMBER,
            130429,
            "Rate limit hit",
            "Message failed to send because there were too many messages sent from this phone number in a"
            " short period of time",
        )
    ],
}
