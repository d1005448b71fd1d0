"""Strict JSON: what is checked here is what is sent on, with no second reading of the same bytes possible."""

import json
from typing import Any, Final

from orjson import JSONDecodeError, dumps, loads

MAX_DEPTH: Final = 200
"""Deepest nesting that is read, the document itself being level 1."""
_SHALLOW: Final = 2 * MAX_DEPTH

# A whole number outside 64 bits has 19 digits at least. Translated, each digit of a text is a "0".
_DIGITS_TO_ZERO: Final = bytes(0x30 if 0x30 <= byte <= 0x39 else 0x20 for byte in range(256))
_LONG_NUMBER: Final = b"0" * 19
# An escape of one of U+0030..U+003F, the colon (U+003A) among them.
_MAYBE_ESCAPED_COLON: Final = b"\\u003"
_INTEGERS: Final = (-(2**63), 2**64 - 1)


class BadJson(ValueError):
    """The bytes are not JSON that can be read in one way only; the message never quotes them."""


def read_json(raw: bytes) -> Any:
    """The document in `raw`, which has to be UTF-8 and to mean the same to every reader of JSON. Raises as
    `read_json_anew`.
    """
    return read_json_anew(raw)[0]


def read_json_anew(raw: bytes) -> tuple[Any, bytes]:
    """The document in `raw`, and its text as it is written anew: without spaces, and with no escape that it can do
    without.

    Raises `BadJson` for what is not JSON by RFC 8259 (a byte order mark, NaN, other encodings and half
    surrogate pairs included), for an object that names a key twice, nesting deeper than `MAX_DEPTH`, and
    numbers that a double or a 64-bit integer cannot hold.
    """
    try:
        document = loads(raw)
    except JSONDecodeError as fault:
        # The library's exception holds the whole text: it must not travel on as a cause.
        raise BadJson(f"is not JSON (line {fault.lineno}, column {fault.colno})") from None
    # Each level takes two bytes at least, and an object that holds another level five: most texts are told by that.
    size = len(raw)
    if size > _SHALLOW and size - len(raw.replace(b"[", b"")) + size // 5 >= MAX_DEPTH:
        _check_depth(raw, document)
    written = dumps(document)
    if written != raw and not _surely_unambiguous(raw, written):
        _check_each_member(raw)
    return document, written


def has_more_parts(raw: bytes, most: int) -> bool:
    """Whether the JSON in `raw` has more objects, lists and strings than `most`, told without reading it.

    What is written within strings does not count. Of what is not JSON it may say either.
    """
    if raw.count(b"{") + raw.count(b"[") + raw.count(b'"') // 2 <= most:
        return False
    unescaped = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    strings = unescaped.count(b'"') // 2
    if strings > most:
        return True
    outside = b"".join(unescaped.split(b'"')[::2])
    return strings + outside.count(b"{") + outside.count(b"[") > most


def _openings(raw: bytes) -> int:
    """How many brackets and braces open in a text, those within strings too."""
    # To leave them out takes a quarter of the time that it takes to count them.
    return len(raw) - len(raw.replace(b"{", b"").replace(b"[", b""))


def _surely_unambiguous(raw: bytes, written: bytes) -> bool:
    """Whether no key is given twice and no integer is too long, told without reading `raw` a second time.

    Most texts are, but for the spaces in them, what the document is when it is written anew. Then nothing of it
    was lost: without its spaces a JSON text has as many members as with them, and an integer that is too long would
    have been written as a fraction.
    """
    if written.replace(b" ", b"") == raw.replace(b" ", b""):
        return True
    # What is written out has one colon for each of its members, and those within its strings. Of two members with
    # one key only the last is in the document, so `raw` then has more colons. The counts can agree by chance only
    # where a colon within a string is written as an escape; such texts are not sure.
    if _MAYBE_ESCAPED_COLON in raw or _LONG_NUMBER in raw.translate(_DIGITS_TO_ZERO):
        return False
    return written.count(b":") == raw.count(b":")


def _check_each_member(raw: bytes) -> None:
    json.loads(raw, object_pairs_hook=_distinct, parse_int=_fitting)


def _distinct(members: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in members}) != len(members):
        raise BadJson("gives the same key twice in one object")


def _fitting(digits: str) -> int:
    lowest, highest = _INTEGERS
    # 20 characters hold every such integer; longer ones are refused before they are converted.
    if len(digits) > 20 or not lowest <= int(digits) <= highest:
        raise BadJson("has a whole number that does not fit 64 bits")
    return 0


def _check_depth(raw: bytes, document: Any) -> None:
    if _openings(raw) > MAX_DEPTH and _deeper_than(document, MAX_DEPTH):
        raise BadJson(f"is nested deeper than {MAX_DEPTH} levels")


def _deeper_than(document: Any, depth: int) -> bool:
    level = [document]
    for _ in range(depth):
        # By type, and in one expression: a body of 256 KiB may hold a hundred thousand of them.
        level = [
            child
            for node in level
            if node
            for child in (node.values() if type(node) is dict else node)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return False
    return True
