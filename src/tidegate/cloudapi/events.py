"""Everything that a webhook can tell, gathered from `user_events` and `account_events`."""

from dataclasses import dataclass

from .account_events import (
    AccountAlert,
    AccountReview,
    AccountUpdate,
    LimitUpdate,
    NumberEvent,
    NumberNameUpdate,
    NumberQualityUpdate,
    Restriction,
    SecurityUpdate,
    TemplateCategoryUpdate,
    TemplateQualityUpdate,
    TemplateStatusUpdate,
)
from .user_events import (
    IdentityChange,
    InboundMessage,
    PlatformError,
    Preference,
    Pricing,
    StatusError,
    StatusUpdate,
    UserIdUpdate,
    UserPreference,
)

__all__ = [
    "AccountAlert",
    "AccountReview",
    "AccountUpdate",
    "Event",
    "IdentityChange",
    "InboundMessage",
    "LimitUpdate",
    "NumberEvent",
    "NumberNameUpdate",
    "NumberQualityUpdate",
    "PlatformError",
    "Preference",
    "Pricing",
    "Restriction",
    "SecurityUpdate",
    "StatusError",
    "StatusUpdate",
    "TemplateCategoryUpdate",
    "TemplateQualityUpdate",
    "TemplateStatusUpdate",
    "Unrecognised",
    "UserIdUpdate",
    "UserPreference",
]


@dataclass(frozen=True, slots=True)
class Unrecognised:
    """An update of a field that is not acted on, or one that cannot be read; nothing follows from it."""

    field: str
    """The webhook field, or the part of the envelope that is at fault; `other` for no lower-case word."""
    waba_id: str | None = None


Event = (
    InboundMessage
    | StatusUpdate
    | PlatformError
    | IdentityChange
    | UserIdUpdate
    | UserPreference
    | LimitUpdate
    | TemplateStatusUpdate
    | TemplateQualityUpdate
    | TemplateCategoryUpdate
    | NumberQualityUpdate
    | AccountUpdate
    | AccountAlert
    | AccountReview
    | NumberNameUpdate
    | SecurityUpdate
    | Unrecognised
)
