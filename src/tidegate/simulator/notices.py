"""The webhooks Meta sends: their `value` objects, the envelope around them and the signature over it.

Shapes: Meta, "Webhooks" references, version 24 (no `conversation` object). Times are in whole seconds,
cut off.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tidegate.simulator.answers import status_error
from tidegate.simulator.estate import Number, Template
from tidegate.simulator.identity import User

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Webhook:
    """One change to be told: `at_ms` is when it happened, `dated` whether the envelope carries that time."""

    at_ms: int
    waba_id: str
    field: str
    value: Json
    dated: bool = True


def _messages(number: Number, **parts: Any) -> Json:
    metadata = {"display_phone_number": number.display_phone_number, "phone_number_id": number.id}
    return {"messaging_product": "whatsapp", "metadata": metadata, **parts}


def _contact(user: User, name: str) -> Json:
    contact: Json = {"profile": {"name": name}}
    if user.wa_id:
        contact["wa_id"] = user.wa_id
    return contact | {"user_id": user.user_id}


def inbound(number: Number, user: User, message: Json, at_ms: int, wamid: str) -> Webhook:
    """Tell of a user's message; `message` is its type with the block of that name."""
    sender: Json = {"from": user.wa_id} if user.wa_id else {}
    sender |= {"from_user_id": user.user_id, "id": wamid, "timestamp": str(at_ms // 1_000)}
    value = _messages(number, contacts=[_contact(user, "Sheena Nelson")], messages=[sender | message])
    return Webhook(at_ms, number.waba_id, "messages", value, dated=False)


def status(
    number: Number,
    user: User,
    at_ms: int,
    *,
    wamid: str,
    name: str,
    opaque: str | None,
    pricing: Json | None = None,
    code: int | None = None,
    by_user_id: bool = False,
) -> Webhook:
    """Tell of a message's fate: `name` is sent, delivered, read or failed; `code` the error of a failure."""
    told: Json = {"id": wamid, "status": name, "timestamp": str(at_ms // 1_000)}
    if user.wa_id:
        told["recipient_id"] = user.wa_id
    if code is None or by_user_id:
        told["recipient_user_id"] = user.user_id
    if opaque is not None:
        told["biz_opaque_callback_data"] = opaque
    if pricing is not None:
        told["pricing"] = pricing
    if code is not None:
        told["errors"] = [status_error(code)]
        return Webhook(at_ms, number.waba_id, "messages", _messages(number, statuses=[told]), dated=False)
    value = _messages(number, contacts=[_contact(user, "Sheena Nelson")], statuses=[told])
    return Webhook(at_ms, number.waba_id, "messages", value, dated=False)


def capability(waba_id: str, limit: int | str, at_ms: int) -> Webhook:
    """Tell a portfolio's new messaging limit."""
    value = {"max_daily_conversations_per_business": limit, "max_phone_numbers_per_waba": 25}
    return Webhook(at_ms, waba_id, "business_capability_update", value)


def _about(template: Template) -> Json:
    return {
        "message_template_id": int(template.id),
        "message_template_name": template.name,
        "message_template_language": template.language,
    }


def template_status(template: Template, event: str, at_ms: int, title: str | None, description: str) -> Webhook:
    """Tell a template's new status; `title` is that of `other_info`, such as FIRST_PAUSE."""
    value: Json = (
        {"event": event} | _about(template) | {"reason": "NONE", "message_template_category": template.category}
    )
    if title is not None:
        value["other_info"] = {"title": title, "description": description}
    return Webhook(at_ms, template.waba_id, "message_template_status_update", value)


def template_quality(template: Template, before: str, at_ms: int) -> Webhook:
    """Tell a template's new quality score."""
    value = {"previous_quality_score": before, "new_quality_score": template.quality} | _about(template)
    return Webhook(at_ms, template.waba_id, "message_template_quality_update", value)


def template_category(template: Template, before: str, at_ms: int) -> Webhook:
    """Tell a template's new category."""
    value = _about(template) | {"previous_category": before, "new_category": template.category}
    return Webhook(at_ms, template.waba_id, "template_category_update", value)


def preference(number: Number, user: User, choice: str, at_ms: int) -> Webhook:
    """Tell that a user stops or resumes marketing messages; `choice` is stop or resume."""
    chosen: Json = {"wa_id": user.wa_id} if user.wa_id else {}
    chosen |= {
        "user_id": user.user_id,
        "detail": f"User requested to {choice} marketing messages",
        "category": "marketing_messages",
        "value": choice,
        "timestamp": at_ms // 1_000,
    }
    value = _messages(number, contacts=[_contact(user, "Sheena Nelson")], user_preferences=[chosen])
    return Webhook(at_ms, number.waba_id, "user_preferences", value, dated=False)


def envelope(webhooks: Iterable[Webhook]) -> bytes:
    """Put webhooks into one body, in their order, escaped to ASCII as Meta does."""
    entries: list[Json] = []
    for webhook in webhooks:
        entry: Json = {"id": webhook.waba_id}
        if webhook.dated:
            entry["time"] = webhook.at_ms // 1_000
        change = {"value": webhook.value, "field": webhook.field}
        if entries and {key: entries[-1].get(key) for key in ("id", "time")} == {"time": None} | entry:
            entries[-1]["changes"].append(change)
        else:
            entries.append(entry | {"changes": [change]})
    body = {"object": "whatsapp_business_account", "entry": entries}
    return json.dumps(body, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def signature(body: bytes, app_secret: str) -> str:
    """Give the `X-Hub-Signature-256` header of a body (Meta: webhooks, validating payloads)."""
    return "sha256=" + hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()
