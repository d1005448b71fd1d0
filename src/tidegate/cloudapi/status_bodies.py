"""Bodies that tell of a few statuses of one number and nothing else, as most do, read straight into statuses.

Nothing of them is read that is not told: that takes a third of the time. What is not quite as Meta writes it today is
left to `webhooks.few_statuses` and to those who read everything. Source: Meta, "Message status webhooks".
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from msgspec import UNSET, DecodeError, Struct
from msgspec.json import Decoder

from .user_events import Pricing, StatusUpdate
from .vocabulary import MessageStatus
from .wire import read_id, read_object, read_phone, read_text, read_time_ms, read_word

#: Some 2 ms of work.
STATUSES_AT_ONCE: Final = 100
_STATUSES: Final = {status.value: status for status in MessageStatus}
_ID: Final = re.compile(r"[!-~]{1,512}")
#: Said again and again: ids of accounts and numbers, a second, a price.
_REMEMBERED: Final = 1_024


class _Pricing(Struct, gc=False):
    billable: bool | None = None
    pricing_model: str | None = None
    type: str | None = None
    category: str | None = None


class _Status(Struct, gc=False):
    id: str
    status: str
    timestamp: str
    recipient_id: str | None = None
    recipient_type: str | None = None
    recipient_user_id: str | None = None
    recipient_parent_user_id: str | None = None
    biz_opaque_callback_data: str | None = None
    pricing: _Pricing | None = None
    conversation: Any = None
    errors: Any = UNSET


class _Metadata(Struct, gc=False):
    phone_number_id: str


class _Value(Struct, gc=False):
    metadata: _Metadata
    statuses: list[_Status]
    messages: Any = UNSET
    errors: Any = UNSET
    new_quality_score: Any = UNSET


class _Change(Struct, gc=False):
    field: str
    value: _Value


class _Entry(Struct, gc=False):
    id: str
    changes: list[_Change]


class _Body(Struct, gc=False):
    object: str
    entry: list[_Entry]


_decode: Final = Decoder(_Body).decode


def read_statuses_of(raw: bytes) -> list[StatusUpdate] | None:
    """The statuses of such a body, as `webhooks.read_envelope` has them; None for any other."""
    # What is not looked at is not read as text either: whether it is any is known beforehand.
    if not raw.isascii():
        return None
    try:
        body = _decode(raw)
    except (DecodeError, RecursionError):
        return None
    if body.object != "whatsapp_business_account" or len(body.entry) != 1 or len(body.entry[0].changes) != 1:
        return None
    entry = body.entry[0]
    change = entry.changes[0]
    value = change.value
    if change.field != "messages" or not 0 < len(value.statuses) <= STATUSES_AT_ONCE:
        return None
    if value.messages is not UNSET or value.errors is not UNSET or value.new_quality_score is not UNSET:
        return None
    waba_id, number_id = _known_id(entry.id), _known_id(value.metadata.phone_number_id)
    if waba_id is None or number_id is None:
        return None
    told: list[StatusUpdate] = []
    for status in value.statuses:
        name, at_ms = _STATUSES.get(status.status), _time_ms(status.timestamp)
        if name is None or at_ms is None or status.errors is not UNSET or status.recipient_type == "group":
            return None
        if _ID.fullmatch(status.id) is None:
            return None
        user, parent, pricing = status.recipient_user_id, status.recipient_parent_user_id, status.pricing
        conversation = read_object(status.conversation) if status.conversation is not None else None
        told.append(
            StatusUpdate(
                waba_id,
                number_id,
                status.id,
                name,
                at_ms,
                read_phone(status.recipient_id),
                read_id(user) if user is not None else None,
                read_text(status.biz_opaque_callback_data),
                (),
                None
                if pricing is None
                else _priced(pricing.billable, pricing.pricing_model, pricing.type, pricing.category),
                read_time_ms(conversation.get("expiration_timestamp")) if conversation else None,
                read_word(read_object(conversation.get("origin")).get("type")) if conversation else None,
                None,
                read_id(parent) if parent is not None else None,
            )
        )
    return told


_known_id: Final = lru_cache(_REMEMBERED)(read_id)
_time_ms: Final = lru_cache(_REMEMBERED)(read_time_ms)


@lru_cache(_REMEMBERED)
def _priced(billable: bool | None, model: str | None, type_: str | None, category: str | None) -> Pricing:
    return Pricing(billable, read_word(model), read_word(type_), read_word(category))
