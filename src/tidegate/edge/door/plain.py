"""Plain requests, and who answers them without anything of `aiohttp.web`."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from aiohttp.http_parser import RawRequestMessage


class Known(Protocol):
    """The head of plain requests, as it was read from the first that came with it."""

    @property
    def length(self) -> int:
        """How many bytes of body come after it."""
        ...


class Plain(NamedTuple):
    """One that has come whole.

    Either `message` is its head, as the parser read it, or `known` is, by a head that was the same to the byte; `head`
    are the bytes of one that may be known from now on, without the empty line behind it.
    """

    message: RawRequestMessage | None
    known: Known | None
    head: bytes
    body: bytes
    remote: str | None

    def __repr__(self) -> str:
        return "Plain()"


class AnotherWay(Exception):
    """Raised before anything was done: only what has a whole `web.Request` can answer this one."""


class Carrier(Protocol):
    """Answers plain requests."""

    def takes(self, message: RawRequestMessage) -> bool:
        """Whether it answers a request with this head."""
        ...

    def known(self, head: bytes) -> Known | None:
        """What a head says that is the same, to the byte, as one that was answered before."""
        ...

    async def answer(self, plain: Plain) -> tuple[bytes, bool]:
        """The answer, and whether it is the last of its connection. Raises AnotherWay."""
        ...
