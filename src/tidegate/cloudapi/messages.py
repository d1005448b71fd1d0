"""Bodies of `POST /{phone_number_id}/messages` and `/marketing_messages`, read and checked.

Source: Meta, "Send messages", the Message API reference, "Marketing Messages API", "Direct Send", "Groups".
Only what a decision rests on, and the parts that no message of its type can do without, are checked: the rest
is Meta's to judge, and fields not known here are kept.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, NoReturn

from .answers import Acceptance, queued_answer, read_acceptance, refused_answer
from .json_text import BadJson, read_json_anew
from .opaque import CALLBACK_DATA, unwrap_opaque, wrap_opaque
from .recipients import RecipientKind, canonical_phone, is_bsuid, is_group_id
from .request import BadMessage, ReadReceipt, Request, TemplateRef
from .serialise import serialise
from .vocabulary import Category, MessageType, read_category

__all__ = [
    "Acceptance",
    "BadMessage",
    "ReadReceipt",
    "RecipientKind",
    "Request",
    "TemplateRef",
    "parse_send",
    "queued_answer",
    "read_acceptance",
    "refused_answer",
    "serialise",
    "unwrap_opaque",
    "wrap_opaque",
]

_INVALID_PARAMETER: Final = 100
_MAX_NAME: Final = 512
_MAX_OPAQUE: Final = 512
#: Names and languages that are known to be fit.
_TEMPLATES: Final = 1_024
#: Asked for at each send, as a name of this module.
_PHONE: Final = RecipientKind.PHONE
_OF_TEMPLATE: Final = MessageType.TEMPLATE
#: What `recipient_type` says of a message to one user.
_ONE_USER: Final = (None, "individual")
_LIST_OR_NULL: Final = (list, type(None))
_SENDABLE_TYPES: Final = {type_.value: type_ for type_ in MessageType if type_.sendable}


def parse_send(raw: bytes) -> Request | ReadReceipt:
    """The message, or the read receipt, in the body of a send.

    Raises `BadMessage` for a body that is not strict JSON, has no one recipient, or is no message of a known
    type.
    """
    try:
        body, text = read_json_anew(raw)
    except BadJson as fault:
        raise _bad("body", str(fault)) from None
    if not isinstance(body, dict):
        raise _bad("body", "must be a JSON object")
    return read_send(body, text)


def read_send(body: dict[str, Any], text: bytes = b"") -> Request | ReadReceipt:
    """The message, or the read receipt, in a body that was strict JSON. Raises `BadMessage` as `parse_send` does.

    `text`: the body written anew, where that is at hand.
    """
    if body.get("messaging_product") != "whatsapp":
        raise _bad("messaging_product", 'is required and must be "whatsapp"')
    if "status" in body and body["status"] is not None:
        return _parse_receipt(body)
    to: Any = body.get("to")
    # As most are: the kinds of values are those of JSON.
    if (
        type(to) is str
        and "recipient" not in body
        and body.get("recipient_type") in _ONE_USER
        and (recipient := canonical_phone(to))
    ):
        kind = _PHONE
    else:
        kind, recipient, to = _parse_recipient(body)
    word = body.get("type")
    if word == "template":
        type_, template, category = _OF_TEMPLATE, _parse_template(body.get("template")), None
    else:
        type_ = _parse_type(word)
        _check_content(type_, body.get(type_))
        template, category = None, _parse_category(body["category"]) if "category" in body else None
    if "context" in body and not isinstance(body["context"], dict | None):
        raise _bad("context", "must be an object")
    opaque = None
    if CALLBACK_DATA in body:
        opaque, text = _checked_opaque(body[CALLBACK_DATA]), b""
    return Request(kind, recipient, to, type_, template, category, opaque, body, text)


def _parse_receipt(body: dict[str, Any]) -> ReadReceipt:
    if body["status"] != "read":
        raise _bad("status", 'must be "read"')
    # A receipt passes unguarded: whatever could also be taken for a message must not pass as one.
    for key in ("to", "recipient", "type", *_SENDABLE_TYPES):
        if body.get(key) is not None:
            raise _bad("status", f"must not stand beside {key}: a body is a read receipt or a message")
    return ReadReceipt(body)


def _parse_recipient(body: dict[str, Any]) -> tuple[RecipientKind, str, str]:
    """Kind, canonical spelling and the spelling as sent."""
    said = body.get
    to = _recipient_text("to", said("to"))
    recipient = _recipient_text("recipient", said("recipient"))
    if to is not None and recipient is not None and to != recipient:
        raise _bad_recipient(
            "to, recipient: both are given; Meta would send to the one in to, whoever the other one is"
        )
    if _is_group(said("recipient_type")):
        if to is None or not is_group_id(to):
            raise _bad_recipient("to: must be a group id when recipient_type is group")
        return RecipientKind.GROUP, to, to
    if to is not None:
        return RecipientKind.PHONE, canonical_phone(to) or _refuse_phone(to), to
    if recipient is None:
        raise _bad_recipient("to: is required (or recipient, for a business-scoped user id)")
    if not is_bsuid(recipient):
        raise _bad_recipient("recipient: must be a business-scoped user id such as US.13491208655302741918")
    return RecipientKind.BSUID, recipient, recipient


def _recipient_text(key: str, value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise _bad_recipient(f"{key}: must be a string")
    return value


def _is_group(word: object) -> bool:
    if word in _ONE_USER:
        return False
    if word != "group":
        raise _bad_recipient("recipient_type: must be individual or group")
    return True


def _refuse_phone(to: str) -> NoReturn:
    if is_bsuid(to):
        raise BadMessage(
            _INVALID_PARAMETER,
            "to: holds a business-scoped user id, which belongs in recipient; Meta takes such a message and"
            " silently drops it",
            "invalid_recipient",
        )
    raise _bad_recipient("to: must be an international phone number of 7 to 15 digits, country code first")


def _parse_type(word: object) -> MessageType:
    if word is None:
        return MessageType.TEXT  # Meta's default
    if isinstance(word, str) and word in _SENDABLE_TYPES:
        return _SENDABLE_TYPES[word]
    raise _bad("type", f"must be one of {', '.join(_SENDABLE_TYPES)}")


def _check_content(type_: MessageType, content: object) -> None:
    if type_ is MessageType.CONTACTS:
        if not _is_list_of_objects(content):
            raise _bad(type_, "is required and must be a list of objects, one at least")
        return
    if not isinstance(content, dict):
        raise _bad(type_, f"is required for type {type_} and must be an object")
    for keys, holds, noun in _REQUIRED_PARTS.get(type_, _REQUIRED_OF_MEDIA):
        for key in keys:
            if holds(content.get(key)):
                break
        else:
            raise _bad(f"{type_}.{' or '.join(keys)}", f"is required and must be {noun}")


def _parse_template(content: Any) -> TemplateRef:
    try:
        template = _template(content["name"], content["language"]["code"])
    except (KeyError, TypeError):
        _refuse_template(content)
    if type(content.get("components")) not in _LIST_OR_NULL:
        raise _bad("template.components", "must be a list")
    return template


def _refuse_template(content: object) -> NoReturn:
    """Say what a template lacks, or has of another kind."""
    if not isinstance(content, dict):
        raise _bad("template", "is required for type template and must be an object")
    if not isinstance(content.get("name"), str):
        raise _bad("template.name", "is required and must be a string that is not empty")
    if not isinstance(content.get("language"), dict):
        raise _bad("template.language", "is required and must be an object")
    raise _bad_name("template.language.code")


@lru_cache(_TEMPLATES)
def _template(name: str, code: str) -> TemplateRef:
    """A template, looked at once: the same few come again and again."""
    return TemplateRef(_name(name, "template.name"), _name(code, "template.language.code"))


def _name(value: str, path: str) -> str:
    if not 0 < len(value) <= _MAX_NAME or not value.isprintable():
        raise _bad_name(path)
    return value


def _bad_name(path: str) -> BadMessage:
    return _bad(path, f"is required and must be 1 to {_MAX_NAME} printable characters")


def _parse_category(word: object) -> Category | None:
    category = read_category(word)
    if word is not None and category is None:
        raise _bad("category", f"must be one of {', '.join(Category)}")
    return category


def _checked_opaque(opaque: object) -> str | None:
    if opaque is not None and not isinstance(opaque, str):
        raise _bad(CALLBACK_DATA, "must be a string")
    if opaque is not None and len(opaque) > _MAX_OPAQUE:
        raise _bad(CALLBACK_DATA, f"must be at most {_MAX_OPAQUE} characters")
    return opaque


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_number(value: object) -> bool:
    # Some clients write coordinates as strings, and Meta takes them.
    return _is_text(value) or (isinstance(value, int | float) and not isinstance(value, bool))


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _is_list_of_objects(value: object) -> bool:
    return isinstance(value, list) and value != [] and all(map(_is_object, value))


_Part = tuple[tuple[str, ...], Callable[[object], bool], str]
_TEXT: Final = (_is_text, "a string that is not empty")
_NUMBER: Final = (_is_number, "a number")
_OBJECT: Final = (_is_object, "an object")

# The parts that a message of each type cannot do without: any one of the keys, and what it has to hold.
_REQUIRED_PARTS: Final[dict[MessageType, tuple[_Part, ...]]] = {
    MessageType.TEXT: ((("body",), *_TEXT),),
    MessageType.REACTION: ((("message_id",), *_TEXT),),
    MessageType.LOCATION: ((("latitude",), *_NUMBER), (("longitude",), *_NUMBER)),
    MessageType.INTERACTIVE: ((("type",), *_TEXT), (("action",), *_OBJECT)),
}
_REQUIRED_OF_MEDIA: Final[tuple[_Part, ...]] = ((("id", "link"), *_TEXT),)


def _bad(path: str, rule: str) -> BadMessage:
    return BadMessage(_INVALID_PARAMETER, f"{path}: {rule}")


def _bad_recipient(details: str) -> BadMessage:
    return BadMessage(_INVALID_PARAMETER, details, "invalid_recipient")
