"""The send queue: durable lanes by number and category, deadlines, leases with a fence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

import orjson
from msgspec import Struct

from tidegate.cloudapi.vocabulary import Category
from tidegate.journal import Journal
from tidegate.store import message_record
from tidegate.store.asks import OUTCOME_MS
from tidegate.store.batch import Shards
from tidegate.store.faults import store_faults
from tidegate.store.keys import PortfolioKeys
from tidegate.store.ledger import LATE_MS, UNRESOLVED_MS
from tidegate.store.scripts import StoreClient, script
from tidegate.store.sealing import Seal, body_name
from tidegate.store.statuses import REMEMBER_MS

#: A claim that its node has not carried to the intent by then is another node's.
LEASE_MS: Final = 30_000
#: Messages of each kind that run out of time, and places that come free, in one call: 3 ms of the store's time.
_REAPED_AT_ONCE: Final = 50
_FREED_AT_ONCE: Final = 500
#: Held messages that one call looks at, twice as many as a node claims at once: some 5 ms of the store's time.
_ROUSED_AT_ONCE: Final = 512
#: A glance at so many portfolios holds the store for well under a millisecond.
_GLANCED_AT_ONCE: Final = 64
_NO_BOUND: Final[Mapping[Category, int]] = MappingProxyType({})


class Lane(NamedTuple):
    """Where a queued message stands in line: a number's messages of one category."""

    number: str
    category: Category

    def __str__(self) -> str:
        return f"{self.number}:{self.category.value}"

    @classmethod
    def read(cls, text: str) -> Lane:
        number, _, category = text.partition(":")
        return cls(number, Category(category))


class Waiting(Struct, frozen=True, gc=False):
    """A message to be queued. `attempt` is None for a new one, else the attempt that gives it back.

    `epoch`: of the standing by which it may not go, None where it is none. Under another one it is due at once.
    """

    message_id: str
    attempt: int | None
    lane: Lane
    recipient: bytes
    due_at_ms: int
    needs_place: bool
    expires_at_ms: int
    body: bytes
    about: bytes
    reason: str
    until_ms: int | None
    cause: str
    epoch: int | None = None


class Claimed(Struct, frozen=True, gc=False):
    """A message leased to this node; `attempt` is its fence."""

    message_id: str
    attempt: int
    lane: Lane
    sealed: bytes
    about: bytes
    expires_at_ms: int


@dataclass(frozen=True, slots=True)
class Claim:
    """What `claim` gave at `now_ms`, and when something will be due next (None: nothing is queued for a time).

    `epoch`: of the standing in force, so that whoever claims nothing learns of changes too.
    """

    now_ms: int
    epoch: int
    wake_at_ms: int | None
    messages: tuple[Claimed, ...]


class Glance(NamedTuple):
    """A portfolio's queue from afar: the epoch of its standing, and whether there is anything to claim, or to reap."""

    epoch: int
    is_queued: bool
    is_overdue: bool


class Reaped(NamedTuple):
    """A message that ran out of time: it `became` expired, unknown, requeued, unresolved or tried_again."""

    became: str
    message_id: str
    about: bytes


class Reaping(NamedTuple):
    """What `reap` came to, by the store's time; and whether more may be left to it."""

    now_ms: int
    is_more: bool
    messages: list[Reaped]


class Ahead(NamedTuple):
    """How much of a lane comes `soon`, and how much it holds in `all`."""

    soon: int
    all: int


@dataclass(frozen=True, slots=True)
class LaneState:
    """One lane at a glance. Times in ms; None where nothing waits."""

    lane: Lane
    due: int
    waiting_for_place: int
    oldest_at_ms: int | None
    next_at_ms: int | None
    reason: str | None
    until_ms: int | None


class SendQueue:
    """The queues of all portfolios of this store. Every method raises StoreUnavailable."""

    def __init__(
        self,
        client: StoreClient,
        portfolios: Sequence[str],
        seal: Seal,
        journal: Journal | None = None,
        *,
        one_slot: bool = True,
    ) -> None:
        """`journal`: where a send that comes back from its attempt is no longer remembered.

        `one_slot`: a call may not span portfolios (a cluster).
        """
        self._client = client
        self._journal = journal or Journal()
        self._keys = {portfolio: PortfolioKeys(portfolio) for portfolio in portfolios}
        self._seal = seal
        self._enqueues = Shards(self._enqueue, one_slot)
        at_once = 1 if one_slot else _GLANCED_AT_ONCE
        #: The portfolios that one glance takes in.
        self.groups = [portfolios[i : i + at_once] for i in range(0, len(portfolios), at_once)]

    async def enqueue(self, portfolio: str, waiting: Waiting) -> bool:
        """Keep a message; False when it was kept before, or is no longer this attempt's."""
        name = _body_name(waiting.message_id, waiting.lane, waiting.about)
        sealed = self._seal.close(name, waiting.body, waiting.expires_at_ms)
        kept = await self._enqueues[portfolio].put((portfolio, waiting, sealed))
        if waiting.attempt is not None:
            # A new one whose id is known here was queued before: what became of it is not to be forgotten.
            self._journal.requeued(portfolio, waiting.message_id)
        return kept

    async def _enqueue(self, items: list[tuple[str, Waiting, bytes]]) -> list[bool]:
        blocks: dict[str, int] = {}
        keys: list[str | bytes] = []
        args: list[str | bytes | int] = [REMEMBER_MS]
        for portfolio, waiting, sealed in items:
            if portfolio not in blocks:
                blocks[portfolio] = len(blocks)
                keys += self._keys[portfolio].all
            args += (
                blocks[portfolio],
                waiting.message_id,
                "" if waiting.attempt is None else waiting.attempt,
                str(waiting.lane),
                waiting.recipient,
                waiting.due_at_ms,
                int(waiting.needs_place),
                waiting.expires_at_ms,
                sealed,
                waiting.about,
                waiting.reason,
                "" if waiting.until_ms is None else waiting.until_ms,
                waiting.cause,
                "" if waiting.epoch is None else waiting.epoch,
            )
        answer = await script("enqueue").repeatable(self._client, keys, args)
        return [kept == 1 for kept in answer[1:]]

    async def glance(self, group: Sequence[str]) -> tuple[int, list[Glance]]:
        """Look at one of the `groups` from afar, in one call; the store's time, and what there is of each."""
        keys = [key for portfolio in group for key in self._keys[portfolio].all]
        answer = await script("glance")(self._client, keys, [OUTCOME_MS])
        return answer[0], [Glance(answer[i], answer[i + 1] == 1, answer[i + 2] == 1) for i in range(1, len(answer), 3)]

    async def claim(
        self, portfolio: str, lanes: Mapping[Lane, tuple[int, int]], room: Mapping[Category, int] = _NO_BOUND
    ) -> Claim:
        """Lease what is due. `lanes`, in order of priority: most messages to claim, places its category may fill.

        `room`: most to claim in all, counted when a lane of the category has its turn.
        """
        args: list[str | bytes | int] = [LEASE_MS]
        for (number, category), (most, places) in lanes.items():
            args += (f"{number}:{category.value}", most, places, room.get(category, -1))
        answer = await script("claim")(self._client, self._keys[portfolio].all, args)
        asked, claimed = list(lanes), []
        for i in range(3, len(answer), 6):
            message_id, attempt, lane, sealed, about, expires_at_ms = answer[i : i + 6]
            claimed.append(Claimed(message_id.decode(), attempt, asked[lane], sealed, about, int(expires_at_ms)))
        return Claim(answer[0], answer[1], answer[2] or None, tuple(claimed))

    async def peek(self, portfolio: str, message_id: str) -> Claimed | None:
        """A queued message as a claim would give it, and not claimed; None when it is not queued."""
        with store_faults:
            record = await message_record.read(self._client, self._keys[portfolio].message(message_id))
        sealed = record.get(b"body")
        if record.get(b"state") != b"queued" or not sealed:
            return None
        attempt, lane = int(record.get(b"attempt", 0)), Lane.read(record[b"lane"].decode())
        return Claimed(message_id, attempt, lane, sealed, record[b"about"], int(record[b"expires"]))

    async def open(self, claimed: Claimed, app: str) -> bytes:
        """The body of a claimed message of this app. Raises BrokenSeal."""
        return await self._seal.open(body_name(claimed.message_id, claimed.lane.number, app), claimed.sealed)

    async def reap(self, portfolio: str) -> Reaping:
        """End what ran out of time, no more of it than the store has done in a moment."""
        args = [_REAPED_AT_ONCE, UNRESOLVED_MS, OUTCOME_MS, _FREED_AT_ONCE]
        answer = await script("reap")(self._client, self._keys[portfolio].all, args)
        reaped = [Reaped(answer[i].decode(), answer[i + 1].decode(), answer[i + 2]) for i in range(2, len(answer), 3)]
        return Reaping(answer[0], answer[1] == 1, reaped)

    async def end(
        self,
        portfolio: str,
        message_id: str,
        state: str,
        cause: str,
        reason: str = "",
        *,
        forestall: bool = False,
        is_told: bool = False,
    ) -> str:
        """Take a message out of the queue for good; the state it had: "queued" means that it ended now, "" none.

        "unknown" of one that was in line for a further try: that is taken back, the first may have been taken.
        `forestall`: one that is not there may yet be queued, by a call that was given up on; it will find it ended.
        `is_told`: its app knows already.
        """
        args = [message_id, state, cause, reason, LATE_MS if forestall else 0, 0 if is_told else 1]
        answer = await script("cancel")(self._client, self._keys[portfolio].all, args)
        return bytes(answer).decode()

    async def rouse(self, portfolio: str, lanes: Sequence[Lane], reasons: Sequence[str]) -> int:
        """Make due what is held for one of these reasons; how many that were."""
        roused, stays, left = 0, b"", [str(lane) for lane in lanes]
        while left:
            args: list[str | bytes | int] = [_ROUSED_AT_ONCE, f" {' '.join(reasons)} ", stays, *left]
            more, done, stays = await script("rouse")(self._client, self._keys[portfolio].all, args)
            roused, left = roused + more, left[done:]
        return roused

    async def ahead(self, portfolio: str, lanes: Sequence[Lane], within_ms: int) -> list[Ahead]:
        """Of each lane how many messages wait for a place or are due within this span, and how many it holds."""
        args: list[str | bytes | int] = [within_ms, *map(str, lanes)]
        counts = await script("ahead").repeatable(self._client, self._keys[portfolio].all, args)
        return [Ahead(*pair) for pair in zip(counts[::2], counts[1::2], strict=True)]

    async def lanes(self, portfolio: str, lanes: Sequence[Lane]) -> list[LaneState]:
        """What waits in each lane."""
        answer = await script("queue")(self._client, self._keys[portfolio].all, [str(lane) for lane in lanes])
        states = []
        for lane, i in zip(lanes, range(1, len(answer), 6), strict=True):
            due, waiting, oldest, next_at, reason, until = answer[i : i + 6]
            until_ms = int(until) if until else None
            text = reason.decode() or None
            states.append(LaneState(lane, due, waiting, oldest or None, next_at or None, text, until_ms))
        return states


def _body_name(message_id: str, lane: Lane, about: bytes) -> str:
    return body_name(message_id, lane.number, orjson.loads(about).get("app", ""))
