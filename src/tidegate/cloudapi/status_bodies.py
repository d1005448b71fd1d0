"""Bodies that tell of a few statuses of one number and nothing else, as most do, read straight into statuses.

Nothing of them is read that is not told: that takes a third of the time. What is not quite as Meta writes it today is
left to `webhooks.few_statuses` and to those who read everything. Source: Meta, "Message status webhooks".
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, DecodeError, Meta, Struct, UnsetType
from msgspec.json import Decoder
from msgspec.structs import replace

from .user_events import Pricing, StatusUpdate
from .vocabulary import MessageStatus
from .wire import read_id, read_object, read_time_ms, read_word

#: Some 2 ms of work.
STATUSES_AT_ONCE: Final = 100
_is_id: Final = re.compile(r"[!-~]{1,512}").fullmatch
#: Said again and again: ids of accounts and numbers, a second, a price.
_REMEMBERED: Final = 1_024


class _Pricing(Struct, gc=False):
    billable: bool | None = None
    pricing_model: str | None = None
    type: str | None = None
    category: str | None = None


class _Status(Struct, gc=False):
    id: str
    status: MessageStatus
    timestamp: str
    recipient_id: Annotated[str, Meta(min_length=5, max_length=20)] | None = None
    recipient_type: Literal["individual"] | None = None
    recipient_user_id: str | None = None
    recipient_parent_user_id: str | None = None
    biz_opaque_callback_data: Annotated[str, Meta(max_length=65_536)] | None = None
    pricing: _Pricing | None = None
    conversation: Any = None
    errors: UnsetType = UNSET


class _Metadata(Struct, gc=False):
    phone_number_id: str


class _Value(Struct, gc=False):
    metadata: _Metadata
    statuses: Annotated[list[_Status], Meta(min_length=1, max_length=STATUSES_AT_ONCE)]
    messages: UnsetType = UNSET
    errors: UnsetType = UNSET
    new_quality_score: UnsetType = UNSET


class _Change(Struct, gc=False):
    field: Literal["messages"]
    value: _Value


class _Entry(Struct, gc=False):
    id: str
    changes: Annotated[list[_Change], Meta(min_length=1, max_length=1)]


class _Body(Struct, gc=False):
    object: Literal["whatsapp_business_account"]
    entry: Annotated[list[_Entry], Meta(min_length=1, max_length=1)]


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
    [entry] = body.entry
    [change] = entry.changes
    value = change.value
    waba_id, number_id = _known_id(entry.id), _known_id(value.metadata.phone_number_id)
    if waba_id is None or number_id is None:
        return None
    told: list[StatusUpdate] = []
    for status in value.statuses:
        at_ms, wamid, phone = _time_ms(status.timestamp), status.id, status.recipient_id
        if at_ms is None or not _is_id(wamid):
            return None
        if phone is not None and not (phone.isascii() and phone.isdecimal()):
            return None
        user, pricing = status.recipient_user_id, status.pricing
        event = StatusUpdate(
            waba_id,
            number_id,
            wamid,
            status.status,
            at_ms,
            phone,
            None if user is None else read_id(user),
            status.biz_opaque_callback_data or None,
            (),
            None
            if pricing is None
            else _priced(pricing.billable, pricing.pricing_model, pricing.type, pricing.category),
        )
        if status.conversation is not None or status.recipient_parent_user_id is not None:
            event = _with_more(event, status)
        told.append(event)
    return told


def _with_more(event: StatusUpdate, status: _Status) -> StatusUpdate:
    """It with what few statuses tell."""
    conversation = read_object(status.conversation)
    return replace(
        event,
        conversation_expires_at_ms=read_time_ms(conversation.get("expiration_timestamp")),
        conversation_origin=read_word(read_object(conversation.get("origin")).get("type")),
        parent_user_id=read_id(status.recipient_parent_user_id),
    )


_known_id: Final = lru_cache(_REMEMBERED)(read_id)
_time_ms: Final = lru_cache(_REMEMBERED)(read_time_ms)


@lru_cache(_REMEMBERED)
def _priced(billable: bool | None, model: str | None, type_: str | None, category: str | None) -> Pricing:
    return Pricing(billable, read_word(model), read_word(type_), read_word(category))
