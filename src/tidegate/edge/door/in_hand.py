"""The requests that are being answered: a stop waits for them while the port still answers."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self


class InHand:
    """Counts what is under way; entered once a request."""

    __slots__ = ("_count", "_none")

    def __init__(self) -> None:
        self._count = 0
        self._none = asyncio.Event()
        self._none.set()

    def __enter__(self) -> Self:
        self._count += 1
        self._none.clear()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._count -= 1
        if not self._count:
            self._none.set()

    async def ended(self) -> None:
        """Return when nothing is under way."""
        await self._none.wait()
