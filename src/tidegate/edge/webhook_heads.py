"""The heads of Meta's webhooks: no two are the same, and all are, but for a signature, a length and the like."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from msgspec import Struct

from tidegate.edge.door.request_ids import given_id

#: Lines of which only the value is different each time. It is printable, so that it ends no line, and none of these
#: changes how a request is read but its length, which is looked at.
_OWN: Final = re.compile(
    rb"(?<=\r\n)(?i:(X-Hub-Signature-256|X-Hub-Signature|Content-Length|X-Request-Id|X-Forwarded-For|Traceparent): )"
    rb"([ -~]*)(?=\r\n|\Z)"
)
_FOLDED: Final = (b"\r\n ", b"\r\n\t")
_LENGTH: Final = b"content-length"
_SIGNATURE: Final = b"x-hub-signature-256"
_REQUEST_ID: Final = b"x-request-id"
#: As they are found in a head: a value of these lines; a signature, which the parser reads without spaces around it;
#: and a length.
_VALUE: Final = rb"([ -~]*)"
_SIGNED: Final = rb"([!-~]*)"
_DIGITS: Final = rb"([0-9]{1,9})"
#: Found in every head, and nothing.
_NO_VALUE: Final = b"()"
_FORMS: Final = {_LENGTH: _DIGITS, _SIGNATURE: _SIGNED}
#: Heads that are known at once: each app and each proxy before the node has one. A longer one is not remembered.
_MOST: Final = 64
_LONGEST: Final = 4_096


class WebhookHead(Struct, frozen=True, gc=False):
    """What the head of a webhook says. `length`: of the body, in bytes. `signature`: empty unless there is just one.
    `request_id`: what its caller calls it, where that is an id, else empty.
    """

    length: int
    signature: str
    request_id: str

    def __repr__(self) -> str:
        return "WebhookHead()"


class _Shape(Struct, frozen=True, gc=False):
    """All heads that are the same but for those values; `places`: which are length, signature and request id."""

    match: Callable[[bytes], re.Match[bytes] | None]
    places: tuple[int, int, int]


_NONE: Final = _Shape(lambda head: None, (0, 0, 0))


class WebhookHeads:
    """Finds them by what is left without those values. What is the same then, to the byte, is read in the same way."""

    __slots__ = ("_begins", "_known", "_latest", "_most_bytes")

    def __init__(self, paths: Iterable[str], most_bytes: int) -> None:
        """`paths`: where they are posted to. `most_bytes`: of a body; a head that tells of more is not known."""
        self._begins = tuple(f"POST {path} HTTP/1.1\r\n".encode() for path in paths)
        self._most_bytes = most_bytes
        self._known: dict[bytes, _Shape] = {}
        #: The one that was found last: most are of one shape.
        self._latest = _NONE

    def find(self, head: bytes) -> WebhookHead | None:
        """What these bytes say; None where nobody knows."""
        shape = self._latest
        found = shape.match(head)
        if found is None:
            shape = self._shape_of(head)
            found = shape.match(head)
            if found is None:
                return None
            self._latest = shape
        digits, signature, request_id = found.group(*shape.places)
        length = int(digits)
        if length > self._most_bytes:
            return None
        return WebhookHead(length, signature.decode(), given_id(request_id.decode().strip()) if request_id else "")

    def _shape_of(self, head: bytes) -> _Shape:
        if not head.startswith(self._begins):
            return _NONE
        parts = _OWN.split(head)
        del parts[2::3]
        return self._known.get(b"".join(parts), _NONE)

    def learn(self, head: bytes) -> None:
        """Know such heads from now on: this one was read, whole, and its lines end as all of them here do."""
        if len(head) > _LONGEST or any(folded in head for folded in _FOLDED):
            return
        parts = _OWN.split(head)
        names = [name.lower() for name in parts[1::3]]
        if names.count(_LENGTH) != 1 or names.count(_SIGNATURE) != 1:
            return
        del parts[2::3]
        if len(self._known) >= _MOST:
            self._known.clear()
            self._latest = _NONE
        heads = [re.escape(parts[0])]
        for name, spelt, behind in zip(names, parts[1::2], parts[2::2], strict=True):
            heads += [re.escape(spelt), b": ", _FORMS.get(name, _VALUE), re.escape(behind)]
        if _REQUEST_ID not in names:
            names.append(_REQUEST_ID)
            heads.append(_NO_VALUE)
        self._known[b"".join(parts)] = _Shape(
            re.compile(b"".join(heads)).fullmatch,
            (names.index(_LENGTH) + 1, names.index(_SIGNATURE) + 1, names.index(_REQUEST_ID) + 1),
        )
