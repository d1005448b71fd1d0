"""Plain requests, and who answers them without anything of `aiohttp.web`."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final, Generic, Protocol, TypeVar

from aiohttp import HttpVersion11
from aiohttp.http_parser import RawRequestMessage
from msgspec import Struct

#: Each asks for more than one answer to a body that has come, or may make the body another than it seems.
_UNUSUAL: Final = ("Expect", "Transfer-Encoding", "Content-Encoding", "Upgrade")


class Known(Protocol):
    """The head of plain requests, as it was read from the first that came with it."""

    @property
    def length(self) -> int:
        """How many bytes of body come after it."""
        ...

    @property
    def request_id(self) -> str:
        """What the caller calls it; empty where it has no name."""
        ...


K = TypeVar("K", bound=Known)


class Plain(Struct, Generic[K], frozen=True, gc=False):
    """One that has come whole.

    Either `message` is its head, as the parser read it, or `known` is, by a head that was the same to the byte; `head`
    are the bytes of one that may be known from now on, without the empty line behind it. `raw`: all of it, where it was
    not parsed.
    """

    message: RawRequestMessage | None
    known: K | None
    head: bytes
    body: bytes
    remote: str | None
    raw: bytes = b""

    def __repr__(self) -> str:
        return "Plain()"


#: Stands where there is none.
NONE: Final[Plain[Any]] = Plain(None, None, b"", b"", None)


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


class Carrier(Protocol[K]):
    """Answers plain requests."""

    @property
    def begins(self) -> bool:
        """Whether it answers any by `begin`: only then it is asked."""
        ...

    def takes(self, message: RawRequestMessage) -> bool:
        """Whether it answers a request with this head."""
        ...

    def known(self, head: bytes) -> K | None:
        """What a head says that is the same, to the byte, as one that was answered before."""
        ...

    def begin(self, plain: Plain[K], answered: Answered) -> bool:
        """Whether it answers by calling `answered`, once, after this has returned; else `answer` is to be asked."""
        ...

    def answer(self, plain: Plain[K]) -> Coroutine[Any, Any, object]:
        """What it comes to, for `tell`. Raises AnotherWay, and whatever else is to be answered as a fault."""
        ...

    def tell(self, plain: Plain[K], outcome: object, answered: Answered) -> None:
        """Answer one that came to this, or ended in this fault, by calling `answered`."""
        ...
