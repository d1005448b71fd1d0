"""A status of a message whose recipient was erased: how the message ended, and not for whom it was.

Source: Meta, webhook reference `messages`, "Status object" (what each key of it tells).
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from .recipients import NOBODY

_STATUSES: Final = "statuses"
#: What else stands in a status tells of the user, of the conversation with them, or is the sender's own data.
_KEPT: Final = ("status", "timestamp", "type", "pricing", "errors")
#: Meta's words on an error may name a number. Codes have six digits.
_NUMBER: Final = re.compile(r"\+?[0-9]{7,}")


def status_id(body: bytes) -> str:
    """The id of the message that a body of one status (as `updates.status_to_relay` writes it) goes under."""
    return str(_value(orjson.loads(body))[_STATUSES][0].get("id", ""))


def status_of_nobody(body: bytes, message_id: str) -> bytes:
    """A body of one status under this id of its message, with nothing in it of the user whom the message was for."""
    told = orjson.loads(body)
    value = _value(told)
    [part] = value[_STATUSES]
    kept = {name: part[name] for name in _KEPT if name in part}
    if "errors" in kept:
        kept["errors"] = _without_numbers(kept["errors"])
    beside = {name: value[name] for name in ("messaging_product", "metadata") if name in value}
    told["entry"][0]["changes"][0]["value"] = {
        **beside,
        _STATUSES: [{"id": message_id, "recipient_id": NOBODY, **kept}],
    }
    return orjson.dumps(told)


def _value(told: Any) -> Any:
    return told["entry"][0]["changes"][0]["value"]


def _without_numbers(held: Any) -> Any:
    if isinstance(held, dict):
        return {name: _without_numbers(value) for name, value in held.items()}
    if isinstance(held, list):
        return [_without_numbers(value) for value in held]
    return _NUMBER.sub(NOBODY, held) if isinstance(held, str) else held
