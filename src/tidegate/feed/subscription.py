"""One reader of the feed: what waits for it, and how much it missed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, Self

from tidegate.feed.event import EventId, FeedEvent, Kind

#: A reader for whom so many wait gets no more until it has taken them.
MOST_WAITING: Final = 1_000

#: Whether a reader is told of an event.
Passes = Callable[[FeedEvent], bool]


class Subscription:
    """One reader; it is left by leaving its `with` block."""

    def __init__(
        self,
        portfolios: Sequence[str],
        passes: Passes,
        whose: str,
        after: EventId | None,
        now_ms: Callable[[], int],
        leave: Callable[[Subscription], None],
    ) -> None:
        self.portfolios: Final = tuple(portfolios)
        self.whose: Final = whose
        self.after: Final = after
        #: Whether there will be no more: the node stops.
        self.ended = False
        self._passes = passes
        self._now_ms = now_ms
        self._leave = leave
        self._waiting: list[FeedEvent] = []
        self._missed: int | None = 0
        self._news = asyncio.Event()
        self._joined = asyncio.Event()

    def join(self) -> None:
        """What happens from now on is told."""
        self._joined.set()

    async def joined(self, within_s: float) -> None:
        """Return when what happens from then on is told, or after so many seconds: the store may be away."""
        try:
            async with asyncio.timeout(within_s):
                await self._joined.wait()
        except TimeoutError:
            self.miss()

    def offer(self, event: FeedEvent) -> None:
        """Have it told, if it is for this reader."""
        if not self._passes(event):
            return
        if len(self._waiting) >= MOST_WAITING:
            self._missed = None if self._missed is None else self._missed + 1
            return
        self._waiting.append(event)
        self._news.set()

    def miss(self) -> None:
        """Something may have been missed, and nobody knows how much."""
        self._missed = None
        self._news.set()

    def end(self) -> None:
        """Nothing more will come."""
        self.ended = True
        self._joined.set()
        self._news.set()

    async def next(self, within_s: float) -> list[FeedEvent]:
        """What has come, the oldest first; nothing when nothing came within so many seconds, or when it has ended.

        A gap stands where events are missing.
        """
        if not self.ended:
            try:
                async with asyncio.timeout(within_s):
                    await self._news.wait()
            except TimeoutError:
                return []
        self._news.clear()
        taken, missed, self._waiting, self._missed = self._waiting, self._missed, [], 0
        if missed != 0:
            gap = FeedEvent.of(None, Kind.GAP, "", self._now_ms(), {"missed": missed})
            # Whoever comes back has missed what was before; whoever is slow, what came after.
            taken = [gap, *taken] if missed is None else [*taken, gap]
        return taken

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._leave(self)
