"""Reads the body of a send as Meta would, far enough to know who gets what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tidegate.simulator.answers import Answer, refusal
from tidegate.simulator.identity import User, user_by_id, user_by_phone

_TYPES: Final = frozenset(
    (
        "text",
        "image",
        "video",
        "audio",
        "document",
        "sticker",
        "location",
        "contacts",
        "reaction",
        "interactive",
        "template",
    )
)


@dataclass(frozen=True, slots=True)
class Send:
    """A message to be sent: `template` is (name, language), `direct_category` that of a Direct Send."""

    user: User
    recipient: str = field(repr=False)
    by_user_id: bool
    type: str
    template: tuple[str, str] | None
    direct_category: str | None
    opaque: str | None


@dataclass(frozen=True, slots=True)
class ReadReceipt:
    """A body that marks a user's message as read; it is no send."""


def read_send(body: object) -> Send | ReadReceipt | Answer:
    """Read a parsed body; an Answer is Meta's refusal of it (codes 100, 131008, 131009, 131051)."""
    if not isinstance(body, Mapping):
        return refusal(100, "The request body must be a JSON object.")
    if body.get("messaging_product") != "whatsapp":
        return refusal(100, "The parameter messaging_product is required and must be whatsapp.")
    if body.get("status") == "read":
        if not isinstance(body.get("message_id"), str):
            return refusal(100, "The parameter message_id is required.")
        return ReadReceipt()
    kind = body.get("type", "text")
    if not isinstance(kind, str):
        return refusal(100, "The parameter type must be a string.")
    if kind not in _TYPES:
        return refusal(131051)
    if body.get("recipient_type", "individual") != "individual":
        return refusal(100, "Groups are not imitated by this simulator.")
    if not isinstance(body.get(kind), list if kind == "contacts" else Mapping):
        return refusal(131008, f"The parameter {kind} is required.")
    opaque = body.get("biz_opaque_callback_data")
    if opaque is not None and (not isinstance(opaque, str) or len(opaque) > 512):
        return refusal(100, "biz_opaque_callback_data must be a string of up to 512 characters.")
    return _addressed(body, kind, opaque)


def _addressed(body: Mapping[str, Any], kind: str, opaque: str | None) -> Send | Answer:
    to, by_id = body.get("to"), body.get("recipient")
    if to is None and by_id is None:
        return refusal(100, "The parameter to is required.")
    named = to if to is not None else by_id  # Meta: `to` wins where both are given
    if not isinstance(named, str):
        return refusal(100, "The parameter to must be a string.")
    user = user_by_phone(named) if to is not None else user_by_id(named)
    if user is None:
        return refusal(131009, "The recipient is not a valid phone number or user id.")
    template = None
    if kind == "template":
        template = _template_name(body["template"])
        if template is None:
            return refusal(131008, "template.name and template.language.code are required.")
    category = body.get("category")
    if category is not None and (kind == "template" or category not in ("utility", "authentication")):
        return refusal(100, "category is for Direct Send only and must be utility or authentication.")
    return Send(user, named, to is None, kind, template, category, opaque)


def _template_name(template: Mapping[str, Any]) -> tuple[str, str] | None:
    name, language = template.get("name"), template.get("language")
    code = language.get("code") if isinstance(language, Mapping) else None
    if not isinstance(name, str) or not isinstance(code, str) or not name or not code:
        return None
    return name, code
