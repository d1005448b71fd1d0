"""A send as it came in, whichever way it was carried."""

from __future__ import annotations

from typing import Self

from aiohttp import web
from msgspec import Struct
from multidict import CIMultiDictProxy

from tidegate.edge.graph.known_heads import KnownHead


class Arrival(Struct, frozen=True, gc=False):
    """One POST to an edge that sends. Either its `body` is here, whole, or the `request` is there to
    read it from.

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
