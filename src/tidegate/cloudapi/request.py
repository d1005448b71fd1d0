"""What a caller asks the messages endpoint to do."""

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from .recipients import RecipientKind
from .vocabulary import Category, MessageType


class TemplateRef(NamedTuple):
    """A template as a message names it: its name and its language code, such as `en_US`."""

    name: str
    language: str


@dataclass(slots=True, unsafe_hash=True)
class Request:
    """A message that a caller wants to be sent. It is never changed: unfrozen it is made in a third of the time.

    Nothing that tells who it goes to, or what it says, is shown by `repr`. `body` is the parsed body as it
    came and must not be changed.
    """

    kind: RecipientKind
    recipient: str = field(repr=False)
    """Canonical: the digits of a phone number without `+`, a business-scoped user id, or a group id."""
    recipient_input: str = field(repr=False)
    """The recipient as the caller spelled it."""
    type: MessageType
    template: TemplateRef | None
    category: Category | None
    """The category that a Direct Send claims for itself; None for templates, whose category Meta keeps."""
    opaque: str | None = field(repr=False)
    """The caller's own `biz_opaque_callback_data`."""
    body: dict[str, Any] = field(repr=False, hash=False)
    text: bytes = field(default=b"", repr=False, hash=False, compare=False)
    """`body` written anew as JSON; empty: it is not at hand."""

    def with_body(self, body: dict[str, Any]) -> "Request":
        """The same message, as another body says it."""
        return replace(self, body=body, text=b"")

    @property
    def is_template(self) -> bool:
        return self.template is not None

    @property
    def is_direct_send(self) -> bool:
        """Whether it is a message without a template that may go outside a customer service window.

        Source: Meta, "Direct Send".
        """
        return self.template is None and self.category is not None

    @property
    def is_free_form(self) -> bool:
        """Whether it needs an open customer service window: neither a template nor a Direct Send."""
        return self.template is None and self.category is None


@dataclass(frozen=True, slots=True)
class ReadReceipt:
    """Marks a user's message as read, perhaps with a typing indicator; it is no send."""

    body: dict[str, Any] = field(repr=False, hash=False)

    def with_body(self, body: dict[str, Any]) -> "ReadReceipt":
        """The same receipt, as another body says it."""
        return ReadReceipt(body)


class BadMessage(Exception):
    """A body that no message can be read from.

    `code` is the Graph error code to answer with; `details` names the JSON path and the rule, never a value
    that was sent; `reason` is `"invalid_recipient"` when the recipient is at fault, otherwise None.
    """

    def __init__(self, code: int, details: str, reason: str | None = None) -> None:
        super().__init__(details)
        self.code = code
        self.details = details
        self.reason = reason
