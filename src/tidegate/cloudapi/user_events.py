"""What webhooks tell of single messages and users, one frozen value an update.

Times are milliseconds since the epoch by Meta's clock; phone numbers are digits, country code first.
`repr` shows neither these nor what else tells a person (a message id holds the number). `waba_id` is the `id`
of the webhook's entry, `number_id` a `phone_number_id`.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from msgspec import Struct

from .vocabulary import Category, MessageStatus, read_category


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A user's message to a business number. Source: Meta, webhook `messages`."""

    waba_id: str
    number_id: str
    message_id: str = field(repr=False)
    phone: str | None = field(repr=False)
    """None for a user who hides it behind a username; then `user_id` is there."""
    user_id: str | None = field(repr=False)
    at_ms: int
    type: str
    opens_window: bool
    """Whether it opens a customer service window: in doubt (groups, unsupported types) it does not."""
    text: str | None = field(repr=False)
    """Body of a text, label of a template's button, title of an interactive reply."""
    payload: str | None = field(default=None, repr=False)
    """What the business set behind the button or the interactive reply."""
    group: str | None = field(default=None, repr=False)
    parent_user_id: str | None = field(default=None, repr=False)
    has_referral: bool = False
    """Whether the user came from an advertisement, which may open a free entry point."""
    error_code: int | None = None
    """Why the message is `unsupported`."""


@dataclass(frozen=True, slots=True)
class StatusError:
    """One of the errors of a `failed` status."""

    code: int
    title: str
    details: str = field(repr=False)


class Pricing(NamedTuple):
    """`pricing` of a status. `type` and `category` decide what is billed; Meta is giving up `billable`."""

    billable: bool | None
    model: str | None
    type: str | None
    category: str | None
    """As Meta spells it, `service` and `referral_conversion` among them."""

    @property
    def template_category(self) -> Category | None:
        """The template category that was billed; None when it was none of a template's."""
        return read_category(self.category)


class StatusUpdate(Struct, frozen=True, gc=False):
    """What became of a message that was sent. Source: Meta, "Message status webhooks"."""

    waba_id: str
    number_id: str
    wamid: str
    status: MessageStatus
    at_ms: int
    phone: str | None
    user_id: str | None
    opaque: str | None
    """The `biz_opaque_callback_data` of the send."""
    errors: tuple[StatusError, ...] = ()
    pricing: Pricing | None = None
    conversation_expires_at_ms: int | None = None
    conversation_origin: str | None = None
    group: str | None = None
    parent_user_id: str | None = None

    def __repr__(self) -> str:
        return f"StatusUpdate({self.waba_id}, {self.number_id}, {self.status}, {self.at_ms}, {self.errors})"


@dataclass(frozen=True, slots=True)
class PlatformError:
    """An error that belongs to no single message, such as 130429 for a number."""

    waba_id: str
    number_id: str
    code: int
    title: str
    details: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class IdentityChange:
    """A user took another phone number or user id (a `system` message): one of the new ones is there."""

    waba_id: str
    number_id: str
    message_id: str = field(repr=False)
    at_ms: int
    old_phone: str | None = field(repr=False)
    old_user_id: str | None = field(repr=False)
    new_phone: str | None = field(repr=False)
    new_user_id: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class UserIdUpdate:
    """A user's business-scoped id changed. Source: Meta, webhook `user_id_update`."""

    waba_id: str
    number_id: str
    phone: str | None = field(repr=False)
    previous_user_id: str | None = field(repr=False)
    user_id: str = field(repr=False)
    at_ms: int


class Preference(StrEnum):
    """Whether a user wants a kind of message."""

    STOP = "stop"
    RESUME = "resume"


#: Stands for a time that can't be read: later than any, so that it counts as of now wherever times of the future do.
WHEN_RECEIVED_MS: Final = 4_102_444_800_000


@dataclass(frozen=True, slots=True)
class UserPreference:
    """A user stopped or resumed a kind of message. Source: Meta, webhook `user_preferences`.

    A stop counts whatever else of it can't be read: its `at_ms` is then WHEN_RECEIVED_MS.
    """

    waba_id: str
    number_id: str
    phone: str | None = field(repr=False)
    user_id: str | None = field(repr=False)
    category: str
    """`marketing_messages`, the only kind that Meta documents."""
    value: Preference
    at_ms: int
