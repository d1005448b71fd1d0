"""How much of the webhooks is applied at a time: a storm of them must not take the store from the sends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from tidegate.errors import StoreUnavailable

Item = TypeVar("Item")

#: Events applied side by side by one turn, and turns at a time: the store has connections for more, but what they all
#: do in one moment is what a send that comes in between has to wait for.
TOGETHER: Final = 16
TURNS: Final = 1


class Gate:
    """Gives turns in the order of asking, so that a delivery of few events waits for no more than a turn of each other.

    Whoever waits while the store does not answer is told so with those who asked it: one after another they would wait
    for longer than Meta does.
    """

    __slots__ = ("_faults", "_turns")

    def __init__(self, turns: int = TURNS) -> None:
        self._turns = asyncio.Semaphore(turns)
        self._faults = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """One turn. Raises StoreUnavailable when the store failed somebody meanwhile."""
        seen = self._faults
        async with self._turns:
            if self._faults != seen:
                raise StoreUnavailable("the store is unavailable: it failed who came before")
            try:
                yield
            except StoreUnavailable:
                self._faults += 1
                raise


def parts(items: Sequence[Item], size: int = TOGETHER) -> Iterator[Sequence[Item]]:
    """The items in their order, so many at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
