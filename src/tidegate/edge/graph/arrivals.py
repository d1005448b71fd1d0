"""A send as it came in, whichever way it was carried; and the heads of sends that are known."""

from __future__ import annotations

import hashlib
from typing import Final, NamedTuple, Self

from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from tidegate.edge.graph.send_options import SendOptions, read_lasting_options
from tidegate.edge.graph_paths import Target

#: Heads that are known at once: some callers write a dozen, one for each length of a body.
_MOST: Final = 1024
#: What is different with each request, so that nothing is gained by knowing its head.
_OF_ONE_REQUEST: Final = ("Idempotency-Key", "traceparent", "X-Request-Id")


class KnownHead(NamedTuple):
    """What the head of a send says. It holds no key: `key_hash` is the `key_sha256` of the one that it came with.

    `options`: None where they are to be read anew, for they rest on the time. `length`: of the body, in bytes.
    """

    target: Target
    headers: CIMultiDictProxy[str]
    key_hash: str
    options: SendOptions | None
    length: int

    @property
    def begins(self) -> bool:
        """Whether `begin` answers it: each of these waits for Meta."""
        return False

    def __repr__(self) -> str:
        return "KnownHead()"


class Arrival(NamedTuple):
    """One POST to an edge that sends. Either its `body` is here, whole, or the `request` is there to read it from.

    `known`: its head, where it came with one that is known.
    """

    headers: CIMultiDictProxy[str]
    remote: str | None
    body: bytes | None = None
    request: web.Request | None = None
    known: KnownHead | None = None

    @classmethod
    def of(cls, request: web.Request) -> Self:
        """One whose body is not read yet."""
        return cls(request.headers, request.remote, None, request)

    def __repr__(self) -> str:
        return "Arrival()"


class KnownHeads:
    """Finds them by the SHA-256 of their bytes, which hold a key."""

    __slots__ = ("_heads",)

    def __init__(self) -> None:
        self._heads: dict[bytes, KnownHead] = {}

    def find(self, head: bytes) -> KnownHead | None:
        """What these bytes say; None where nobody knows."""
        return self._heads.get(hashlib.sha256(head).digest())

    def learn(self, head: bytes, headers: CIMultiDictProxy[str], target: Target, key_hash: str) -> None:
        """Know a head from now on, unless it is of one request only."""
        if any(name in headers for name in _OF_ONE_REQUEST):
            return
        if len(self._heads) >= _MOST:
            self._heads.clear()
        without_key = CIMultiDict(headers)
        del without_key["Authorization"]
        kept = CIMultiDictProxy(without_key)
        length = int(headers["Content-Length"])
        known = KnownHead(target, kept, key_hash, read_lasting_options(kept), length)
        self._heads[hashlib.sha256(head).digest()] = known
