"""What the gateway says of its work, whoever listens; and the listener that is nobody."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import ClassVar, Final, Literal, ParamSpec, Self, TypeVar

Name = Literal["send", "decide", "admit", "post", "settle", "webhook", "apply", "relay"]
Attribute = str | int | bool

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Span:
    """A piece of work that nobody is told of. Used as a context manager around it."""

    __slots__ = ()

    @property
    def traceparent(self) -> str:
        """What those who go on with the work are given (W3C Trace Context); empty: there is no trace."""
        return ""

    def tell(self, **attributes: Attribute | None) -> None:
        """Say something of it: ids, words of closed lists and numbers; never a phone number, a text or a secret."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, where: TracebackType | None
    ) -> None:
        return None


_NOTHING: Final = Span()


class Tracing:
    """No traces. All spans are one object, so that a span costs a call and nothing else."""

    __slots__ = ()

    #: Whether it is worth the trouble to gather what spans are told.
    is_on: ClassVar[bool] = False

    def span(self, name: Name, parent: str = "") -> Span:
        """A span within the one that is open, or, where a `parent` (a traceparent) is given, within that."""
        return _NOTHING

    def within(self, name: Name, work: Callable[_P, _R]) -> Callable[_P, _R]:
        """`work`, so that each call of it is a span: itself where there are no spans."""
        return work

    def awaited_within(self, name: Name, work: Callable[_P, Awaitable[_R]]) -> Callable[_P, Awaitable[_R]]:
        """The same of what is waited for."""
        return work

    async def end(self) -> None:
        """Hand over what was not yet, within a second or so."""


NO_TRACING: Final = Tracing()
