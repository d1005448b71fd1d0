"""A send as it came in: its head, and its body where that is here already, whichever way it was carried."""

from __future__ import annotations

from typing import NamedTuple, Protocol, Self

from aiohttp import web
from multidict import CIMultiDictProxy


class Headed(Protocol):
    """Whatever has the headers of a request, and knows who is at the other end of its connection."""

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """As aiohttp's parser read them."""
        ...

    @property
    def remote(self) -> str | None:
        """The address that connected here."""
        ...


class Arrival(NamedTuple):
    """One POST to an edge that sends. Either its `body` is here, whole, or the `request` is there to read it from."""

    headers: CIMultiDictProxy[str]
    remote: str | None
    body: bytes | None = None
    request: web.Request | None = None

    @classmethod
    def of(cls, request: web.Request) -> Self:
        """One whose body is not read yet."""
        return cls(request.headers, request.remote, None, request)

    def __repr__(self) -> str:
        return "Arrival()"


class AnotherWay(Exception):
    """Raised before anything was done: this arrival can only be answered by what has a whole `web.Request`."""
