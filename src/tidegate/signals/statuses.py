"""Statuses of messages applied: those of many deliveries together, so that one trip to the store serves all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from itertools import count
from operator import attrgetter
from typing import Any, Final

from msgspec import Struct

from tidegate.cloudapi.events import StatusUpdate
from tidegate.errors import StoreUnavailable
from tidegate.signals.following import Following, Owner, ToldStatus, Work
from tidegate.signals.sharing import Ended
from tidegate.signals.status_kinds import Kinds
from tidegate.signals.whose import Whose
from tidegate.store.messages import Messages
from tidegate.store.statuses import MOVED, UNWRITTEN, Refreshed, Status
from tidegate.store.statuses import Statuses as StoredStatuses
from tidegate.tasks import spawn

#: Told of what a fault of ours keeps from being applied.
OnFault = Callable[[StatusUpdate, Exception], None]


_OPAQUE: Final = attrgetter("opaque")


class _Call(Struct):
    """Statuses that are applied together: what the store is told (`statuses`, which stand at these `places` among the
    events), what is left to be done, what became of each.
    """

    events: Sequence[StatusUpdate]
    places: list[int]
    statuses: list[Status]
    slow: list[tuple[int, Work]]
    found: list[bool | None]

    @property
    def told(self) -> list[ToldStatus]:
        """What the store is told, with the event of each."""
        told = zip(self.places, self.statuses, strict=True)
        return [ToldStatus(place, self.events[place], status) for place, status in told]


class Statuses:
    """Applies statuses. What `begin` told of is stored; applied again it changes nothing."""

    def __init__(
        self,
        *,
        statuses: StoredStatuses,
        messages: Messages,
        whose: Whose,
        portfolio_of_number: Mapping[str, str],
        new_kinds: Callable[[], Kinds],
        following: Following,
        on_fault: OnFault,
    ) -> None:
        """`new_kinds` gives each call its own; `on_fault` is told of what a fault of ours keeps from being applied."""
        self._statuses = statuses
        self._messages = messages
        self._whose = whose
        self._portfolio_of_number = portfolio_of_number
        self._new_kinds = new_kinds
        self._following = following
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
        if not call.statuses:
            return False
        try:
            return self._statuses.begin(call.statuses, partial(self._came, call, ended))
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
            self._follow_all(call, call.told, came)
        if call.slow:
            return self._carry_on(self._bring_about(call), ended)
        ended(call.found)

    def _carry_on(self, work: Coroutine[Any, Any, list[bool | None]], ended: Ended) -> None:
        spawn(_told(work, ended), "webhooks")

    async def _look_up(
        self, events: Sequence[StatusUpdate], owners: list[Owner | None], asked: Mapping[str, Sequence[int]]
    ) -> list[bool | None]:
        """Find those whose message the store is asked for, by portfolio, and apply all of them."""
        for portfolio, places in asked.items():
            ids = await self._messages.ids_of_wamids(portfolio, [events[place].wamid for place in places])
            for place, id_ in zip(places, ids, strict=True):
                owners[place] = (portfolio, id_) if id_ else None
        return await self._carry(self._read_all(events, owners))

    async def _carry(self, call: _Call, came: list[Refreshed] | Exception | None = None) -> list[bool | None]:
        """Apply a call, of which this came of a first try, where there was one."""
        told = call.told
        self._follow_all(call, told, await self._refreshed(told, came))
        return await self._bring_about(call)

    def _read_all(self, events: Sequence[StatusUpdate], owners: Sequence[Owner | None]) -> _Call:
        call = _Call(events, [], [], [], [False] * len(events))
        kind_of, name_of = self._new_kinds().of, self._messages.wamid_name
        places, statuses = call.places, call.statuses
        for place, event, owner in zip(count(), events, owners, strict=False):
            try:
                if owner is not None and (portfolio := owner[0]):
                    statuses.append(Status(kind_of(event, portfolio), owner[1], name_of(event.wamid)))
                    places.append(place)
                    if event.user_id is None and event.parent_user_id is None:
                        continue
                ours = owner if owner is not None and owner[0] else None
                if (work := self._following.beside(event, ours)) is not None:
                    call.slow.append((place, work))
            except Exception as fault:
                call.found[place] = self._on_fault(event, fault)
        return call

    def _follow_all(self, call: _Call, told: Sequence[ToldStatus], refreshed: Sequence[Refreshed | None]) -> None:
        for one, what in zip(told, refreshed, strict=True):
            if what is MOVED:
                continue
            try:
                if what is None:
                    call.found[one.place] = None
                elif (work := self._following.of(one, what)) is not None:
                    call.slow.append((one.place, work))
            except Exception as fault:
                call.found[one.place] = self._on_fault(one.event, fault)

    def _owners(self, events: Sequence[StatusUpdate]) -> tuple[list[Owner | None], Mapping[str, Sequence[int]]]:
        """Portfolio and id of each one's message ("" and what, None: it is none of ours); and of which the store has to
        be asked first, by portfolio.
        """
        whose = self._whose.owner
        owners = list(map(whose, map(_OPAQUE, events)))
        asked: dict[str, list[int]] = {}
        if None in owners:
            for place, event in enumerate(events):
                portfolio = self._portfolio_of_number.get(event.number_id) if owners[place] is None else None
                if portfolio is not None:
                    asked.setdefault(portfolio, []).append(place)
        return owners, asked

    async def _refreshed(
        self, told: list[ToldStatus], came: list[Refreshed] | Exception | None
    ) -> list[Refreshed | None]:
        """What each did; those whose messages do not know Meta's id yet are told again with it, in their order."""
        found: list[Refreshed | None] = [*came] if isinstance(came, list) else await self._applied(told, came)
        places = [place for place, one in enumerate(found) if one is not None and one.code == UNWRITTEN]
        if places:
            sealed = [await self._following.sealed(told[place]) for place in places]
            for place, one in zip(places, await self._applied(sealed), strict=True):
                found[place] = one
        return found

    async def _applied(self, told: list[ToldStatus], fault: Exception | None = None) -> list[Refreshed | None]:
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
