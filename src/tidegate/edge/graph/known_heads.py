"""Heads of sends that are known: one that was read once is not read again, for it means the same each time."""

from __future__ import annotations

import hashlib
import re
from typing import Final, NamedTuple

from multidict import CIMultiDict, CIMultiDictProxy

from tidegate.edge.door.request_ids import given_id
from tidegate.edge.graph.arrivals import SendHead
from tidegate.edge.graph.send_options import read_lasting_options, read_trace
from tidegate.edge.graph_paths import Target, path_of_send
from tidegate.edge.idempotency import is_plain_key
from tidegate.gateway.message import NO_HEADERS

#: Heads that are known at once: some callers write a dozen, one for each length of a body.
_MOST: Final = 1024
#: What is different with each request, so that the head as a whole never comes again.
_OF_ONE_REQUEST: Final = ("Idempotency-Key", "traceparent", "X-Request-Id")
_OWN_NAMES: Final = ("Content-Length", *_OF_ONE_REQUEST)
#: Those lines, and the one that tells of the body: only the value is different each time. It is printable, so that it
#: ends no line, and but for the length, which is looked at, none changes how a request is read.
_OWN: Final = re.compile(rb"\r\n(?i:(Content-Length|Idempotency-Key|traceparent|X-Request-Id): )([ -~]*)(?=\r\n|\Z)")
#: Stands between the parts that are left; none of them holds it.
_CUT: Final = b"\0"
_FOLDED: Final = (b"\r\n ", b"\r\n\t")
_LENGTH: Final = re.compile(rb"0|[1-9][0-9]{0,8}")


class _Shape(NamedTuple):
    """What heads say that are the same but for their own values, and which of these is which (-1: is not given)."""

    head: SendHead
    length: int
    key: int
    traceparent: int
    request_id: int


class KnownHeads:
    """Finds them by the SHA-256 of their bytes, which hold a key; where that is of no use, of all but what is of one
    request in them.
    """

    __slots__ = ("_heads", "_most_bytes", "_shapes")

    def __init__(self, most_bytes: int) -> None:
        """`most_bytes`: of a body; a head that tells of more is not known."""
        self._most_bytes = most_bytes
        self._heads: dict[bytes, SendHead] = {}
        self._shapes: dict[bytes, _Shape] = {}

    def find(self, head: bytes) -> SendHead | None:
        """What these bytes say; None where nobody knows."""
        known = self._heads.get(hashlib.sha256(head).digest())
        return known if known is not None or not self._shapes else self._found(head)

    def learn(self, head: bytes, headers: CIMultiDictProxy[str], target: Target, key_hash: str) -> None:
        """Know a head from now on: it was read, whole, and its lines end as all of them here do."""
        lasting = CIMultiDict(headers)
        for name in ("Authorization", *_OF_ONE_REQUEST):
            lasting.popall(name, None)
        kept = CIMultiDictProxy(lasting)
        options, length = read_lasting_options(kept), int(headers["Content-Length"])
        known = SendHead(target, path_of_send(target), target.place, kept, key_hash, options, length)
        if not any(name in headers for name in _OF_ONE_REQUEST):
            if len(self._heads) >= _MOST:
                self._heads.clear()
            self._heads[hashlib.sha256(head).digest()] = known
        if known.options is not None and not any(folded in head for folded in _FOLDED):
            self._learn_shape(head, known, {name.lower().encode() for name in _OWN_NAMES if name in headers})

    def _learn_shape(self, head: bytes, known: SendHead, given: set[bytes]) -> None:
        parts = _OWN.split(head)
        names = [name.lower() for name in parts[1::3]]
        # One that is written otherwise than is looked for would pass for what is the same each time.
        if len(names) != len(given) or set(names) != given or _CUT in head:
            return
        if len(self._shapes) >= _MOST:
            self._shapes.clear()
        places = {name: place for place, name in enumerate(names)}
        shape = _Shape(
            known,
            places[b"content-length"],
            places.get(b"idempotency-key", -1),
            places.get(b"traceparent", -1),
            places.get(b"x-request-id", -1),
        )
        self._shapes[_digest(parts)] = shape

    def _found(self, head: bytes) -> SendHead | None:
        parts = _OWN.split(head)
        values = parts[2::3]
        shape = self._shapes.get(_digest(parts))
        if shape is None or _CUT in head:
            return None
        known, length_at, key_at, traceparent_at, request_id_at = shape
        options, length = known.options, values[length_at]
        if not _LENGTH.fullmatch(length) or int(length) > self._most_bytes or options is None:
            return None
        if key_at >= 0 or traceparent_at >= 0:
            key = values[key_at].decode() if key_at >= 0 else None
            if key is not None and not is_plain_key(key):
                return None
            trace = read_trace(values[traceparent_at].decode()) if traceparent_at >= 0 else NO_HEADERS
            options = options.of_one(key, trace)
        request_id = given_id(values[request_id_at].decode().strip()) if request_id_at >= 0 else ""
        return SendHead(
            known.target,
            known.raw_path,
            known.place,
            known.headers,
            known.key_hash,
            options,
            int(length),
            request_id,
        )


def _digest(parts: list[bytes]) -> bytes:
    """Of what is left of a head that was split, without the values."""
    del parts[2::3]
    return hashlib.sha256(_CUT.join(parts)).digest()
