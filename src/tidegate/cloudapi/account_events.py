"""What webhooks tell of templates, numbers and accounts, one frozen value an update.

`waba_id` is the `id` of the webhook's entry; `at_ms` its `time` in milliseconds since the epoch by Meta's
clock, None where Meta left it out.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from .vocabulary import Category, Quality, TemplateStatus


@dataclass(frozen=True, slots=True)
class LimitUpdate:
    """The portfolio's messaging limit went up or down. Source: Meta, webhook `business_capability_update`."""

    waba_id: str
    limit: int
    """Unique users per moving 24 hours, or `vocabulary.UNLIMITED`."""
    at_ms: int | None


@dataclass(frozen=True, slots=True)
class TemplateStatusUpdate:
    """A template's state changed. Source: Meta, webhook `message_template_status_update`."""

    waba_id: str
    template_id: str
    name: str
    language: str
    event: TemplateStatus
    reason: str | None
    """Such as `INVALID_FORMAT`; None for Meta's `NONE`."""
    title: str | None
    """Such as `FIRST_PAUSE` (3 h), `SECOND_PAUSE` (6 h), `RATE_LIMITING_PAUSE`, `UNPAUSE`, `DISABLED`."""
    category: Category | None
    at_ms: int | None


@dataclass(frozen=True, slots=True)
class TemplateQualityUpdate:
    """A template's quality changed. Source: Meta, webhook `message_template_quality_update`."""

    waba_id: str
    template_id: str
    name: str
    language: str
    previous: Quality
    quality: Quality
    at_ms: int | None


@dataclass(frozen=True, slots=True)
class TemplateCategoryUpdate:
    """A template's category has changed, or is about to. Source: Meta, webhook `template_category_update`."""

    waba_id: str
    template_id: str
    name: str
    language: str
    category: Category
    """The one in force now."""
    previous: Category | None
    """The one before a change that is done."""
    upcoming: Category | None
    """The one that is to come; None when the change is done."""
    upcoming_at_ms: int | None
    at_ms: int | None


class NumberEvent(StrEnum):
    """`event` of `phone_number_quality_update`; from FLAGGED on those of before October 2025."""

    ONBOARDING = "ONBOARDING"
    THROUGHPUT_UPGRADE = "THROUGHPUT_UPGRADE"
    FLAGGED = "FLAGGED"
    UNFLAGGED = "UNFLAGGED"
    UPGRADE = "UPGRADE"
    DOWNGRADE = "DOWNGRADE"


@dataclass(frozen=True, slots=True)
class NumberQualityUpdate:
    """A number's throughput, or in the older shape its quality or tier, changed.

    `TIER_UNLIMITED` beside THROUGHPUT_UPGRADE stands for the higher throughput. Source: Meta, webhook
    `phone_number_quality_update`.
    """

    waba_id: str
    display_phone_number: str | None = field(repr=False)
    event: NumberEvent
    limit: int | None
    """`max_daily_conversations_per_business`, else `current_limit`."""
    old_limit: int | None
    at_ms: int | None


@dataclass(frozen=True, slots=True)
class Restriction:
    """Something that an account may not do."""

    type: str
    """Such as `RESTRICTED_BIZ_INITIATED_MESSAGING`."""
    expires_at_ms: int | None
    """None when Meta gives no end, or none that can be read: until it is lifted."""


@dataclass(frozen=True, slots=True)
class AccountUpdate:
    """Violations, restrictions and bans of an account. Source: Meta, webhook `account_update`."""

    waba_id: str
    event: str
    """Such as `ACCOUNT_RESTRICTION`, `ACCOUNT_VIOLATION`, `DISABLED_UPDATE`."""
    ban_state: str | None
    """`DISABLE`, `REINSTATE` or `SCHEDULE_FOR_DISABLE`."""
    ban_date: str | None
    """A date in words, such as "April 17, 2025"."""
    violation: str | None
    """Such as `SCAM`, or `UTILITY_TEMPLATE_ABUSE` and its variants."""
    restrictions: tuple[Restriction, ...]
    at_ms: int | None


@dataclass(frozen=True, slots=True)
class AccountAlert:
    """News about limits and standing. Source: Meta, webhook `account_alerts`."""

    waba_id: str
    entity_type: str | None
    entity_id: str | None
    severity: str | None
    status: str | None
    type: str
    description: str | None
    at_ms: int | None


@dataclass(frozen=True, slots=True)
class AccountReview:
    """The end of an account's review. Source: Meta, webhook `account_review_update`."""

    waba_id: str
    decision: str
    """`APPROVED`, `REJECTED`, `PENDING` or `DEFERRED`."""
    at_ms: int | None


@dataclass(frozen=True, slots=True)
class NumberNameUpdate:
    """The end of a display name's review. Source: Meta, webhook `phone_number_name_update`."""

    waba_id: str
    display_phone_number: str | None = field(repr=False)
    decision: str
    requested_name: str | None
    rejection_reason: str | None
    at_ms: int | None


@dataclass(frozen=True, slots=True)
class SecurityUpdate:
    """A number's two-step PIN was touched. Source: Meta, webhook `security`."""

    waba_id: str
    display_phone_number: str | None = field(repr=False)
    event: str
    """`PIN_CHANGED`, `PIN_RESET_REQUEST` or `PIN_REQUEST_SUCCESS`."""
    requester: str | None = field(repr=False)
    at_ms: int | None
