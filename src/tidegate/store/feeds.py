"""What goes through the gateway, for those who watch: short streams of batches, and the note of who watches at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from tidegate.store.faults import store_faults
from tidegate.store.keys import FEED_WATCHED, PortfolioKeys
from tidegate.store.scripts import StoreClient
from tidegate.store.standing_history import StandingEvent, read_event

#: Of one portfolio: batches of a minute of one node that has something to tell all the time.
_MOST_BATCHES: Final = 240
_BATCHES_KEPT_MS: Final = 60_000
#: Longer than whoever lost a connection takes to come back: nothing of what happens meanwhile is to be missed.
WATCHED_FOR_MS: Final = 30_000
_READ_AT_ONCE: Final = 500


class EntryId(NamedTuple):
    """The id of a stream's entry: ms by the store's own clock, and a number among those of that ms."""

    ms: int = 0
    seq: int = 0

    def __str__(self) -> str:
        return f"{self.ms}-{self.seq}"

    @classmethod
    def read(cls, text: str) -> EntryId:
        """What `str` gave. Raises ValueError."""
        ms, _, seq = text.partition("-")
        return cls(int(ms), int(seq))


class Told(NamedTuple):
    """One entry: a batch of the feed as it was written, or a change of standing."""

    entry: EntryId
    batch: bytes = b""
    change: StandingEvent | None = None


class Since(NamedTuple):
    """How far a portfolio's two streams were read."""

    feed: EntryId = EntryId()
    history: EntryId = EntryId()


class Feeds:
    """The live feeds of all portfolios of this store. Every method raises StoreUnavailable."""

    def __init__(self, client: StoreClient, portfolios: Iterable[str]) -> None:
        self._client = client
        self._keys = {portfolio: PortfolioKeys(portfolio) for portfolio in portfolios}

    async def watch(self, portfolios: Sequence[str], now_ms: int) -> None:
        """Have every node tell what happens in these portfolios, from within a second on, for `WATCHED_FOR_MS`."""
        until_ms = now_ms + WATCHED_FOR_MS
        with store_faults:
            await self._client.zadd(FEED_WATCHED, dict.fromkeys(portfolios, until_ms))
            await self._client.pexpire(FEED_WATCHED, WATCHED_FOR_MS)

    async def watched(self, now_ms: int) -> frozenset[str]:
        """The portfolios whose feed somebody watches, on whichever node."""
        with store_faults:
            found: Any = await self._client.zrangebyscore(FEED_WATCHED, f"({now_ms}", "+inf")
        return frozenset(name.decode() for name in found)

    async def tell(self, portfolio: str, batch: bytes) -> None:
        """Tell a batch to all who watch."""
        feed = self._keys[portfolio].feed
        with store_faults:
            await self._client.xadd(feed, {"batch": batch}, maxlen=_MOST_BATCHES, approximate=True)
            await self._client.pexpire(feed, _BATCHES_KEPT_MS)

    async def end(self, portfolio: str) -> Since:
        """How far the streams go now."""
        keys, ends = self._keys[portfolio], []
        with store_faults:
            for name in (keys.feed, keys.history):
                last: Any = await self._client.xrevrange(name, "+", "-", count=1)
                ends.append(_id(last[0][0]) if last else EntryId())
        return Since(*ends)

    async def read(self, portfolio: str, since: Since) -> tuple[list[Told], Since]:
        """What was told after `since`, the oldest first, and how far that goes; not all of it where that is much."""
        keys = self._keys[portfolio]
        with store_faults:
            found: Any = await self._client.xread(
                {keys.feed: str(since.feed), keys.history: str(since.history)}, count=_READ_AT_ONCE
            )
        told: list[Told] = []
        for name, entries in found:
            is_feed = bytes(name) == keys.feed.encode()
            told += [_batch(*entry) if is_feed else _change(*entry) for entry in entries]
            last = _id(entries[-1][0])
            since = since._replace(feed=last) if is_feed else since._replace(history=last)
        return sorted(told, key=lambda one: one.entry), since

    async def reaches_back_to(self, portfolio: str, entry: EntryId) -> bool:
        """Whether the feed still has what was told at that time, and so all that was told after it."""
        with store_faults:
            found: Any = await self._client.xrevrange(self._keys[portfolio].feed, str(entry), "-", count=1)
        return bool(found)


def _batch(entry_id: bytes, fields: dict[bytes, bytes]) -> Told:
    return Told(_id(entry_id), batch=fields[b"batch"])


def _change(entry_id: bytes, fields: dict[bytes, bytes]) -> Told:
    return Told(_id(entry_id), change=read_event(fields))


def _id(entry_id: bytes) -> EntryId:
    return EntryId.read(entry_id.decode())
