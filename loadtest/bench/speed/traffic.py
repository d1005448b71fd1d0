"""The requests: of ten, eight templates to new users, one to a user of before, and one text in an open window."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

import orjson

from loadtest.bench.peers.cloud_api import TEMPLATE

#: Users who have written, each to one number, and so may be sent texts.
IN_TOUCH: Final = 2_000
#: A user of before got something at least so many sends ago, and at most this many times as long.
_BEFORE, _LONG_BEFORE = 500, 40
_HEAD: Final = (
    b"POST /v25.0/%b/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\nAccept: */*\r\n"
    b"Authorization: Bearer %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
)


def _template() -> bytes:
    """Meta's own example of a template with a header, a body and a button; 629 bytes."""
    body = [
        {"type": "text", "text": "Pablo"},
        {"type": "text", "text": "@order@"},
        {"type": "text", "text": "Tuesday, 12 May"},
        {"type": "currency", "currency": {"fallback_value": "$100.99", "code": "USD", "amount_1000": 100_990}},
    ]
    header = [{"type": "image", "image": {"link": "https://example.com/images/order.jpg"}}]
    button = [{"type": "text", "text": "@order@"}]
    components = [
        {"type": "header", "parameters": header},
        {"type": "body", "parameters": body},
        {"type": "button", "sub_type": "url", "index": "0", "parameters": button},
    ]
    template = {"name": TEMPLATE, "language": {"code": "en_US"}, "components": components}
    return _filled({"to": "@to@", "type": "template", "template": template})


def _text() -> bytes:
    return _filled({"to": "@to@", "type": "text", "text": {"body": "Order @order@ is on its way, and so are we."}})


def _filled(message: dict[str, object]) -> bytes:
    whole = {"messaging_product": "whatsapp", "recipient_type": "individual"} | message
    return orjson.dumps(whole).replace(b"%", b"%%").replace(b"@to@", b"%(to)b").replace(b"@order@", b"%(order)b")


_TEMPLATE: Final = _template()
_TEXT: Final = _text()


@dataclass(frozen=True, slots=True)
class InTouch:
    """A user whose service window with a number is open."""

    user: str
    number: str


class Mix(Enum):
    """What is sent: all kinds, or those alone that may wait, or those alone that take no place."""

    ALL = "all"
    TEMPLATES = "templates"
    TEXTS = "texts"


class Traffic:
    """One request after the other, no two alike."""

    def __init__(self, numbers: Sequence[str], key: str, *, users_in_touch: int = IN_TOUCH) -> None:
        self._numbers = [number.encode() for number in numbers]
        self._key = key.encode()
        #: What comes from now on.
        self.mix = Mix.ALL
        self._users_in_touch = users_in_touch
        self._sends = self._new = self._told = 0
        self._chance = random.Random(8)

    @property
    def in_touch(self) -> list[InTouch]:
        """Whose windows have to be open before the first request."""
        numbers = [number.decode() for number in self._numbers]
        return [InTouch(f"1651{index:07}", numbers[index % len(numbers)]) for index in range(self._users_in_touch)]

    def request(self) -> bytes:
        """The next one, head and body."""
        self._sends = sends = self._sends + 1
        number = self._numbers[sends % len(self._numbers)]
        kind = sends // len(self._numbers) % 10
        form = _TEMPLATE
        if self.mix is Mix.TEXTS or (kind == 9 and self.mix is Mix.ALL):
            self._told = index = (self._told + 1) % self._users_in_touch
            number, to, form = self._numbers[index % len(self._numbers)], b"1651%07d" % index, _TEXT
        elif kind == 8 and self._new > _BEFORE:
            ago = self._chance.randrange(_BEFORE, min(_LONG_BEFORE * _BEFORE, self._new) + 1)
            to = b"1650%07d" % ((self._new - ago) % 10_000_000)
        else:
            self._new += 1
            to = b"1650%07d" % (self._new % 10_000_000)
        body = form % {b"to": to, b"order": b"860198-%08d" % sends}
        return _HEAD % (number, self._key, len(body), body)
