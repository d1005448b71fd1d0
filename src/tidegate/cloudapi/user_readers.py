"""Readers of the webhook fields that speak of single messages and users.

Source: Meta, webhooks `messages` (messages, statuses, errors), `user_preferences` and `user_id_update`.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

from .events import (
    Event,
    IdentityChange,
    InboundMessage,
    PlatformError,
    Preference,
    Pricing,
    StatusError,
    StatusUpdate,
    Unrecognised,
    UserIdUpdate,
    UserPreference,
)
from .user_events import WHEN_RECEIVED_MS
from .vocabulary import MessageStatus
from .wire import (
    Change,
    Unreadable,
    read_id,
    read_integer,
    read_list,
    read_object,
    read_phone,
    read_text,
    read_time_ms,
    read_word,
    required,
)

_STATUSES: Final[dict[str, MessageStatus]] = {status.value: status for status in MessageStatus}
# Meta does not say which kinds of message open a window. Those that a user writes or taps do; system notes,
# edits, withdrawals and what Meta cannot show do not: no message goes out on a window that may not be there.
_WINDOW_OPENERS: Final = frozenset(
    {
        "text",
        "image",
        "video",
        "audio",
        "document",
        "sticker",
        "location",
        "contacts",
        "interactive",
        "button",
        "reaction",
        "order",
    }
)


class _User(NamedTuple):
    """What a webhook names a user by."""

    phone: str | None
    user_id: str | None
    parent_user_id: str | None


class _Source(NamedTuple):
    """Where the parts of one change come from."""

    waba_id: str
    number_id: str
    contacts: Mapping[str, _User]
    """Those of `contacts`, by phone and by user id."""
    only_contact: _User | None


def read_messages(change: Change) -> list[Event]:
    """Users' messages, then statuses, then errors of the number itself."""
    value, events = change.value, list[Event]()
    if "messages" in value:
        source = _source(change)
        events = _each(change, "messages", lambda part: _read_message(source, part))
    named = _Source(change.waba_id, _number_id(change.value), {}, None)
    if "statuses" in value:
        events += _each(change, "statuses", partial(_read_status, named))
    if "errors" in value:
        events += _each(change, "errors", partial(_read_platform_error, named))
    return events or [Unrecognised(change.field, change.waba_id)]


def read_statuses(waba_id: str, value: dict[str, Any], statuses: list[Any]) -> list[StatusUpdate] | None:
    """These statuses of a change's `value`; None where one can't be read."""
    try:
        source = _Source(waba_id, _number_id(value), {}, None)
        return [_read_status(source, read_object(status)) for status in statuses]
    except Unreadable:
        return None


def read_user_preferences(change: Change) -> list[Event]:
    source = _source(change)
    return _each(change, "user_preferences", lambda part: _read_preference(source, part))


def read_user_id_updates(change: Change) -> list[Event]:
    source = _source(change)
    return _each(change, "user_id_update", lambda part: _read_user_id_update(source, part))


def _number_id(value: dict[str, Any]) -> str:
    return required(read_id(read_object(value.get("metadata")).get("phone_number_id")))


def _source(change: Change) -> _Source:
    contacts = [_read_contact(read_object(part)) for part in read_list(change.value.get("contacts"))]
    return _Source(
        waba_id=change.waba_id,
        number_id=_number_id(change.value),
        contacts={key: user for user in contacts for key in (user.phone, user.user_id) if key is not None},
        only_contact=contacts[0] if len(contacts) == 1 else None,
    )


def _read_contact(contact: dict[str, Any]) -> _User:
    return _User(
        read_phone(contact.get("wa_id")),
        read_id(contact.get("user_id")),
        read_id(contact.get("parent_user_id")),
    )


def _each(change: Change, key: str, read: Callable[[dict[str, Any]], Event]) -> list[Event]:
    """One event for each part; a part that cannot be read costs none of the others."""
    parts = change.value.get(key, [])
    if not isinstance(parts, list):
        raise Unreadable
    events: list[Event] = []
    for part in parts:
        try:
            events.append(read(read_object(part)))
        except Unreadable:
            events.append(Unrecognised(change.field, change.waba_id))
    return events


def _read_message(source: _Source, message: dict[str, Any]) -> Event:
    type_ = required(read_word(message.get("type")))
    system = read_object(message.get("system"))
    if (read_word(system.get("type")) or "").endswith(_IDENTITY_CHANGES):
        return _read_identity_change(source, message, system)
    user = _sender(source, message)
    group = read_id(message.get("group_id"))
    text, payload = _read_content(type_, read_object(message.get(type_)))
    return InboundMessage(
        waba_id=source.waba_id,
        number_id=source.number_id,
        message_id=required(read_id(message.get("id"))),
        phone=user.phone,
        user_id=user.user_id,
        at_ms=required(read_time_ms(message.get("timestamp"))),
        type=type_,
        opens_window=type_ in _WINDOW_OPENERS and group is None,
        text=text,
        payload=payload,
        group=group,
        parent_user_id=user.parent_user_id,
        has_referral=isinstance(message.get("referral"), dict),
        error_code=next((error.code for error in _read_errors(message)), None),
    )


def _sender(source: _Source, message: dict[str, Any]) -> _User:
    """Who wrote, by phone or user id or both; what the message leaves out is taken from the contacts."""
    phone = read_phone(message.get("from"))
    user_id = read_id(message.get("from_user_id"))
    if phone is None and user_id is None:
        contact = source.only_contact
    else:
        contact = source.contacts.get(phone or "") or source.contacts.get(user_id or "")
    contact = contact or _User(None, None, None)
    user = _User(
        phone or contact.phone,
        user_id or contact.user_id,
        read_id(message.get("from_parent_user_id")) or contact.parent_user_id,
    )
    if user.phone is None and user.user_id is None:
        raise Unreadable
    return user


def _read_content(type_: str, content: dict[str, Any]) -> tuple[str | None, str | None]:
    """What the user wrote or tapped, and what the business set behind it."""
    if type_ == "text":
        return read_text(content.get("body")), None
    if type_ == "button":
        return read_text(content.get("text")), read_text(content.get("payload"))
    if type_ == "interactive":
        reply = read_object(content.get("button_reply")) or read_object(content.get("list_reply"))
        return read_text(reply.get("title")), read_text(reply.get("id"))
    return None, None


# `customer_changed_number` is the spelling of before 2022.
_IDENTITY_CHANGES: Final = ("_changed_number", "_changed_user_id")


def _read_identity_change(source: _Source, message: dict[str, Any], system: dict[str, Any]) -> IdentityChange:
    new_phone = read_phone(system.get("wa_id")) or read_phone(system.get("new_wa_id"))
    new_user_id = read_id(system.get("user_id"))
    if new_phone is None and new_user_id is None:
        raise Unreadable
    return IdentityChange(
        waba_id=source.waba_id,
        number_id=source.number_id,
        message_id=required(read_id(message.get("id"))),
        at_ms=required(read_time_ms(message.get("timestamp"))),
        old_phone=read_phone(message.get("from")),
        old_user_id=read_id(system.get("previous_user_id")) or read_id(message.get("from_user_id")),
        new_phone=new_phone,
        new_user_id=new_user_id,
    )


def _read_status(source: _Source, status: dict[str, Any]) -> StatusUpdate:
    read = status.get
    word = read("status")
    name = _STATUSES.get(word) if isinstance(word, str) else None
    if name is None:
        raise Unreadable
    group = read_id(read("recipient_id")) if read("recipient_type") == "group" else None
    conversation = read_object(read("conversation"))
    return StatusUpdate(
        source.waba_id,
        source.number_id,
        required(read_id(read("id"))),
        name,
        required(read_time_ms(read("timestamp"))),
        read_phone(read("recipient_participant_id") if group else read("recipient_id")),
        read_id(read("recipient_user_id")),
        read_text(read("biz_opaque_callback_data")),
        _read_errors(status) if "errors" in status else (),
        _read_pricing(read("pricing")),
        read_time_ms(conversation.get("expiration_timestamp")) if conversation else None,
        read_word(read_object(conversation.get("origin")).get("type")) if conversation else None,
        group,
        read_id(read("recipient_parent_user_id")),
    )


def _read_pricing(value: object) -> Pricing | None:
    if not isinstance(value, dict):
        return None
    billable = value.get("billable")
    return Pricing(
        billable=billable if isinstance(billable, bool) else None,
        model=read_word(value.get("pricing_model")),
        type=read_word(value.get("type")),
        category=read_word(value.get("category")),
    )


def _read_errors(holder: dict[str, Any]) -> tuple[StatusError, ...]:
    """The errors that have a code; a failure counts as one even if its cause cannot be read."""
    errors = map(_read_error, map(read_object, read_list(holder.get("errors"))))
    return tuple(error for error in errors if error is not None)


def _read_error(error: dict[str, Any]) -> StatusError | None:
    code = read_integer(error.get("code"))
    if code is None:
        return None
    title = read_text(error.get("title")) or read_text(error.get("message")) or ""
    return StatusError(code, title, read_text(read_object(error.get("error_data")).get("details")) or "")


def _read_platform_error(source: _Source, part: dict[str, Any]) -> PlatformError:
    error = required(_read_error(part))
    return PlatformError(source.waba_id, source.number_id, error.code, error.title, error.details)


def _read_preference(source: _Source, part: dict[str, Any]) -> UserPreference:
    phone, user_id = read_phone(part.get("wa_id")), read_id(part.get("user_id"))
    value = part.get("value")
    if (phone is None and user_id is None) or value not in tuple(Preference):
        raise Unreadable
    category, at_ms = read_word(part.get("category")), read_time_ms(part.get("timestamp"))
    if value == Preference.STOP:
        # Whoever wants no more is heard, whatever else of it can't be read.
        category, at_ms = category or "unknown", at_ms or WHEN_RECEIVED_MS
    return UserPreference(
        waba_id=source.waba_id,
        number_id=source.number_id,
        phone=phone,
        user_id=user_id,
        category=required(category),
        value=Preference(value),
        at_ms=required(at_ms),
    )


def _read_user_id_update(source: _Source, part: dict[str, Any]) -> UserIdUpdate:
    change = read_object(part.get("user_id"))
    phone, previous = read_phone(part.get("wa_id")), read_id(change.get("previous"))
    if phone is None and previous is None:
        raise Unreadable
    return UserIdUpdate(
        waba_id=source.waba_id,
        number_id=source.number_id,
        phone=phone,
        previous_user_id=previous,
        user_id=required(read_id(change.get("current"))),
        at_ms=required(read_time_ms(part.get("timestamp"))),
    )
