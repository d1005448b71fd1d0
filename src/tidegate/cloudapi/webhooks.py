"""Webhook deliveries: is one Meta's, and what does it say.

Source: Meta, "Create a webhook endpoint" (signature, envelope, batches) and the webhook reference.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Final

import orjson

from . import account_readers, user_readers
from .events import Event, StatusUpdate, Unrecognised
from .json_text import has_more_parts
from .status_bodies import STATUSES_AT_ONCE
from .wire import Change, Unreadable, read_id, read_list, read_object, read_time_ms

_SIGNS: Final = "sha256="
#: RFC 2104: what a secret is xored with before the message, and before the digest of that; and its length then.
_INNER_PAD: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER_PAD: Final = bytes(byte ^ 0x5C for byte in range(256))
_PADDED_BYTES: Final = 64
#: Objects, lists and strings. A delivery has 1,000 updates at most (Meta, "Create a webhook endpoint"), each of which
#: has a hundred of these at most; to read so many more would hold up everybody else.
MAX_PARTS: Final = 300_000

#: What else a change may tell of.
_BESIDE_STATUSES: Final = ("messages", "errors", "new_quality_score")

#: The escape of one half of a surrogate pair that stands without the other. Looked for where no backslash is escaped.
_HALF: Final = re.compile(
    rb"\\u[dD](?:[89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD])[c-fC-F][0-9a-fA-F]{2})"
)
_ESCAPED_BACKSLASH: Final = b"\\\\"
#: Stands for one meanwhile, and in no JSON: a control character is always escaped there.
_MEANWHILE: Final = b"\0\0"
_FIELD = re.compile(r"[a-z_]{1,64}")

_READERS: Final[dict[str, Callable[[Change], list[Event]]]] = {
    "messages": user_readers.read_messages,
    "user_preferences": user_readers.read_user_preferences,
    "user_id_update": user_readers.read_user_id_updates,
    "message_template_status_update": account_readers.read_template_status,
    "message_template_quality_update": account_readers.read_template_quality,
    "template_category_update": account_readers.read_template_category,
    "phone_number_quality_update": account_readers.read_number_quality,
    "business_capability_update": account_readers.read_capability,
    "account_update": account_readers.read_account,
    "account_alerts": account_readers.read_account_alert,
    "account_review_update": account_readers.read_account_review,
    "phone_number_name_update": account_readers.read_number_name,
    "security": account_readers.read_security,
}


# Each part of these has a time of its own, so that of the entry may be anything.
_FIELDS_WITH_OWN_TIMES: Final = frozenset({"messages", "user_preferences", "user_id_update"})


class BadWebhook(Exception):
    """The body of a webhook is not JSON, or JSON of an absurd shape; the message never quotes it."""


def verify_signature(raw: bytes, header: str, secrets: tuple[bytes, ...]) -> bool:
    """Whether `X-Hub-Signature-256` proves that an app with one of `secrets` signed exactly these bytes.

    The signature covers the bytes as received, before any decoding. Every secret is tried, whichever matches,
    in time that does not depend on the header's digits.
    """
    if not header.isascii():
        return False
    proven = False
    for begun, ending in _begun(secrets):
        inner, outer = begun.copy(), ending.copy()
        inner.update(raw)
        outer.update(inner.digest())
        proven |= compare_digest(_SIGNS + outer.hexdigest(), header)
    return proven


@lru_cache(32)
def _begun(secrets: tuple[bytes, ...]) -> list[tuple[Any, Any]]:
    """Both hashes of an HMAC with each of them, begun: to begin them takes thrice as long as to hash a small body.

    An empty secret is left out: everybody knows it.
    """
    padded = [
        (sha256(secret).digest() if len(secret) > _PADDED_BYTES else secret).ljust(_PADDED_BYTES, b"\0")
        for secret in secrets
        if secret
    ]
    return [(sha256(key.translate(_INNER_PAD)), sha256(key.translate(_OUTER_PAD))) for key in padded]


def read_envelope(raw: bytes) -> list[Event]:
    """Everything that a delivery tells, in its order.

    A part that is unknown or unreadable becomes `Unrecognised` and takes no other part with it. Raises
    `BadWebhook` for a body that is not JSON, or has more than `MAX_PARTS` parts.
    """
    return [event for part in envelope_parts(read_body(raw)) for event in part]


def envelope_parts(envelope: Any) -> Iterator[list[Event]]:
    """The same of a body that was read (`read_body`), change by change, of a change with many statuses some at a time:
    whoever reads a large delivery can do something else in between.
    """
    if not isinstance(envelope, dict) or envelope.get("object") != "whatsapp_business_account":
        yield [Unrecognised("object")]
        return
    entries = envelope.get("entry")
    if not isinstance(entries, list):
        yield [Unrecognised("entry")]
        return
    for entry in entries:
        yield from _read_entry(entry)


def few_statuses(envelope: Any) -> list[StatusUpdate] | None:
    """The same of a delivery that tells of a few statuses of one number and nothing else, as most do; None for others,
    or where a part can't be read.
    """
    try:
        [entry] = envelope["entry"]
        [change] = entry["changes"]
        value = change["value"]
        statuses = value["statuses"]
        if envelope["object"] != "whatsapp_business_account" or change["field"] != "messages":
            return None
    except (TypeError, KeyError, ValueError):
        return None
    waba_id = read_id(entry.get("id"))
    if waba_id is None or type(statuses) is not list or not 0 < len(statuses) <= STATUSES_AT_ONCE:
        return None
    if not value.keys().isdisjoint(_BESIDE_STATUSES):
        return None
    return user_readers.read_statuses(waba_id, value, statuses)


def _read_entry(entry: object) -> Iterator[list[Event]]:
    waba_id = read_id(entry.get("id")) if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or waba_id is None:
        yield [Unrecognised("entry")]
        return
    changes = entry.get("changes")
    if not isinstance(changes, list):
        yield [Unrecognised("changes", waba_id)]
        return
    for change in changes:
        for part in _parts(change):
            yield _read_change(waba_id, entry.get("time"), part)


def _parts(change: object) -> Iterator[object]:
    """A change of so many statuses that to read them holds up others, as several that tell the same in the same order:
    messages, statuses, errors.
    """
    value = read_object(change.get("value")) if isinstance(change, dict) else {}
    statuses = read_list(value.get("statuses"))
    if not isinstance(change, dict) or len(statuses) <= STATUSES_AT_ONCE or change.get("field") != "messages":
        yield change
        return
    first = {key: part for key, part in value.items() if key not in ("statuses", "errors")}
    if "messages" in value:
        yield {**change, "value": first}
    named = {"metadata": value.get("metadata")}
    for start in range(0, len(statuses), STATUSES_AT_ONCE):
        yield {**change, "value": {**named, "statuses": statuses[start : start + STATUSES_AT_ONCE]}}
    if "errors" in value:
        yield {**change, "value": {**named, "errors": value["errors"]}}


def _read_change(waba_id: str, time: object, change: object) -> list[Event]:
    if not isinstance(change, dict):
        return [Unrecognised("changes", waba_id)]
    field, value = _field(change.get("field")), change.get("value")
    at_ms = read_time_ms(time)
    reader = _reader(field, value)
    if reader is None or not isinstance(value, dict):
        return [Unrecognised(field, waba_id)]
    if time is not None and at_ms is None and field not in _FIELDS_WITH_OWN_TIMES:
        return [Unrecognised(field, waba_id)]
    try:
        return reader(Change(waba_id, at_ms, field, value))
    except Unreadable:
        return [Unrecognised(field, waba_id)]


def _field(value: object) -> str:
    return value if isinstance(value, str) and _FIELD.fullmatch(value) else "other"


def _reader(field: str, value: object) -> Callable[[Change], list[Event]] | None:
    # Meta's own example of a quality update carries the field name of the status update.
    if isinstance(value, dict) and "new_quality_score" in value:
        return account_readers.read_template_quality
    return _READERS.get(field)


def read_body(raw: bytes) -> Any:
    """The JSON of a body. Raises `BadWebhook`, also for more parts than any delivery has."""
    # Each part takes a byte at least.
    if len(raw) > MAX_PARTS and has_more_parts(raw, MAX_PARTS):
        raise BadWebhook(f"the body has more than {MAX_PARTS} parts")
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        whole = _without_halves(raw)
    try:
        return orjson.loads(whole)
    except orjson.JSONDecodeError:
        raise BadWebhook("the body is not JSON") from None


def _without_halves(raw: bytes) -> bytes:
    """Half of an emoji, cut off in a name or a text, must not cost a whole delivery: it is read as "?"."""
    if _MEANWHILE in raw:
        return raw
    return _HALF.sub(b"?", raw.replace(_ESCAPED_BACKSLASH, _MEANWHILE)).replace(_MEANWHILE, _ESCAPED_BACKSLASH)
