"""A delivery of Meta's cut into its single updates, each of which can be told alone, in Meta's own shape.

Source: Meta, "Create a webhook endpoint" (envelope, batches) and the webhook reference (`messages`, `user_preferences`,
`user_id_update`; `biz_opaque_callback_data`, `context`, `errors`, `url` of a file).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as attribute
from typing import Any, Final

import orjson

from .error_codes import lookup
from .recipients import NOBODY
from .vocabulary import MessageType
from .wire import read_id, read_list, read_object, read_phone, read_text, read_time_ms

OBJECT: Final = "whatsapp_business_account"
_STATUSES: Final = "statuses"
_MESSAGES: Final = "messages"

#: Lists of a field's value whose entries speak of one user each. What else stands in the value goes with each of them.
_LISTS: Final[Mapping[str, tuple[str, ...]]] = {
    "messages": (_MESSAGES, _STATUSES, "errors"),
    "user_preferences": ("user_preferences",),
    "user_id_update": ("user_id_update",),
}
#: Of these a message holds a description of the file.
_FILES: Final = frozenset(
    {MessageType.IMAGE, MessageType.VIDEO, MessageType.AUDIO, MessageType.DOCUMENT, MessageType.STICKER}
)


@dataclass(frozen=True, slots=True)
class Update:
    """One update. `part` is the entry of the list `key` in the value; of a field that has no lists, the whole value.

    The texts of users are in it, so `repr` leaves it out.
    """

    waba_id: str
    number_id: str | None
    field: str
    time: Any
    key: str | None
    part: Mapping[str, Any] = attribute(repr=False)
    beside: Mapping[str, Any] = attribute(repr=False)
    """What stands beside the list: `metadata`, and of `contacts` the ones that it speaks of."""

    @property
    def kind(self) -> str:
        """What it is, in a word: the list that it stood in, else its field."""
        return self.key or self.field

    @property
    def phone(self) -> str | None:
        """Digits of the phone of the user that it speaks of."""
        part = self.part if self.key else {}
        found = (read_phone(part.get(name)) for name in ("from", "recipient_id", "wa_id"))
        return next((phone for phone in found if phone), None)

    @property
    def user_id(self) -> str | None:
        """Business-scoped id of that user; of a status to a group without a phone, the group's id."""
        part = self.part if self.key else {}
        change = read_object(part.get("user_id"))
        names = ("from_user_id", "recipient_user_id", "user_id", "recipient_id")
        found = (read_id(value) for value in (change.get("previous"), *(part.get(name) for name in names)))
        return next((user_id for user_id in found if user_id), None)

    @property
    def at_ms(self) -> int | None:
        """When it happened, by Meta's time."""
        return read_time_ms(self.part.get("timestamp")) or read_time_ms(self.time)

    @property
    def wamid(self) -> str | None:
        """Meta's id of the message that a status speaks of; None for whatever is no status."""
        return read_id(self.part.get("id")) if self.key == _STATUSES else None

    @property
    def opaque(self) -> str | None:
        """The callback data that a status echoes."""
        return read_text(self.part.get("biz_opaque_callback_data")) if self.key == _STATUSES else None

    @property
    def answers_to(self) -> str | None:
        """Meta's id of the message of the business that a user answers or reacts to."""
        if self.key != _MESSAGES:
            return None
        holders = (self.part.get("context"), self.part.get("reaction"))
        found = (read_id(read_object(holders[0]).get("id")), read_id(read_object(holders[1]).get("message_id")))
        return next((wamid for wamid in found if wamid), None)

    @property
    def named(self) -> bytes:
        """What tells it from every other update: the same when Meta delivers it again, alone or among others."""
        where = [self.waba_id, self.number_id, self.field, self.key, None if self.key else self.time]
        return orjson.dumps([where, self.part], option=orjson.OPT_SORT_KEYS)


def updates(envelope: Any) -> Iterator[Update]:
    """Every update of a verified body that was read (`webhooks.read_body`), in its order; what can't be told alone is
    left out.
    """
    if not isinstance(envelope, dict) or envelope.get("object") != OBJECT:
        return
    for entry in map(read_object, read_list(envelope.get("entry"))):
        waba_id = read_id(entry.get("id"))
        for change in map(read_object, read_list(entry.get("changes"))):
            field_, value = read_text(change.get("field")), change.get("value")
            if waba_id and field_ and isinstance(value, dict):
                yield from _of_change(waba_id, entry.get("time"), field_, value)


def _of_change(waba_id: str, time: Any, field_: str, value: dict[str, Any]) -> Iterator[Update]:
    number_id = read_id(read_object(value.get("metadata")).get("phone_number_id"))
    lists = [key for key in _LISTS.get(field_, ()) if isinstance(value.get(key), list)]
    if not lists:
        yield Update(waba_id, number_id, field_, time, None, value, {})
        return
    beside = {name: held for name, held in value.items() if name not in lists}
    contacts = _Contacts(beside["contacts"]) if len(read_list(beside.get("contacts"))) > 1 else None
    for key in lists:
        for part in value[key]:
            if isinstance(part, dict):
                own = beside if contacts is None else {**beside, "contacts": contacts.of(part)}
                yield Update(waba_id, number_id, field_, time, key, part, own)


class _Contacts:
    """The contacts of a change, by their names: one may have as many as it has parts."""

    def __init__(self, contacts: list[Any]) -> None:
        self._contacts = contacts
        self._places: dict[str, list[int]] = {}
        for place, contact in enumerate(map(read_object, contacts)):
            for name in (contact.get("wa_id"), contact.get("user_id")):
                if isinstance(name, str):
                    self._places.setdefault(name, []).append(place)

    def of(self, part: Mapping[str, Any]) -> list[Any]:
        """Those of whom a part tells, in their order."""
        keys = ("from", "from_user_id", "recipient_id", "recipient_user_id", "wa_id")
        names = [part[key] for key in keys if isinstance(part.get(key), str)]
        return [self._contacts[place] for place in sorted({p for name in names for p in self._places.get(name, ())})]


def status_to_relay(update: Update, message_id: str | None, opaque: str | None) -> bytes:
    """The body that tells a status of the gateway's to whoever sent the message.

    `message_id`: the gateway's own id in place of Meta's; None: Meta's stays. `opaque`: the sender's own callback data;
    None: it gave none, so the gateway's is left out.
    """
    part = {name: held for name, held in update.part.items() if name != "biz_opaque_callback_data"}
    if message_id is not None:
        part["id"] = message_id
    if opaque is not None:
        part["biz_opaque_callback_data"] = opaque
    return _written(update, part)


def update_to_relay(
    update: Update, message_id: str | None = None, address: Callable[[str], str | None] | None = None
) -> bytes:
    """The body that tells an update.

    `message_id`: the gateway's own id of the message that it answers. `address`: of a file that a user sent, in place
    of Meta's; it gives None for what is to stay.
    """
    part = dict(update.part)
    name = part.get("type")
    if address is not None and update.key == _MESSAGES and isinstance(name, str) and name in _FILES:
        url = read_text(read_object(part.get(name)).get("url"))
        ours = address(url) if url else None
        if ours is not None:
            part[name] = {**part[name], "url": ours}
    wamid = update.answers_to
    for holder, name in (("context", "id"), ("reaction", "message_id")):
        if message_id and wamid and read_object(part.get(holder)).get(name) == wamid:
            part[holder] = {**part[holder], name: message_id}
    return _written(update, part)


def with_status_id(body: bytes, message_id: str) -> bytes:
    """A body of one status under another id of its message."""
    told = orjson.loads(body)
    told["entry"][0]["changes"][0]["value"][_STATUSES][0]["id"] = message_id
    return orjson.dumps(told)


def failed_status(
    *,
    waba_id: str,
    number_id: str,
    display_phone_number: str,
    message_id: str,
    recipient: str | None,
    at_ms: int,
    code: int,
    details: str,
    opaque: str | None,
) -> bytes:
    """A body that tells that a message failed, as Meta tells it; `recipient` in digits, None when it is not known.

    Then it is for `NOBODY`: libraries read a status without `recipient_id` as damaged.
    """
    title = lookup(code).title
    status = {
        "id": message_id,
        "status": "failed",
        "timestamp": str(at_ms // 1_000),
        "recipient_id": recipient or NOBODY,
        "biz_opaque_callback_data": opaque,
        "errors": [{"code": code, "title": title, "message": title, "error_data": {"details": details}}],
    }
    metadata = {"display_phone_number": display_phone_number, "phone_number_id": number_id}
    told = {name: value for name, value in status.items() if value is not None}
    return _written(
        Update(waba_id, number_id, "messages", None, _STATUSES, told, _messaging(metadata)),
        told,
    )


def _messaging(metadata: Mapping[str, str]) -> dict[str, Any]:
    return {"messaging_product": "whatsapp", "metadata": metadata}


def _written(update: Update, part: Mapping[str, Any]) -> bytes:
    value = part if update.key is None else {**update.beside, update.key: [part]}
    entry: dict[str, Any] = {"id": update.waba_id, "changes": [{"value": value, "field": update.field}]}
    if update.time is not None:
        entry["time"] = update.time
    return orjson.dumps({"object": OBJECT, "entry": [entry]})
