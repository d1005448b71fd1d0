"""Statuses of messages applied: those of many deliveries together, so that one trip to the store serves all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, Final

import structlog
from msgspec import Struct
from msgspec.structs import replace

from tidegate.clock import StoreClock
from tidegate.cloudapi.events import StatusUpdate
from tidegate.cloudapi.messages import RecipientKind
from tidegate.cloudapi.vocabulary import MessageStatus
from tidegate.enforcement import Enforcement
from tidegate.errors import StoreUnavailable
from tidegate.policy.campaign.part import Part
from tidegate.policy.consequences.readers import signals_of
from tidegate.policy.identity import Identity
from tidegate.policy.lifecycle import State
from tidegate.policy.reach import Subject
from tidegate.policy.users import Link, given_back, links_of
from tidegate.signals.easings import Easings, subject_of
from tidegate.signals.lost import lost_send
from tidegate.signals.sharing import Ended
from tidegate.signals.status_kinds import Kinds
from tidegate.signals.whose import Whose
from tidegate.store.aliases import Aliases
from tidegate.store.books import Books
from tidegate.store.messages import Messages
from tidegate.store.standings import Standings
from tidegate.store.statuses import CHANGED, MOVED, UNKNOWN, UNWRITTEN, Refreshed, Status
from tidegate.store.statuses import Statuses as StoredStatuses
from tidegate.store.users import Users
from tidegate.tasks import spawn

#: Told of a message's new state: portfolio, id, state, what was noted of it (JSON), Meta's error codes.
OnStatus = Callable[[str, str, str, bytes, Sequence[int]], None]

#: Told of what a fault of ours keeps from being applied.
OnFault = Callable[[StatusUpdate, Exception], None]
#: What is left to be done, and whether less may be sent after it than before.
_Work = Callable[[], Coroutine[Any, Any, bool]]
#: Portfolio and id of a message.
_Owner = tuple[str, str]

_DELIVERED: Final = frozenset({State.DELIVERED.value.encode(), State.READ.value.encode()})
_CAUSE: Final = "Meta's webhook"

log = structlog.get_logger()


class _Told(Struct, frozen=True, gc=False):
    """A status of a message of ours, as it came and as the store takes it; its `place` among those of its call."""

    place: int
    event: StatusUpdate
    status: Status


class _Call(Struct):
    """Statuses that are applied together: what the store is told, what is left to be done, what became of each."""

    events: Sequence[StatusUpdate]
    told: list[_Told]
    slow: list[tuple[int, _Work]]
    found: list[bool | None]


class Statuses:
    """Applies statuses. What `begin` told of is stored; applied again it changes nothing."""

    def __init__(
        self,
        *,
        statuses: StoredStatuses,
        books: Books,
        standings: Standings,
        messages: Messages,
        whose: Whose,
        users: Users,
        aliases: Aliases,
        enforcement: Enforcement,
        identity: Identity,
        clock: StoreClock,
        portfolio_of_number: Mapping[str, str],
        on_change: Callable[[str], None],
        on_fate: Callable[[str, Part, State], None],
        on_status: OnStatus,
        is_watched: Callable[[str], bool],
        on_fault: OnFault,
    ) -> None:
        """`on_change` is called with the portfolio when sends may be due; `on_fate` with a campaign's row too, when a
        status tells what became of its message; `on_status` when it is the first to tell that, of all of a portfolio's
        only where that `is_watched`; `on_fault` with one that a fault of ours keeps from being applied.
        """
        self._statuses = statuses
        self._books = books
        self._standings = standings
        self._easings = Easings(standings)
        self._messages = messages
        self._whose = whose
        self._users = users
        self._aliases = aliases
        self._enforcement = enforcement
        self._identity = identity
        self._clock = clock
        self._portfolio_of_number = portfolio_of_number
        self._on_change = on_change
        self._on_fate = on_fate
        self._on_status = on_status
        self._is_watched = is_watched
        self._on_fault = on_fault

    def begin(self, events: Sequence[StatusUpdate], ended: Ended) -> None:
        """Apply them. `ended` is told of each whether less may be sent than before (None: a fault of ours keeps it from
        being applied, of which `on_fault` was told), or StoreUnavailable; and nothing but a fault before this returned.
        """
        owners, asked = self._owners(events)
        if asked:
            return self._carry_on(self._look_up(events, owners, asked), ended)
        call = self._read_all(events, owners)
        if not self._is_begun(call, ended):
            self._carry_on(self._carry(call), ended)

    def _is_begun(self, call: _Call, ended: Ended) -> bool:
        """Whether the store was asked in this step."""
        if not call.told:
            return False
        try:
            return self._statuses.begin([one.status for one in call.told], partial(self._came, call, ended))
        except Exception:
            # One that can't be asked for: the other way finds out which.
            return False

    def _came(self, call: _Call, ended: Ended, came: list[Refreshed] | Exception) -> None:
        """What the store answered to the call that was begun, or the fault."""
        if isinstance(came, Exception):
            return self._carry_on(self._carry(call, came), ended)
        # From most nothing follows.
        if came.count(MOVED) != len(came):
            if any(one.code == UNWRITTEN for one in came):
                return self._carry_on(self._carry(call, came), ended)
            self._follow_all(call, came)
        if call.slow:
            return self._carry_on(self._bring_about(call), ended)
        ended(call.found)

    def _carry_on(self, work: Coroutine[Any, Any, list[bool | None]], ended: Ended) -> None:
        spawn(_told(work, ended), "webhooks")

    async def _look_up(
        self, events: Sequence[StatusUpdate], owners: list[_Owner | None], asked: Mapping[str, Sequence[int]]
    ) -> list[bool | None]:
        """Find those whose message the store is asked for, by portfolio, and apply all of them."""
        for portfolio, places in asked.items():
            ids = await self._messages.ids_of_wamids(portfolio, [events[place].wamid for place in places])
            for place, id_ in zip(places, ids, strict=True):
                owners[place] = (portfolio, id_) if id_ else None
        return await self._carry(self._read_all(events, owners))

    async def _carry(self, call: _Call, came: list[Refreshed] | Exception | None = None) -> list[bool | None]:
        """Apply a call, of which this came of a first try, where there was one."""
        self._follow_all(call, await self._refreshed(call.told, came))
        return await self._bring_about(call)

    def _read_all(self, events: Sequence[StatusUpdate], owners: Sequence[_Owner | None]) -> _Call:
        call = _Call(events, [], [], [False] * len(events))
        kind_of = Kinds(self._standings, self._easings, self._is_watched).of
        name_of, told = self._messages.wamid_name, call.told
        place = -1
        for event, owner in zip(events, owners, strict=True):
            place += 1
            try:
                if owner is not None and (portfolio := owner[0]):
                    status = Status(kind_of(event, portfolio), owner[1], name_of(event.wamid))
                    told.append(_Told(place, event, status))
                    if event.user_id is None and event.parent_user_id is None:
                        continue
                if (work := self._beside(event, owner if owner is not None and owner[0] else None)) is not None:
                    call.slow.append((place, work))
            except Exception as fault:
                call.found[place] = self._on_fault(event, fault)
        return call

    def _follow_all(self, call: _Call, refreshed: Sequence[Refreshed | None]) -> None:
        for one, what in zip(call.told, refreshed, strict=True):
            if what is MOVED:
                continue
            try:
                if what is None:
                    call.found[one.place] = None
                elif (work := self._follow(one, what)) is not None:
                    call.slow.append((one.place, work))
            except Exception as fault:
                call.found[one.place] = self._on_fault(one.event, fault)

    def _beside(self, event: StatusUpdate, owner: tuple[str, str] | None) -> _Work | None:
        """What a status tells of others than its message: of the user's names; of the number, where it failed and was
        sent past this gateway, so that of the user we know nothing.
        """
        portfolio = owner[0] if owner else self._portfolio_of_number.get(event.number_id)
        if portfolio is None:
            return None
        if owner is None and event.status is MessageStatus.FAILED:
            subject = Subject(portfolio, event.waba_id, event.number_id)
            return partial(self._enforcement.apply, signals_of(event, subject, self._clock.now_ms()))
        links = links_of(event)
        if not links or self._aliases.are_known(portfolio, links, now_ms := self._clock.now_ms()):
            return None
        return partial(self._learn, portfolio, links, now_ms)

    def _owners(self, events: Sequence[StatusUpdate]) -> tuple[list[_Owner | None], Mapping[str, Sequence[int]]]:
        """Portfolio and id of each one's message ("" and what, None: it is none of ours); and of which the store has to
        be asked first, by portfolio.
        """
        whose = self._whose.owner
        owners = [whose(event.opaque) for event in events]
        asked: dict[str, list[int]] = {}
        if None in owners:
            for place, event in enumerate(events):
                portfolio = self._portfolio_of_number.get(event.number_id) if owners[place] is None else None
                if portfolio is not None:
                    asked.setdefault(portfolio, []).append(place)
        return owners, asked

    async def _refreshed(self, told: list[_Told], came: list[Refreshed] | Exception | None) -> list[Refreshed | None]:
        """What each did; those whose messages do not know Meta's id yet are told again with it, in their order."""
        found: list[Refreshed | None] = [*came] if isinstance(came, list) else await self._applied(told, came)
        places = [place for place, one in enumerate(found) if one is not None and one.code == UNWRITTEN]
        if places:
            sealed = [await self._sealed(told[place]) for place in places]
            for place, one in zip(places, await self._applied(sealed), strict=True):
                found[place] = one
        return found

    async def _sealed(self, one: _Told) -> _Told:
        sealed = await self._messages.sealed_wamid(one.status.message_id, one.event.wamid)
        return replace(one, status=replace(one.status, sealed=sealed))

    async def _applied(self, told: list[_Told], fault: Exception | None = None) -> list[Refreshed | None]:
        """In one call, of which a first try may have ended by `fault`. One that fails by what is in it is made again in
        halves, until only that is in it.
        """
        if not told:
            return []
        first = fault if isinstance(fault, StoreUnavailable) else None
        try:
            return list(await self._statuses.apply([one.status for one in told], first))
        except StoreUnavailable:
            raise
        except Exception as bug:
            if len(told) == 1:
                return [self._on_fault(told[0].event, bug)]
        middle = len(told) // 2
        return [*await self._applied(told[:middle]), *await self._applied(told[middle:])]

    def _follow(self, one: _Told, refreshed: Refreshed) -> _Work | None:
        """Do what follows at once; what else has to be done."""
        event, status = one.event, one.status
        kind, before = status.kind, refreshed.before
        portfolio = kind.portfolio
        if refreshed.code == UNKNOWN and kind.says != "frees":
            return partial(self._find, one)
        if refreshed.freed:
            self._on_change(portfolio)
        if not before:
            return None
        if b'"row"' in refreshed.noted and (part := Part.of(refreshed.about)) is not None:
            self._on_fate(portfolio, part, State(kind.status))
        if refreshed.code == CHANGED:
            codes = [error.code for error in event.errors] if event.errors else ()
            self._on_status(portfolio, status.message_id, kind.status, refreshed.noted, codes)
            if before in _DELIVERED:
                return None
        # One that comes again may have been cut short the first time: what follows from it is done once more, and is
        # nothing where it was done.
        if kind.says == "counts":
            if self._easings.are_none(event, portfolio, refreshed):
                return None
        elif event.status is MessageStatus.SENT:
            return None
        return partial(self._signal, one, refreshed)

    async def _signal(self, one: _Told, refreshed: Refreshed) -> bool:
        portfolio = one.status.kind.portfolio
        # A marketing message that did not reach its user is none of those that they got.
        if one.status.kind.says == "frees" and (marketing_at := refreshed.about.get("marketing_at")):
            at_ms = int(marketing_at)
            await self._users.update(portfolio, refreshed.recipient, lambda user: given_back(user, at_ms))
        signals = signals_of(one.event, subject_of(one.event, portfolio, refreshed), self._clock.now_ms())
        return await self._enforcement.apply(signals)

    async def _find(self, one: _Told) -> bool:
        """A send that nobody knows of, though it is proven ours: it is in the books when this returns."""
        event, status = one.event, one.status
        names = ((RecipientKind.PHONE, event.phone), (RecipientKind.BSUID, event.user_id))
        given = [self._identity.of(kind, name) for kind, name in names if name is not None]
        if not given:
            return False
        recipient, _ = await self._users.resolve(status.kind.portfolio, given[0])
        rules, now_ms = self._standings.known(status.kind.portfolio).rules, self._clock.now_ms()
        sealed = await self._sealed(one)
        intent = lost_send(
            event, status.kind.portfolio, status.message_id, sealed.status.sealed, recipient, rules, now_ms
        )
        await self._books.learn(intent, now_ms)
        log.warning("lost_send_found", portfolio=status.kind.portfolio, message_id=status.message_id)
        refreshed = (await self._statuses.apply([sealed.status]))[0]
        work = self._follow(sealed, refreshed) if refreshed.known else None
        return await work() if work is not None else False

    async def _learn(self, portfolio: str, links: Sequence[Link], now_ms: int) -> bool:
        await self._aliases.learn(portfolio, links, now_ms)
        return False

    async def _bring_about(self, call: _Call) -> list[bool | None]:
        """Together; all are carried to their end, so that a call that is over leaves nothing behind."""
        found = call.found
        told = await asyncio.gather(*(work() for _, work in call.slow), return_exceptions=True)
        for (place, _), one in zip(call.slow, told, strict=True):
            if isinstance(one, StoreUnavailable) or (isinstance(one, BaseException) and not isinstance(one, Exception)):
                raise one
            if isinstance(one, Exception):
                if found[place] is not None:
                    found[place] = self._on_fault(call.events[place], one)
            elif one and found[place] is not None:
                found[place] = True
        return found


async def _told(work: Coroutine[Any, Any, list[bool | None]], ended: Ended) -> None:
    try:
        found: list[bool | None] | Exception = await work
    except Exception as fault:
        found = fault
    except BaseException:
        # Whatever ends this task, a delivery that is left waiting for ever would be worse.
        ended(RuntimeError("webhooks were given up"))
        raise
    ended(found)
