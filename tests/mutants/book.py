"""A book to tell short stories with: its clock stands where it is put, counted from the story's beginning."""

from __future__ import annotations

from typing import Any

from tests.factories import (
    DAY_MS,
    NOW_MS,
    NUMBER,
    PORTFOLIO,
    make_ask,
    make_inbound,
    make_ledger,
    make_outcome,
    make_seal,
    make_status,
    make_terms,
    user,
)
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.facts import Facts
from tidegate.store.keys import PortfolioKeys
from tidegate.store.ledger import Books, Settled
from tidegate.store.messages import Messages
from tidegate.store.scripts import StoreClient
from tidegate.store.send_queue import Claim, Lane, SendQueue, Waiting
from tidegate.store.statuses import Refreshed
from tidegate.store.users import Users

#: 345 ms into a second, so that Meta's whole seconds are never our milliseconds.
BEGIN_MS = NOW_MS + 345
FOREVER_MS = 400 * 86_400_000
LANE = Lane(NUMBER, Category.MARKETING)

ANN, BOB, CAT = user(0), user(1), user(2)
#: Shares a bucket of places with ANN.
DAN = user(3)
HOUR_MS = 3_600_000
LONG_MS = 31 * DAY_MS
#: What is the ask's own, and no term.
_ASKED = ("attempt", "number", "deadline_ms", "dry_run", "about", "body")


class Book:
    """Ledger, queue and messages of one portfolio on one store. Times are ms since the story began."""

    def __init__(self, client: StoreClient) -> None:
        self.client = client
        self.ledger = make_ledger(client)
        seal = make_seal()
        self.queue = SendQueue(client, [PORTFOLIO], seal)
        self.messages = Messages(client, [PORTFOLIO], seal)
        self.keys = PortfolioKeys(PORTFOLIO)
        self.at_ms = 0

    async def at(self, ms: int) -> None:
        self.at_ms = ms
        await self.client.set(self.keys.clock, f"@{BEGIN_MS + ms}")

    async def admit(self, message_id: str, recipient: bytes, **changes: Any) -> Facts:
        """Admit; `changes` are the terms', but for those that an ask has itself."""
        own = {
            name: changes.pop(name)
            for name in ("attempt", "number", "deadline_ms", "dry_run", "about", "body")
            if name in changes
        }
        return await self.ledger.admit(make_ask(message_id, recipient, terms=make_terms(**changes), **own))

    async def settle(self, message_id: str, state: Settled, *, release: bool = False, attempt: int = 1) -> bool:
        return await self.ledger.settle(make_outcome(message_id, state, release=release, attempt=attempt))

    async def status(self, message_id: str, word: str, at_ms: int, **changes: Any) -> Refreshed:
        """A status webhook that tells of the second of `at_ms`."""
        second = (BEGIN_MS + at_ms) // 1000 * 1000
        return await self.ledger.refresh(make_status(message_id, word, second, **changes))

    async def writes(self, recipient: bytes, at_ms: int) -> int | None:
        """The user writes; when the window ends, None when none is open."""
        ends_ms = await self.ledger.open_window(make_inbound(recipient, BEGIN_MS + at_ms))
        return ends_ms - BEGIN_MS if ends_ms else None

    async def prove(self, alias: bytes, recipient: bytes) -> bool:
        """Two names turn out to be one user's; whether a place came free by that."""
        users = Users(self.client, [PORTFOLIO], lambda: BEGIN_MS + self.at_ms, one_slot=False)
        known = await users.read(PORTFOLIO, alias)
        await users.point(PORTFOLIO, alias, known, recipient, BEGIN_MS)
        return await self.move(alias, recipient)

    async def move(self, alias: bytes, recipient: bytes) -> bool:
        """Only what is counted goes where the name leads."""
        return await self.ledger.move_user(PORTFOLIO, alias, recipient, [NUMBER])

    async def recipient(self, message_id: str) -> bytes:
        """The 16 bytes of a message's recipient."""
        found: Any = self.client.hget(self.keys.message(message_id), "recipient")
        return bytes(await found)

    async def queued_for(self) -> dict[bytes, list[str]]:
        """Whom the queue knows, with the ids of what is queued for each."""
        found: Any = self.client.hgetall(f"tidegate:{{{PORTFOLIO}}}:queued_for")
        return {who: text.decode().split() for who, text in (await found).items()}

    async def books(self) -> Books:
        return await self.ledger.books(PORTFOLIO)

    async def used(self) -> int:
        return (await self.books()).used

    async def stands(self, tally: str) -> int | None:
        """What is taken of an allowance; None when nothing is known of it."""
        found = await self.client.get(self.keys.tally(tally))
        return None if found is None else int(found)

    async def state(self, message_id: str) -> str | None:
        record = await self.messages.find(PORTFOLIO, message_id)
        return record.state.value if record else None

    async def enqueue(self, message_id: str, recipient: bytes, **changes: Any) -> bool:
        """Queue a message; times are ms since the story began."""
        values: dict[str, Any] = {
            "message_id": message_id,
            "attempt": None,
            "lane": LANE,
            "recipient": recipient,
            "due_at_ms": self.at_ms,
            "needs_place": False,
            "expires_at_ms": FOREVER_MS,
            "body": b"body",
            "about": b"{}",
            "reason": "messaging_limit",
            "until_ms": None,
            "cause": "a test",
        } | changes
        values["due_at_ms"] += BEGIN_MS
        values["expires_at_ms"] += BEGIN_MS
        return await self.queue.enqueue(PORTFOLIO, Waiting(**values))

    async def claim(self, most: int = 10, places: int = -1, *lanes: Lane, room: int = -1) -> Claim:
        in_all = dict.fromkeys(Category, room)
        return await self.queue.claim(PORTFOLIO, dict.fromkeys(lanes or (LANE,), (most, places)), in_all)

    async def claimed(self, most: int = 10, places: int = -1) -> list[tuple[str, int]]:
        return [(one.message_id, one.attempt) for one in (await self.claim(most, places)).messages]

    async def glance(self) -> tuple[int, bool, bool]:
        """The epoch, whether anything is queued, and whether anything has run out of time."""
        _, [seen] = await self.queue.glance([PORTFOLIO])
        return tuple(seen)

    async def reaped(self) -> list[tuple[str, str]]:
        reaped = (await self.queue.reap(PORTFOLIO)).messages
        return [(one.became, one.message_id) for one in reaped]
