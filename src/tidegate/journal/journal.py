"""One node's journal: always in memory, on disk where it was given a folder: then before the first byte of a send."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from operator import attrgetter
from typing import Final

import structlog

from tidegate.journal.files import JournalUnwritable, Slot
from tidegate.journal.memory import FATES, KEPT_MS, Entry, Intent, Memory, Past, intent_entry, word_entry
from tidegate.policy.users import Word
from tidegate.tasks import spawn

_MOST_BYTES: Final = 64 * 1024 * 1024
_MOST_MS: Final = 3_600_000
_TIDY_EVERY_MS: Final = 60_000
_PORTFOLIO: Final = attrgetter("portfolio")

log = structlog.get_logger()


class Journal:
    """Remembers what this node wrote into the store. One file write and one sync serve all sends of the moment."""

    def __init__(self, slot: Slot | None = None) -> None:
        """`slot`: its folder, whose entries are remembered first; None: it remembers as long as the process lives."""
        self.node = slot.name if slot is not None else f"memory-{secrets.token_hex(8)}"
        self._slot = slot
        self._memory = Memory()
        #: Gives what is remembered of a portfolio.
        self.of: Final[Callable[[str], Past]] = self._memory.of
        self._waiting: list[asyncio.Future[None]] = []
        self._syncing: asyncio.Task[None] | None = None
        self._tidied_ms = 0
        self._is_open = False
        for entry in slot.entries() if slot is not None else ():
            with contextlib.suppress(KeyError, ValueError, TypeError, IndexError, AttributeError):
                # A newer version's: its nodes understand it.
                self._memory.apply(entry)

    def begin(self, now_ms: int) -> None:
        """Be ready to be written to, at the store's time. Raises JournalUnwritable."""
        if self._slot is not None and not self._is_open:
            self._slot.begin(now_ms, self._memory.lasting_entries())
        self._is_open = True

    @property
    def is_durable(self) -> bool:
        """Whether it outlives the process."""
        return self._slot is not None

    def remember(self, intents: Iterable[Intent], now_ms: int) -> None:
        """Remember admitted sends, in the memory alone: all that there is to do where it is not durable."""
        for portfolio, some in groupby(intents, _PORTFOLIO):
            self.of(portfolio).remember(some)
        if now_ms - self._tidied_ms >= _TIDY_EVERY_MS:
            self._tidy(now_ms)

    async def intend(self, intents: Iterable[Intent], now_ms: int) -> None:
        """Remember admitted sends; on return they are on disk, if anything is. Raises JournalUnwritable."""
        for intent in intents:
            self.of(intent.portfolio).remember([intent])
            if self._slot is not None:
                self._slot.append(_entries(intent))
        if now_ms - self._tidied_ms >= _TIDY_EVERY_MS:
            self._tidy(now_ms)
        if self._slot is not None:
            await self._synced()

    def ended(self, portfolio: str, message_id: str, attempt: int, state: str, wamid: str) -> None:
        """How a send's POST ended: accepted, unknown, or failed, which is proven unsent."""
        intent = self.of(portfolio).intents.get(message_id)
        if intent is not None and intent.attempt == attempt:
            self.end(intent, state, wamid)

    def end(self, intent: Intent, state: str, wamid: str) -> None:
        """The same of a send that is remembered: as long as this process lives its `wamid` may be told it later."""
        if wamid in ("", intent.wamid) and (intent.state == state or intent.state in FATES):
            return
        self.of(intent.portfolio).end(intent, state, wamid)
        if self._slot is not None:
            self._append(["ended", intent.portfolio, intent.message_id, intent.attempt, state, wamid])

    def requeued(self, portfolio: str, message_id: str) -> None:
        """A send was proven unsent and is queued again: the store knows all of it."""
        if message_id in self.of(portfolio).intents:
            self._note(["requeued", portfolio, message_id])

    def written(self, portfolio: str, message_id: str) -> None:
        """A send that went while the store was away is in the books now."""
        self._note(["written", portfolio, message_id])

    def freed(self, portfolio: str, message_id: str) -> None:
        """A send that Meta took did not reach its user, and counts for nothing."""
        intent = self.of(portfolio).intents.get(message_id)
        if intent is not None and not intent.delivered_at_ms and intent.state != "failed":
            self._note(["ended", portfolio, message_id, intent.attempt, "failed", ""])

    def delivered(self, portfolio: str, message_id: str, at_ms: int) -> None:
        """A send was delivered, at Meta's time: the first that is told of it counts."""
        intent = self.of(portfolio).intents.get(message_id)
        if intent is None or intent.delivered_at_ms:
            return
        if self._slot is None:
            intent.state, intent.delivered_at_ms = "delivered", at_ms
        else:
            self._note(["delivered", portfolio, message_id, at_ms])

    def window(self, portfolio: str, number: str, recipient: bytes, at_ms: int) -> None:
        """A user wrote to a number."""
        self._note(["window", portfolio, number, recipient.hex(), at_ms])

    def words(self, portfolio: str, recipient: bytes, words: Mapping[str, Word]) -> None:
        """All that a user has said of categories and that is still known."""
        if self.of(portfolio).words.get(recipient, {}) != words:
            self._note(word_entry(portfolio, recipient, words))

    def begun(self, portfolio: str, era: str, nodes: Mapping[str, int]) -> None:
        """The books that are written into from now on, and who does so, this node too."""
        past = self.of(portfolio)
        if past.era != era:
            self._note(["era", portfolio, era])
        for node, heard_ms in nodes.items():
            if heard_ms > past.nodes.get(node, 0) + _TIDY_EVERY_MS:
                self._note(["node", portfolio, node, heard_ms])

    async def close(self) -> None:
        """Write what is left, and give the folder up."""
        if self._syncing is not None:
            await asyncio.wait([self._syncing])
        if self._slot is not None:
            self._slot.leave()
            self._slot = None

    def _note(self, entry: Entry) -> None:
        self._memory.apply(entry)
        if self._slot is not None:
            self._append(entry)

    def _append(self, entry: Entry) -> None:
        assert self._slot is not None
        try:
            self._slot.append([entry])
        except JournalUnwritable as fault:
            # Without it the books would be rebuilt more carefully than they have to be; no send rests on it.
            log.warning("journal_incomplete", fault=str(fault), kind=entry[0])

    async def _synced(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        if self._syncing is None:
            self._syncing = spawn(self._sync(), "journal")
        await waiter

    async def _sync(self) -> None:
        assert self._slot is not None
        try:
            while self._waiting:
                waiting, self._waiting = self._waiting, []
                try:
                    await asyncio.get_running_loop().run_in_executor(None, self._slot.sync)
                except BaseException as error:
                    _tell(
                        waiting, error if isinstance(error, Exception) else JournalUnwritable("the journal was ended")
                    )
                    if not isinstance(error, Exception):
                        raise
                else:
                    _tell(waiting, None)
        finally:
            self._syncing = None

    def _tidy(self, now_ms: int) -> None:
        self._tidied_ms = now_ms
        self._memory.forget_before(now_ms - KEPT_MS)
        if self._slot is not None and self._syncing is None and self._slot.is_full(now_ms, _MOST_BYTES, _MOST_MS):
            self._slot.begin(now_ms, self._memory.lasting_entries())


def _entries(intent: Intent) -> list[Entry]:
    entries = [intent_entry(intent)]
    # Of one that is learned of late its end may be known already.
    if intent.state != "sending":
        entries.append(["ended", intent.portfolio, intent.message_id, intent.attempt, intent.state, intent.wamid])
    return entries


def _tell(waiting: list[asyncio.Future[None]], error: Exception | None) -> None:
    for waiter in waiting:
        if waiter.done():
            continue
        if error is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(error)
