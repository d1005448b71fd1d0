"""What a caller asks the messages endpoint to do."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace
from orjson import loads

from .recipients import RecipientKind
from .vocabulary import Category, MessageType


class TemplateRef(NamedTuple):
    """A template as a message names it: its name and its language code, such as `en_US`."""

    name: str
    language: str


class Request(Struct, eq=False, gc=False):
    """A message that a caller wants to be sent. It is never changed.

    Nothing that tells who it goes to, or what it says, is shown by `repr`.
    """

    kind: RecipientKind
    recipient: str
    """Canonical: the digits of a phone number without `+`, a business-scoped user id, or a group id."""
    recipient_input: str
    """The recipient as the caller spelled it."""
    type: MessageType
    template: TemplateRef | None
    category: Category | None
    """The category that a Direct Send claims for itself; None for templates, whose category Meta keeps."""
    opaque: str | None
    """The caller's own `biz_opaque_callback_data`."""
    read: dict[str, Any] | None
    """The body as it came, parsed; None: it was let go, and `text` has it."""
    text: bytes = b""
    """The body written anew as JSON, where it has no callback data yet; empty: it is not at hand."""

    def __repr__(self) -> str:
        return (
            f"Request(kind={self.kind!r}, type={self.type!r}, template={self.template!r}, category={self.category!r})"
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Request) and self._told() == other._told() and self.body == other.body

    def __hash__(self) -> int:
        return hash(self._told())

    def _told(self) -> tuple[object, ...]:
        told = self.kind, self.recipient, self.recipient_input, self.type, self.template, self.category, self.opaque
        return told

    def with_body(self, body: dict[str, Any]) -> "Request":
        """The same message, as another body says it."""
        return replace(self, read=body, text=b"")

    @property
    def body(self) -> dict[str, Any]:
        """The body as it came, parsed; it must not be changed."""
        return loads(self.text) if self.read is None else self.read

    def let_body_go(self) -> None:
        """Keep the body as text alone, where that is at hand: whoever asks for it from now on parses it.

        It is dozens of values, which take microseconds to be freed once others have taken their place in the
        processor's cache, and a fraction of that right after they were read.
        """
        if self.text:
            self.read = None

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
