"""The requests that are being answered: a stop waits for them while the port still answers."""

from __future__ import annotations

import asyncio
from types import TracebackType


class InHand:
    """Counts what is under way; entered once a request, by `with`, or by `enter` and `leave` where that is dear."""

    __slots__ = ("_count", "_is_awaited", "_none")

    def __init__(self) -> None:
        self._count = 0
        self._none = asyncio.Event()
        self._is_awaited = False

    def enter(self) -> None:
        """Count one in, which has to `leave`."""
        self._count += 1

    def leave(self) -> None:
        """Count one out."""
        self._count -= 1
        if self._is_awaited and not self._count:
            self._none.set()

    def __enter__(self) -> None:
        self.enter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.leave()

    async def ended(self) -> None:
        """Return when nothing is under way."""
        self._is_awaited = True
        while self._count:
            self._none.clear()
            await self._none.wait()
