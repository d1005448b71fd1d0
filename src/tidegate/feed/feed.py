"""The feed of one node: it tells what happens here while anybody watches anywhere, and reads for who watches here."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import orjson
import structlog

from tidegate.clock import StoreClock
from tidegate.errors import StoreUnavailable
from tidegate.feed import tellings
from tidegate.feed.event import EventId, FeedEvent, Kind
from tidegate.feed.notes import Notes, Word, read_batch
from tidegate.feed.subscription import Passes, Subscription
from tidegate.gateway import Answered, Gone, Message
from tidegate.policy.campaign.phase import Event as CampaignEvent
from tidegate.policy.campaign.run import Run
from tidegate.policy.campaign.spec import Campaign
from tidegate.policy.lifecycle import State
from tidegate.store.feeds import WATCHED_FOR_MS, Feeds, Since, Told

#: Readers of one node, and of one app on it.
MOST_READERS: Final = 128
MOST_READERS_OF_APP: Final = 32
#: How often what happened is told, and what was told is read; and how often a node asks whether anybody watches.
_TURN_S: Final = 0.25
_ASK_S: Final = 1.0
#: How many pages one who comes back is read at most.
_MOST_PAGES: Final = 4

#: Kinds of changes of standing that have an event of their own; the feed tells of campaigns' steps too, from elsewhere.
_KINDS: Final = {"breaker": Kind.BREAKER, "pause": Kind.PAUSE}
#: What becomes of a message when all goes well.
_PLAIN: Final = frozenset({State.SENT.value, State.DELIVERED.value, State.READ.value})

log = structlog.get_logger()


@dataclass(slots=True)
class _Channel:
    """One portfolio's readers here; `since`: how far it was read for them, None: it was not yet."""

    since: Since | None = None
    readers: set[Subscription] = field(default_factory=set)


class Feed:
    """Notes, tells and reads. What can't be told while the store is away is counted as left out."""

    def __init__(self, feeds: Feeds, clock: StoreClock, portfolios: Iterable[str]) -> None:
        self._feeds = feeds
        self._clock = clock
        #: Portfolios that somebody watches on whichever node; empty most of the time.
        self._watched: frozenset[str] = frozenset()
        self._notes = {portfolio: Notes() for portfolio in portfolios}
        self._channels: dict[str, _Channel] = {portfolio: _Channel() for portfolio in self._notes}
        self._joining: list[Subscription] = []
        self._readers: Counter[str] = Counter()
        self._alarm = asyncio.Event()
        self._ended = False
        self._is_away = False

    def decided(self, message: Message, answered: Answered) -> None:
        """A send was answered, or came out of the queue and was decided."""
        if not self._watched or message.route.portfolio not in self._watched or isinstance(answered, Gone):
            return
        verdict = answered.verdict
        is_plain = verdict == "send" and getattr(answered, "accepted", True)
        word = Word(Kind.DECISION, verdict, message.app, message.route.number)
        build = partial(tellings.decision, message, answered)
        self._note(message.route.portfolio, word, build, remarkable=not is_plain)

    def became(
        self, portfolio: str, message_id: str, state: str, about: Mapping[str, str], codes: Sequence[int] = ()
    ) -> None:
        """A message has another state; `about` is what was noted of it."""
        if not self._watched or portfolio not in self._watched:
            return
        word = Word(Kind.STATUS, state, about.get("app", ""), about.get("number", ""))
        build = partial(tellings.status, message_id, state, about, codes)
        self._note(portfolio, word, build, remarkable=state not in _PLAIN)

    def is_watched(self, portfolio: str) -> bool:
        """Whether anybody may read of what happens in this portfolio."""
        return portfolio in self._watched

    def heard(self, portfolio: str, message_id: str, state: str, noted: bytes, codes: Sequence[int] = ()) -> None:
        """A status gave a message another state; `noted` is the JSON of what was noted of it."""
        if portfolio in self._watched:
            self.became(portfolio, message_id, state, orjson.loads(noted), codes)

    def moved(self, campaign: Campaign, run: Run, event: CampaignEvent, by: str) -> None:
        """A campaign has moved."""
        if campaign.portfolio not in self._watched:
            return
        word = Word(Kind.CAMPAIGN, run.phase.value, campaign.app, "")
        build = partial(tellings.campaign, campaign, run, event, by)
        self._note(campaign.portfolio, word, build, remarkable=True)

    def _note(self, portfolio: str, word: Word, build: partial[dict[str, object]], *, remarkable: bool) -> None:
        self._notes[portfolio].note(word, self._clock.now_ms(), build, remarkable=remarkable)

    def subscribe(
        self, portfolios: Sequence[str], passes: Passes, *, whose: str, after: str | None = None
    ) -> Subscription | None:
        """A reader of what happens in these portfolios from now on, as far as it `passes`; None: there are too many.

        `whose`: the app that reads. `after`: id of the last event that it had before, to go on from there: what is too
        long ago for that is told as a gap.
        """
        if self._ended or self._readers.total() >= MOST_READERS or self._readers[whose] >= MOST_READERS_OF_APP:
            return None
        self._readers[whose] += 1
        reader = Subscription(portfolios, passes, whose, EventId.read(after or ""), self._clock.now_ms, self._left)
        self._joining.append(reader)
        self._alarm.set()
        return reader

    def _left(self, reader: Subscription) -> None:
        if reader in self._joining:
            self._joining.remove(reader)
        for portfolio in reader.portfolios:
            self._channels[portfolio].readers.discard(reader)
        self._readers[reader.whose] -= 1

    async def run(self) -> None:
        """Tell and read until cancelled; then every reader's feed ends."""
        ask_at_ms = renew_at_ms = float("-inf")
        self._ended = False
        try:
            while True:
                now_ms = self._clock.monotonic_ms()
                self._alarm.clear()
                try:
                    if self._joining or (now_ms >= renew_at_ms and self._readers.total()):
                        await self._renew()
                        renew_at_ms = now_ms + WATCHED_FOR_MS / 4
                    if now_ms >= ask_at_ms:
                        self._watched = await self._feeds.watched(self._clock.now_ms())
                        ask_at_ms = now_ms + _ASK_S * 1_000
                    await self._tell()
                    await self._join()
                    await self._read()
                    self._is_away = False
                except StoreUnavailable as fault:
                    self._put_off(fault)
                await self._sleep(_TURN_S if self._watched or self._readers.total() else _ASK_S)
        finally:
            self._ended = True
            for reader in self._all_readers():
                reader.end()

    def _all_readers(self) -> set[Subscription]:
        return set(self._joining).union(*(channel.readers for channel in self._channels.values()))

    async def _renew(self) -> None:
        watched = {portfolio for reader in self._all_readers() for portfolio in reader.portfolios}
        if watched:
            await self._feeds.watch(sorted(watched), self._clock.now_ms())
            self._watched |= watched

    async def _tell(self) -> None:
        for portfolio, notes in self._notes.items():
            if not notes:
                continue
            self._notes[portfolio] = after = Notes()
            try:
                await self._feeds.tell(portfolio, notes.batch(self._clock.now_ms()))
            except StoreUnavailable:
                after.leave_out(notes)
                raise

    async def _join(self) -> None:
        while self._joining:
            reader = self._joining[0]
            for portfolio in reader.portfolios:
                channel = self._channels[portfolio]
                if channel.since is None or not channel.readers:
                    channel.since = await self._feeds.end(portfolio)
            await self._catch_up(reader)
            # It may have left meanwhile.
            if reader in self._joining:
                self._joining.remove(reader)
                for portfolio in reader.portfolios:
                    self._channels[portfolio].readers.add(reader)
                reader.join()

    async def _catch_up(self, reader: Subscription) -> None:
        """Have it told what it missed since the last event that it had, up to where its channels are."""
        after, missed = reader.after, list[FeedEvent]()
        if after is None:
            return
        for portfolio in reader.portfolios:
            until = self._channels[portfolio].since or Since()
            if not await self._feeds.reaches_back_to(portfolio, after.entry):
                reader.miss()
            since = Since(after.before, after.before)
            for _ in range(_MOST_PAGES):
                told, since = await self._feeds.read(portfolio, since)
                missed += [event for one in told if _is_within(one, until) for event in _events(portfolio, one)]
                if not told or (since.feed >= until.feed and since.history >= until.history):
                    break
            else:
                reader.miss()
        for event in sorted(missed, key=lambda event: event.id or EventId()):
            if event.id is not None and event.id > after:
                reader.offer(event)

    async def _read(self) -> None:
        events: list[FeedEvent] = []
        try:
            for portfolio, channel in self._channels.items():
                if channel.readers and channel.since is not None:
                    told, channel.since = await self._feeds.read(portfolio, channel.since)
                    events += [event for one in told for event in _events(portfolio, one)]
        finally:
            # What was read is not read again, whatever became of the other portfolios.
            for event in sorted(events, key=lambda event: event.id or EventId()):
                for reader in self._channels[event.portfolio].readers:
                    reader.offer(event)

    def _put_off(self, fault: StoreUnavailable) -> None:
        if not self._is_away:
            self._is_away = True
            log.warning("feed_put_off", fault=str(fault))

    async def _sleep(self, wait_s: float) -> None:
        try:
            async with asyncio.timeout(wait_s):
                await self._alarm.wait()
        except TimeoutError:
            return


def _is_within(told: Told, until: Since) -> bool:
    return told.entry <= (until.feed if told.change is None else until.history)


def _events(portfolio: str, told: Told) -> list[FeedEvent]:
    change = told.change
    if change is None:
        return [
            FeedEvent.of(EventId(told.entry, index), kind, portfolio, at_ms, data)
            for index, (kind, at_ms, data) in enumerate(read_batch(told.batch))
        ]
    if change.kind == "campaign":
        return []
    kind = _KINDS.get(change.kind, Kind.STANDING)
    return [FeedEvent.of(EventId(told.entry), kind, portfolio, change.at_ms, tellings.change(change))]
