"""Ids of requests: those that came with them, and new ones, UUIDs of version 4, made many at a time."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from itertools import chain
from typing import Final

_GIVEN: Final = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
_AT_ONCE: Final = 128
#: An id and a blank behind it.
_LONG: Final = 37
_BLANK_AT: Final = 36
#: RFC 9562, 5.4: where the version stands, where the variant, and where the hyphens.
_VERSION_AT: Final = 14
_VARIANT_AT: Final = 19
_VARIANTS: Final = b"89ab" * 64
_HYPHENS_AT: Final = (8, 13, 18, 23)


def given_id(text: str) -> str:
    """What its caller calls a request, where that is an id; else empty."""
    return text if text and _GIVEN.fullmatch(text) else ""


class RequestIds:
    """Makes new ones. Not to be shared by threads, or over a fork."""

    __slots__ = ("new",)

    def __init__(self) -> None:
        #: One that was handed out to nobody else. Where some are ready, nothing is run here for it.
        self.new: Final[Callable[[], str]] = chain.from_iterable(iter(_some, None)).__next__


def _some() -> list[str]:
    # All at once they take a tenth of the time that each takes which is put together by itself.
    text = bytearray(os.urandom(_AT_ONCE * _LONG // 2).hex().encode())
    text[_VERSION_AT::_LONG] = b"4" * _AT_ONCE
    text[_VARIANT_AT::_LONG] = os.urandom(_AT_ONCE).translate(_VARIANTS)
    for at in _HYPHENS_AT:
        text[at::_LONG] = b"-" * _AT_ONCE
    text[_BLANK_AT::_LONG] = b" " * _AT_ONCE
    return text.decode().split()


#: A new one, of this process.
new_id: Final = RequestIds().new
