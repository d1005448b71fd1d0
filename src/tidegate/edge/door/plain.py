"""Plain requests, and who answers them without anything of `aiohttp.web`."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final, Generic, Protocol, TypeVar

from aiohttp import HttpVersion11
from aiohttp.http_parser import RawRequestMessage
from msgspec import Struct

#: Each asks for more than one answer to a body that has come, or may make the body another than it seems.
_UNUSUAL: Final = ("Expect", "Transfer-Encoding", "Content-Encoding", "Upgrade")


class Head(Protocol):
    """What the head of plain requests says."""

    @property
    def length(self) -> int:
        """How many bytes of body come after it."""
        ...

    @property
    def request_id(self) -> str:
        """What the caller calls it; empty where it has no name."""
        ...


H = TypeVar("H", bound=Head)


class Plain(Struct, Generic[H], frozen=True, gc=False):
    """One that has come whole.

    `raw`: all of it, where a head that was the same to the byte has told what it says. Else `message` is what the
    parser made of its head, and `raw_head` the bytes of one that may be known from now on, without the empty line
    behind it.
    """

    head: H
    body: bytes
    remote: str | None
    raw: bytes = b""
    message: RawRequestMessage | None = None
    raw_head: bytes = b""

    def __repr__(self) -> str:
        return "Plain()"


#: Stands where there is none.
NONE: Final[Plain[Any]] = Plain(None, b"", None)


def is_plain_post(message: RawRequestMessage, most: int) -> bool:
    """Whether a POST with this head can be answered once its body has come, of which it may have so many bytes."""
    if message.method != "POST" or message.should_close or message.chunked or message.version != HttpVersion11:
        return False
    length = message.headers.get("Content-Length", "")
    if len(length) > len(str(most)) or not length.isdecimal() or int(length) > most:
        return False
    return not any(name in message.headers for name in _UNUSUAL)


class AnotherWay(Exception):
    """Raised before anything was done: only what has a whole `web.Request` can answer this one."""


#: Told of the answer to a request, and whether it is the last of its connection.
Answered = Callable[[bytes, bool], None]


class Carrier(Protocol[H]):
    """Answers plain requests."""

    @property
    def begins(self) -> bool:
        """Whether it answers any by `begin`: only then it is asked."""
        ...

    def takes(self, message: RawRequestMessage) -> bool:
        """Whether it answers a request with this head."""
        ...

    def read(self, message: RawRequestMessage) -> H:
        """What the head says of one that it answers."""
        ...

    def known(self, head: bytes) -> H | None:
        """The same of a head that is the same, to the byte, as one that was answered before; else None."""
        ...

    def begin(self, plain: Plain[H], answered: Answered) -> bool:
        """Whether it answers by calling `answered`, once, after this has returned; else `answer` is to be asked."""
        ...

    def answer(self, head: H, body: bytes, remote: str | None) -> Coroutine[Any, Any, object]:
        """What such a one comes to, for `tell`. Raises AnotherWay, and whatever else is to be answered as a fault."""
        ...

    def tell(self, plain: Plain[H], outcome: object, answered: Answered) -> None:
        """Answer one that came to this, or ended in this fault, by calling `answered`."""
        ...
