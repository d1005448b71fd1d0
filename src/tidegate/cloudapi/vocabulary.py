"""The closed word lists of the Cloud API, and the readers of those that are spelled in several ways.

Sources (Meta, WhatsApp Business Platform documentation): "Messaging limits", "business_capability_update",
"phone_number_quality_update", "message_template_status_update", "Template quality rating", the phone number
node reference and "Message status webhooks".
"""

import re
from enum import StrEnum
from typing import Final

UNLIMITED: Final = -1
"""The messaging limit of a portfolio that has none."""

_LIMIT = re.compile(r"(?:TIER_)?(?:([0-9]{1,12})(K|M)?|(UNLIMITED|-1))")
_SCALE = {None: 1, "K": 1_000, "M": 1_000_000}
_MAX_LIMIT = 10**12


class Tier(StrEnum):
    """A messaging limit as the phone number, WABA and portfolio nodes spell it.

    `TIER_50` and `TIER_1K` belong to the ladder from before October 2025 and are still sent to apps that
    subscribe with an older webhook version.
    """

    NOT_SET = "TIER_NOT_SET"
    TIER_50 = "TIER_50"
    TIER_250 = "TIER_250"
    TIER_1K = "TIER_1K"
    TIER_2K = "TIER_2K"
    TIER_10K = "TIER_10K"
    TIER_100K = "TIER_100K"
    UNLIMITED = "TIER_UNLIMITED"


class Review(StrEnum):
    """`account_review_status` of an account; UNKNOWN is ours. Source: Meta, account node, `account_review_update`."""

    APPROVED = "APPROVED"
    PENDING = "PENDING"
    DEFERRED = "DEFERRED"
    REJECTED = "REJECTED"
    UNKNOWN = "UNKNOWN"


class Verification(StrEnum):
    """`business_verification_status` of an account; UNKNOWN is ours. Source: Meta, account and business nodes."""

    VERIFIED = "verified"
    NOT_VERIFIED = "not_verified"
    PENDING = "pending"
    PENDING_SUBMISSION = "pending_submission"
    PENDING_NEED_MORE_INFO = "pending_need_more_info"
    FAILED = "failed"
    REJECTED = "rejected"
    INELIGIBLE = "ineligible"
    EXPIRED = "expired"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


class Quality(StrEnum):
    """Quality of a phone number (`quality_rating`) or of a template (`quality_score.score`).

    A number that nobody has rated yet is `NA` in one field and `UNKNOWN` in another: both read as UNKNOWN.
    """

    GREEN = "GREEN"
    YELLOW = "YELLOW"
    RED = "RED"
    UNKNOWN = "UNKNOWN"

    @classmethod
    def _missing_(cls, value: object) -> "Quality | None":
        return cls.UNKNOWN if value == "NA" else None


class Category(StrEnum):
    """Category of a template, from the most to the least urgent."""

    AUTHENTICATION = "authentication"
    UTILITY = "utility"
    MARKETING = "marketing"

    @property
    def priority(self) -> int:
        """Rank among the categories: 0 (goes first) to 2 (goes last)."""
        return _PRIORITY[self]


_PRIORITY: Final = {Category.AUTHENTICATION: 0, Category.UTILITY: 1, Category.MARKETING: 2}

# Spellings of webhooks and price lists (`pricing.category`, `conversation.origin.type`), lower-cased, with
# "-" written as "_". Only those that name a template category; "service" and "referral_conversion" do not.
_CATEGORY_SPELLINGS: Final = {
    "authentication": Category.AUTHENTICATION,
    "authentication_international": Category.AUTHENTICATION,
    "utility": Category.UTILITY,
    "group_utility": Category.UTILITY,
    "marketing": Category.MARKETING,
    "marketing_lite": Category.MARKETING,
    "group_marketing": Category.MARKETING,
}


class TemplateStatus(StrEnum):
    """State of a template: `status` of the template node and `event` of its status webhook.

    `UNPAUSE` is a title in the webhook (`other_info.title`); older versions sent it as the event.
    """

    APPROVED = "APPROVED"
    ARCHIVED = "ARCHIVED"
    DELETED = "DELETED"
    DISABLED = "DISABLED"
    FLAGGED = "FLAGGED"
    IN_APPEAL = "IN_APPEAL"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    LOCKED = "LOCKED"
    PAUSED = "PAUSED"
    PENDING = "PENDING"
    PENDING_DELETION = "PENDING_DELETION"
    REINSTATED = "REINSTATED"
    REJECTED = "REJECTED"
    UNARCHIVED = "UNARCHIVED"
    UNPAUSE = "UNPAUSE"

    @property
    def sendable(self) -> bool:
        """Whether Meta takes messages with a template in this state (FLAGGED is a warning, not a stop)."""
        return self in _SENDABLE_STATUSES


# UNARCHIVED does not say which state the template returns to: it stays closed until it is read again.
_SENDABLE_STATUSES: Final = frozenset(
    {TemplateStatus.APPROVED, TemplateStatus.FLAGGED, TemplateStatus.REINSTATED, TemplateStatus.UNPAUSE}
)


class NumberStatus(StrEnum):
    """State of a business phone number: `status` of the phone number node."""

    PENDING = "PENDING"
    DELETED = "DELETED"
    MIGRATED = "MIGRATED"
    BANNED = "BANNED"
    RESTRICTED = "RESTRICTED"
    RATE_LIMITED = "RATE_LIMITED"
    FLAGGED = "FLAGGED"
    CONNECTED = "CONNECTED"
    DISCONNECTED = "DISCONNECTED"
    UNKNOWN = "UNKNOWN"
    UNVERIFIED = "UNVERIFIED"

    @property
    def connected(self) -> bool:
        """Whether the number can send at all."""
        return self is NumberStatus.CONNECTED


class MessageStatus(StrEnum):
    """What a status webhook says of a message; `played` is a voice note that was listened to."""

    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    PLAYED = "played"
    FAILED = "failed"


class MessageType(StrEnum):
    """`type` of a message: those that a business can send first, then those that only users send."""

    TEXT = "text"
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    DOCUMENT = "document"
    STICKER = "sticker"
    LOCATION = "location"
    CONTACTS = "contacts"
    REACTION = "reaction"
    INTERACTIVE = "interactive"
    TEMPLATE = "template"
    BUTTON = "button"
    ORDER = "order"
    SYSTEM = "system"
    EDIT = "edit"
    REVOKE = "revoke"
    UNSUPPORTED = "unsupported"

    @property
    def sendable(self) -> bool:
        """Whether a business can send a message of this type."""
        return self not in _FROM_USERS_ONLY


_FROM_USERS_ONLY: Final = frozenset(
    {
        MessageType.BUTTON,
        MessageType.ORDER,
        MessageType.SYSTEM,
        MessageType.EDIT,
        MessageType.REVOKE,
        MessageType.UNSUPPORTED,
    }
)


def read_limit(wire: object) -> int | None:
    """A messaging limit in unique users per moving 24 hours, from any spelling that Meta has used.

    Reads `"TIER_2K"`, `"TIER_UNLIMITED"`, `"UNLIMITED"`, `"2000"`, `2000`, `-1`, in either case. `UNLIMITED`
    stands for no limit. None when the value says nothing: not set, null, a boolean, zero, or unreadable.
    """
    if isinstance(wire, bool):
        return None
    if isinstance(wire, int):
        return wire if wire == UNLIMITED or 0 < wire <= _MAX_LIMIT else None
    match = _LIMIT.fullmatch(wire.upper()) if isinstance(wire, str) and wire.isascii() else None
    if match is None:
        return None
    if match[3]:
        return UNLIMITED
    limit = int(match[1]) * _SCALE[match[2]]
    return limit if 0 < limit <= _MAX_LIMIT else None


def read_category(wire: object) -> Category | None:
    """The template category that a word stands for, in any of Meta's spellings; None when it names none."""
    if not isinstance(wire, str):
        return None
    return _CATEGORY_SPELLINGS.get(wire.lower().replace("-", "_"))


def read_quality(wire: object) -> Quality:
    """A quality colour in either case; UNKNOWN for `NA` and for whatever is no colour."""
    if isinstance(wire, str) and wire.upper() in Quality.__members__:
        return Quality(wire.upper())
    return Quality.UNKNOWN
