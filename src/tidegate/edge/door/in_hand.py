"""The requests that are being answered: a stop waits for them while the port still answers."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self


class InHand:
    """Counts what is under way; entered once a request."""

    __slots__ = ("_count", "_is_awaited", "_none")

    def __init__(self) -> None:
        self._count = 0
        self._none = asyncio.Event()
        self._is_awaited = False

    def __enter__(self) -> Self:
        self._count += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._count -= 1
        if self._is_awaited and not self._count:
            self._none.set()

    async def ended(self) -> None:
        """Return when nothing is under way."""
        self._is_awaited = True
        while self._count:
            self._none.clear()
            await self._none.wait()
