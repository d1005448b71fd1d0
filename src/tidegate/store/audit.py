"""The audit: who did what, when and why; a chain of entries for each portfolio, to which is only ever added.

The store's scripts have no SHA-256, so an entry is hashed here and added by compare-and-set. Therefore an act of an
operator's is written down before it is carried out: what can't be audited is not done. What changes by rule (limits,
breakers) is in the store's history in the same step as the change, and is taken over from there.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

import orjson

from tidegate.errors import StoreUnavailable
from tidegate.logs import mask_text
from tidegate.policy.audit import GENESIS, Act, Actor, Deed, canonical, link
from tidegate.store.faults import store_faults
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient, script
from tidegate.store.standing_history import StandingEvent, read_event

GATEWAY: Final = "*"
"""The place of what concerns no single portfolio. No portfolio can have this name."""

#: Whoever loses so many races in a row gives up.
_RACES: Final = 50
_PAGE: Final = 500
_NOT_KNOWN: Final = -1
#: What is taken over from the history: the other kinds have no operator or rule behind them, or are audited as acts.
_FOLLOWED: Final = {"limit": Act.LIMIT_CHANGE, "breaker": Act.BREAKER_CHANGE}


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it stands in a chain: `words` are its own (see `policy.audit.Deed.words`)."""

    words: dict[str, Any]
    prev: str
    hash: str

    @property
    def seq(self) -> int:
        """Its number; the first entry's is 1."""
        return int(self.words["seq"])


class Head(NamedTuple):
    """The end of a chain: number, hash and time (ms) of its last entry, as a node knows it."""

    seq: int = _NOT_KNOWN
    hash: str = GENESIS
    at_ms: int = 0


@dataclass(slots=True)
class _Chain:
    head: Head
    followed: str = ""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: list[Deed] = field(default_factory=list)


class Audit:
    """Writes and reads the chains. Every method that is awaited raises StoreUnavailable."""

    def __init__(self, client: StoreClient, portfolios: Iterable[str], now_ms: Callable[[], int], keep_ms: int) -> None:
        """`now_ms`: the store's time. `keep_ms`: for how long an entry is kept."""
        self._client = client
        self._now_ms = now_ms
        self._keep_ms = keep_ms
        self._chains = {place: _Chain(Head()) for place in (*portfolios, GATEWAY)}
        self._keys = {place: PortfolioKeys(place) for place in self._chains}

    @property
    def places(self) -> tuple[str, ...]:
        """Of every chain: the portfolios, and `GATEWAY`."""
        return tuple(self._chains)

    @property
    def kept_ms(self) -> int:
        """For how long an entry is kept."""
        return self._keep_ms

    async def write(self, place: str, deed: Deed) -> None:
        """Write down what is about to be done. Whoever gets StoreUnavailable must not do it.

        Deeds of the same moment share a trip.
        """
        chain = self._chains[place]
        chain.waiting.append(deed)
        try:
            async with chain.lock:
                if not any(waiting is deed for waiting in chain.waiting):
                    return  # whoever was first took it along
                taken, chain.waiting = chain.waiting, []
                try:
                    await self._append(place, taken)
                except BaseException:
                    # The others try for themselves.
                    chain.waiting = taken + chain.waiting
                    raise
        finally:
            chain.waiting = [waiting for waiting in chain.waiting if waiting is not deed]

    async def page(self, place: str, *, after: int, most: int) -> list[Entry]:
        """Entries with a number above `after`, the oldest first."""
        return await self._read("xrange", place, f"{after + 1}-0", "+", most)

    async def page_back(self, place: str, *, before: int | None, most: int) -> list[Entry]:
        """Entries with a number below `before` (None: from the last one on), the newest first."""
        if before is not None and before <= 1:
            return []
        return await self._read("xrevrange", place, "+" if before is None else f"{before - 1}-0", "-", most)

    async def head(self, place: str) -> Head:
        """The last entry as it stands now; number 0 when there is none."""
        chain = self._chains[place]
        async with chain.lock:
            await self._ask(place)
            return chain.head

    async def follow(self, portfolio: str) -> int:
        """Take over what the history has that the audit has not; how many entries that made.

        In one step with the note of how far it is: so no change is left out, and none is taken over twice, whoever does
        it at the same time.
        """
        made = 0
        chain, keys = self._chains[portfolio], self._keys[portfolio]
        async with chain.lock:
            for _ in range(_RACES):
                await self._ask(portfolio)
                start = f"({chain.followed}" if chain.followed else "-"
                with store_faults:
                    found: Any = await self._client.xrange(keys.history, start, "+", count=_PAGE)
                if not found:
                    return made
                events = [read_event(fields) for _, fields in found]
                deeds = [_followed(event) for event in events if event.kind in _FOLLOWED]
                if await self._add(portfolio, deeds, found[-1][0].decode()):
                    made += len(deeds)
        return made

    async def _append(self, place: str, deeds: Sequence[Deed]) -> None:
        for _ in range(_RACES):
            if self._chains[place].head.seq == _NOT_KNOWN:
                await self._ask(place)
            if await self._add(place, deeds, ""):
                return
        raise StoreUnavailable("the audit grows faster than it can be written")

    async def _ask(self, place: str) -> None:
        self._learn(place, await self._call(place, [_NOT_KNOWN, self._keep_ms, "", ""]))

    async def _add(self, place: str, deeds: Sequence[Deed], followed: str) -> bool:
        chain = self._chains[place]
        args: list[str | bytes | int] = [chain.head.seq, self._keep_ms, followed, chain.followed]
        seq, prev, at_ms = chain.head
        for deed in deeds:
            # Never before the entry that it follows, whatever the store's clock did.
            seq, at_ms = seq + 1, max(at_ms, self._now_ms())
            masked = replace(deed, reason=mask_text(deed.reason))
            text = canonical(masked.words(place, seq, at_ms, secrets.token_hex(8)))
            args += (at_ms, text, prev, link(prev, text))
            prev = str(args[-1])
        try:
            answer = await self._call(place, args)
        except BaseException:
            # They may stand there or not, also when whoever waited for it was cancelled: the next one asks.
            chain.head = Head()
            raise
        self._learn(place, answer)
        return bool(answer[0] == 1)

    async def _call(self, place: str, args: list[str | bytes | int]) -> Any:
        keys = self._keys[place]
        return await script("append_audit").repeatable(self._client, [keys.clock, keys.audit, keys.audited], args)

    def _learn(self, place: str, answer: Any) -> None:
        _, seq, hash_, at_ms, followed = answer
        chain = self._chains[place]
        chain.head = Head(seq, hash_.decode() or GENESIS, at_ms)
        chain.followed = followed.decode()

    async def _read(self, verb: str, place: str, first: str, last: str, most: int) -> list[Entry]:
        read: Callable[..., Any] = getattr(self._client, verb)
        with store_faults:
            found = await read(self._keys[place].audit, first, last, count=most)
        return [
            Entry(orjson.loads(fields[b"entry"]), fields[b"prev"].decode(), fields[b"hash"].decode())
            for _, fields in found
        ]


def _followed(event: StandingEvent) -> Deed:
    target = {event.kind: event.key} if event.key else {}
    detail = {"from": event.before, "to": event.after, "source": event.source, "at_ms": event.at_ms}
    return Deed(_FOLLOWED[event.kind], Actor(event.source), target, event.cause, detail)
