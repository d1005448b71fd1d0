"""The requests that are being answered: a stop waits for them while the port still answers."""

from __future__ import annotations

import asyncio
from types import TracebackType

from tidegate.edge.door.turnstile import Turnstile


class InHand:
    """Knows of those that have entered the node's turnstile; all others enter here while they are answered."""

    __slots__ = ("_count", "_node", "_none")

    def __init__(self, node: Turnstile) -> None:
        self._node = node
        self._count = 0
        self._none = asyncio.Event()

    def __enter__(self) -> None:
        self._count += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._count -= 1
        if not self._count:
            self._none.set()

    async def ended(self) -> None:
        """Return when nothing is under way."""
        self._node.on_empty = self._none.set
        while self._count or self._node.inside:
            self._none.clear()
            await self._none.wait()
