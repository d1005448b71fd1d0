"""The heads of Meta's webhooks: no two are the same, and all are, but for a signature, a length and the like."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

#: Lines of which only the value is different each time. It is printable, so that it ends no line, and none of these
#: changes how a request is read but its length, which is looked at.
_OWN: Final = re.compile(
    rb"(?<=\r\n)(?i:(X-Hub-Signature-256|X-Hub-Signature|Content-Length|X-Request-Id|X-Forwarded-For|Traceparent): )"
    rb"([ -~]*)(?=\r\n|\Z)"
)
_FOLDED: Final = (b"\r\n ", b"\r\n\t")
#: Heads that are known at once: each app and each proxy before the node has one. A longer one is not remembered.
_MOST: Final = 64
_LONGEST: Final = 4_096


class WebhookHead(NamedTuple):
    """What the head of a webhook says. `length`: of the body, in bytes."""

    length: int
    signature: str
    request_id: str

    @property
    def begins(self) -> bool:
        """Whether `begin` may answer it."""
        return True

    def __repr__(self) -> str:
        return "WebhookHead()"


class _Places(NamedTuple):
    """Which of the values is which; no `request_id`: -1."""

    length: int
    signature: int
    request_id: int


class WebhookHeads:
    """Finds them by what is left without those values. What is the same then, to the byte, is read in the same way."""

    __slots__ = ("_begins", "_known", "_most_bytes")

    def __init__(self, paths: Iterable[str], most_bytes: int) -> None:
        """`paths`: where they are posted to. `most_bytes`: of a body; a head that tells of more is not known."""
        self._begins = tuple(f"POST {path} HTTP/1.1\r\n".encode() for path in paths)
        self._most_bytes = most_bytes
        self._known: dict[bytes, _Places] = {}

    def find(self, head: bytes) -> WebhookHead | None:
        """What these bytes say; None where nobody knows."""
        if not head.startswith(self._begins):
            return None
        parts = _OWN.split(head)
        values = parts[2::3]
        del parts[2::3]
        places = self._known.get(b"".join(parts))
        if places is None:
            return None
        length = values[places.length]
        if not length.isdigit() or len(length) > 9 or int(length) > self._most_bytes:
            return None
        request_id = values[places.request_id].decode() if places.request_id >= 0 else ""
        return WebhookHead(int(length), values[places.signature].decode(), request_id)

    def learn(self, head: bytes) -> None:
        """Know such heads from now on: this one was read, whole, and its lines end as all of them here do."""
        if len(head) > _LONGEST or any(folded in head for folded in _FOLDED):
            return
        parts = _OWN.split(head)
        names = [name.lower() for name in parts[1::3]]
        if names.count(b"content-length") != 1 or names.count(b"x-hub-signature-256") != 1:
            return
        del parts[2::3]
        if len(self._known) >= _MOST:
            self._known.clear()
        request_id = names.index(b"x-request-id") if b"x-request-id" in names else -1
        places = _Places(names.index(b"content-length"), names.index(b"x-hub-signature-256"), request_id)
        self._known[b"".join(parts)] = places
