"""A webhook's delivery applied, event by event: the facts it tells, and what follows from them."""

from __future__ import annotations

import asyncio
import traceback
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

import structlog

from tidegate.clock import StoreClock
from tidegate.cloudapi.events import (
    Event,
    IdentityChange,
    InboundMessage,
    StatusUpdate,
    UserIdUpdate,
    UserPreference,
)
from tidegate.cloudapi.user_events import WHEN_RECEIVED_MS
from tidegate.cloudapi.webhooks import envelope_parts
from tidegate.enforcement import Enforcement
from tidegate.errors import StoreUnavailable
from tidegate.metrics import Metrics
from tidegate.policy.campaign.part import Part
from tidegate.policy.consequences.readers import signals_of
from tidegate.policy.identity import Identity
from tidegate.policy.lifecycle import State
from tidegate.policy.reach import Subject
from tidegate.policy.standing import Change
from tidegate.policy.standing_news import changes_of
from tidegate.signals.easings import Easings
from tidegate.signals.following import Following, OnStatus
from tidegate.signals.gate import Gate, parts
from tidegate.signals.personal import Personal
from tidegate.signals.sharing import Ended, Sharing, Told
from tidegate.signals.status_kinds import Kinds
from tidegate.signals.statuses import Statuses
from tidegate.signals.whose import Whose
from tidegate.store.aliases import Aliases
from tidegate.store.books import Books
from tidegate.store.ledger import Ledger
from tidegate.store.messages import Messages
from tidegate.store.outcomes import Outcomes
from tidegate.store.standings import Standings
from tidegate.store.users import Users

#: Events that speak of one user each, but for statuses: they are applied side by side.
_PERSONAL: Final = (InboundMessage, UserPreference, IdentityChange, UserIdUpdate)
#: A change of standing may let go what was held for one of these.
_HELD: Final = ("template_paused", "paused_by_operator", "number_standing", "messaging_limit")
#: Events read before others have their turn on this node: some 3 ms of work.
_READ_AT_ONCE: Final = 100

_AT_MS: Final = attrgetter("at_ms")

log = structlog.get_logger()


class Signals:
    """Applies webhook events. What it returned from is stored and in force on every node."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        books: Books,
        standings: Standings,
        messages: Messages,
        whose: Whose,
        users: Users,
        aliases: Aliases,
        outcomes: Outcomes,
        enforcement: Enforcement,
        identity: Identity,
        clock: StoreClock,
        metrics: Metrics,
        portfolio_of_number: Mapping[str, str],
        portfolio_of_waba: Mapping[str, str],
        number_of_display: Mapping[str, str],
        on_status: OnStatus,
        is_watched: Callable[[str], bool],
    ) -> None:
        """`on_status` is called with the portfolio, a message's id, its new state, what was noted of it (JSON), and
        Meta's error codes; of all that becomes of messages only where the portfolio `is_watched`.
        """
        self._standings = standings
        self._enforcement = enforcement
        self._clock = clock
        self._metrics = metrics
        self._portfolio_of_waba = portfolio_of_waba
        self._number_of_display = number_of_display
        self._gate = Gate()
        #: When a webhook's delivery came last (ms, the store's time); 0: none has.
        self.heard_at_ms = 0
        #: Called with the portfolio, and the reasons for which held messages may now go, when sends may be due.
        self.on_change: Callable[[str, Sequence[str]], None] = lambda portfolio, reasons: None
        #: Called with the portfolio and the row of a campaign when a status tells what became of its message.
        self.on_fate: Callable[[str, Part, State], None] = lambda portfolio, part, state: None
        self._personal = Personal(
            ledger=ledger,
            users=users,
            aliases=aliases,
            outcomes=outcomes,
            enforcement=enforcement,
            identity=identity,
            clock=clock,
            portfolio_of_number=portfolio_of_number,
            on_change=lambda portfolio: self.on_change(portfolio, ()),
        )
        easings = Easings(standings)
        self._statuses = Statuses(
            statuses=ledger.statuses,
            messages=messages,
            whose=whose,
            portfolio_of_number=portfolio_of_number,
            new_kinds=partial(Kinds, standings, easings, is_watched),
            following=Following(
                statuses=ledger.statuses,
                books=books,
                standings=standings,
                easings=easings,
                messages=messages,
                users=users,
                aliases=aliases,
                enforcement=enforcement,
                identity=identity,
                clock=clock,
                portfolio_of_number=portfolio_of_number,
                on_change=lambda portfolio: self.on_change(portfolio, ()),
                on_fate=lambda portfolio, part, state: self.on_fate(portfolio, part, state),
                on_status=on_status,
            ),
            on_fault=self._not_applied,
        )
        self._sharing: Sharing[StatusUpdate] = Sharing(self._apply_statuses, enforcement.settled)
        #: The same as `receive` of a delivery that tells of these and nothing else: it is called with the fault once
        #: this has returned, None where there was none.
        self.begin: Final[Callable[[list[StatusUpdate], Told], None]] = self._sharing.hand

    async def receive(self, envelope: Any) -> None:
        """Apply every event of a verified webhook body, read by `webhooks.read_body`; on return no send that they
        forbid can start, on any node.

        An event that a fault of ours keeps from being applied is told to log and metrics, and takes no other with it:
        sent again it would fail again. Raises StoreUnavailable when it could not be kept: Meta sends it again, and
        what was applied already changes nothing the second time.
        """
        self.heard_at_ms = self._clock.now_ms()
        events = await _read(envelope)
        statuses = [event for event in events if type(event) is StatusUpdate]
        told = self._sharing.put(statuses) if statuses else None
        try:
            tightens = len(events) > len(statuses) and await self._receive_others(events)
        except BaseException:
            if told is not None:
                told.cancel()
            raise
        if told is not None:
            await told
        if tightens:
            await self._enforcement.settled()

    async def _receive_others(self, events: Sequence[Event]) -> bool:
        tightens = False
        for part in parts([event for event in events if isinstance(event, _PERSONAL)]):
            async with self._gate.turn():
                tightens |= any(await _all(self._applied(event) for event in part))
        others = [event for event in events if not isinstance(event, (*_PERSONAL, StatusUpdate))]
        for i, event in enumerate(others):
            if i % _READ_AT_ONCE == 0:
                await asyncio.sleep(0)
            tightens |= await self._applied(event)
        return tightens

    def _apply_statuses(self, events: list[StatusUpdate], ended: Ended) -> None:
        self.heard_at_ms = self._clock.now_ms()
        self._statuses.begin(events, partial(self._note_applied, events, ended))

    def _note_applied(self, events: list[StatusUpdate], ended: Ended, found: Sequence[bool | None] | Exception) -> None:
        if not isinstance(found, Exception):
            now_ms = self._clock.now_ms()
            if None in found:
                events = [event for event, one in zip(events, found, strict=True) if one is not None]
            if events:
                self._metrics.applied(events[0], len(events))
            # Meta's times are whole seconds: those of one call are few.
            for at_ms, count in Counter(map(_AT_MS, events)).items():
                self._metrics.webhook_lag(max(0, now_ms - at_ms) / 1_000, count)
        ended(found)

    async def _applied(self, event: Event) -> bool:
        """Whether less may be sent than before."""
        try:
            if isinstance(event, _PERSONAL):
                tightened = await self._personal.apply(event)
            else:
                tightened = await self._apply_standing(event)
        except StoreUnavailable:
            raise
        except Exception as fault:
            self._not_applied(event, fault)
            return False
        self._metrics.applied(event)
        self._note_lag(getattr(event, "at_ms", None))
        return tightened

    def _not_applied(self, event: Event, fault: Exception) -> None:
        self._metrics.not_applied(event)
        # Where, and not what: its words may be the user's.
        log.error("webhook_event_not_applied", event_kind=type(event).__name__, **_place_of(fault))

    def _note_lag(self, at_ms: int | None) -> None:
        now_ms = self._clock.now_ms()
        # A stop whose time can't be read is dated far ahead.
        if at_ms is not None and at_ms < WHEN_RECEIVED_MS:
            self._metrics.webhook_lag(max(0, now_ms - at_ms) / 1_000)

    async def restand(self, portfolio: str, changes: Sequence[Change]) -> None:
        """Write changes of standing; on return no send that they forbid can start, on any node."""
        if await self._restand(portfolio, changes):
            # Sends admitted under the old epoch start within this span, or not at all.
            await self._enforcement.settled()

    async def _restand(self, portfolio: str, changes: Sequence[Change]) -> bool:
        before = self._standings.known(portfolio).epoch
        _, applied = await self._standings.change(portfolio, changes)
        if self._standings.known(portfolio).epoch != before:
            self.on_change(portfolio, _HELD)
        return any(applied) and any(change.tightens for change in changes)

    async def _apply_standing(self, event: Event) -> bool:
        """Facts first, then what follows from them; whether less may be sent than before."""
        waba = getattr(event, "waba_id", None)
        portfolio = self._portfolio_of_waba.get(waba) if waba else None
        if portfolio is None:
            return False
        standing = await self._standings.current(portfolio)
        number = self._number_of_display.get(getattr(event, "display_phone_number", None) or "")
        changes = changes_of(event, standing, number, self._clock.now_ms())
        tightened = await self._restand(portfolio, changes) if changes else False
        if changes:
            log.info("standing_changed", portfolio=portfolio, by=type(event).__name__)
        subject = Subject(portfolio, waba, number)
        return await self._enforcement.apply(signals_of(event, subject, self._clock.now_ms())) or tightened


async def _read(envelope: Any) -> list[Event]:
    """What it tells; others have their turn in between."""
    events: list[Event] = []
    read = 0
    for part in envelope_parts(envelope):
        events += part
        if len(events) - read >= _READ_AT_ONCE:
            read = len(events)
            await asyncio.sleep(0)
    return events


async def _all(work: Iterable[Coroutine[Any, Any, bool]]) -> list[bool]:
    """What each came to. All are carried to their end, so that a turn that is over leaves nothing behind."""
    told = await asyncio.gather(*work, return_exceptions=True)
    for failed in told:
        if isinstance(failed, BaseException):
            raise failed
    return [one for one in told if isinstance(one, bool)]


def _place_of(fault: BaseException) -> dict[str, str]:
    """What kind of fault it is, and the last line of ours that it came through."""
    places = [
        f"{Path(frame.f_code.co_filename).name}:{line}"
        for frame, line in traceback.walk_tb(fault.__traceback__)
        if "tidegate" in Path(frame.f_code.co_filename).parts
    ]
    return {"fault": type(fault).__name__, "place": places[-1] if places else ""}
