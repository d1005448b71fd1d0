"""Readers of single values of a webhook, where any value may be of any type.

Each gives None for an absent or unreadable value; `required` turns that into `Unreadable`.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeVar

_T = TypeVar("_T")

_DIGITS = re.compile(r"[0-9]{1,20}")
_PHONE = re.compile(r"\+?([0-9]{5,20})")
_ID = re.compile(r"[!-~]{1,512}")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_MAX_WORD: Final = 80
_MAX_TEXT: Final = 65_536
_MAX_SECONDS: Final = 253_402_300_799  # the end of the year 9999


class Unreadable(Exception):
    """A part of a webhook lacks what it cannot be understood without."""


@dataclass(frozen=True, slots=True)
class Change:
    """One of the `changes` of an entry."""

    waba_id: str
    at_ms: int | None
    """The entry's `time`; the `messages` field has none."""
    field: str
    value: dict[str, Any]


def required(value: _T | None) -> _T:
    """`value`, which has to be there. Raises `Unreadable`."""
    if value is None:
        raise Unreadable
    return value


def read_object(value: object) -> dict[str, Any]:
    """A JSON object; an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}


def read_list(value: object) -> list[Any]:
    """A JSON array; an empty one in place of anything else."""
    return value if isinstance(value, list) else []


def read_text(value: object) -> str | None:
    """Any text that is not empty and not absurdly long."""
    return value if isinstance(value, str) and 0 < len(value) <= _MAX_TEXT else None


def read_word(value: object) -> str | None:
    """A word of Meta's, such as an event or a type."""
    return value if isinstance(value, str) and len(value) <= _MAX_WORD and _is_word(value) else None


@lru_cache(512)
def _is_word(value: str) -> bool:
    # Meta has few, and says them in every status.
    return _WORD.fullmatch(value) is not None


def read_id(value: object) -> str | None:
    """An opaque id: printable ASCII without spaces; Meta writes some ids as numbers."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        value = str(value)
    return value if isinstance(value, str) and _ID.fullmatch(value) else None


def read_phone(value: object) -> str | None:
    """The digits of a phone number as Meta writes it: country code first, with or without `+`."""
    match = _PHONE.fullmatch(value) if isinstance(value, str) else None
    return match[1] if match else None


def read_integer(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def read_time_ms(value: object) -> int | None:
    """Milliseconds, from whole seconds since the epoch as a number or a string."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    seconds = read_integer(value)
    return seconds * 1_000 if seconds is not None and 0 < seconds <= _MAX_SECONDS else None
