"""Statuses of messages applied: those of many deliveries together, so that one trip to the store serves all of them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, Final, Literal, NamedTuple

import structlog
from msgspec import Struct
from msgspec.structs import replace

from tidegate.clock import StoreClock
from tidegate.cloudapi.errors import lookup
from tidegate.cloudapi.events import Pricing, StatusUpdate
from tidegate.cloudapi.messages import RecipientKind
from tidegate.cloudapi.vocabulary import Category, MessageStatus
from tidegate.enforcement import Enforcement
from tidegate.errors import StoreUnavailable
from tidegate.policy.allowance_rules import BudgetRule
from tidegate.policy.breaker import Breaker
from tidegate.policy.campaign.part import Part
from tidegate.policy.consequences.readers import DELIVERED_SIGNAL, signals_of
from tidegate.policy.consequences.rulebook import Easing
from tidegate.policy.identity import Identity
from tidegate.policy.lifecycle import FROM_STATUS, State
from tidegate.policy.reach import Subject
from tidegate.policy.standing import Standing
from tidegate.policy.tallies import billed_micros
from tidegate.policy.users import Link, given_back, links_of, may_be_held
from tidegate.signals.lost import lost_send
from tidegate.signals.whose import Whose
from tidegate.store.aliases import Aliases
from tidegate.store.books import Books
from tidegate.store.messages import Messages
from tidegate.store.outcomes import counters_of
from tidegate.store.standings import Standings
from tidegate.store.statuses import Refreshed, Status
from tidegate.store.statuses import Statuses as StoredStatuses
from tidegate.store.users import Users

#: Told of a message's new state: portfolio, id, state, what was noted of it (JSON), Meta's error codes.
OnStatus = Callable[[str, str, str, bytes, Sequence[int]], None]

#: Told of what a fault of ours keeps from being applied.
OnFault = Callable[[StatusUpdate, Exception], None]
#: What is left to be done, and whether less may be sent after it than before.
_Work = Callable[[], Coroutine[Any, Any, bool]]

_STATE_OF: Final = {status: state.value for status, state in FROM_STATUS.items()}
_DELIVERED: Final = frozenset({State.DELIVERED.value, State.READ.value})
_CAUSE: Final = "Meta's webhook"

log = structlog.get_logger()


class _Told(Struct, frozen=True, gc=False):
    """A status of a message of ours, as it came and as the store takes it."""

    event: StatusUpdate
    status: Status
    codes: Sequence[int]


class _Ended(NamedTuple):
    """What a delivery may end under a standing. `easing`: None where that may be anything."""

    standing: Standing
    easing: Easing | None
    breakers: Sequence[Breaker]


class Statuses:
    """Applies statuses. What `apply` returned from is stored; applied again it changes nothing."""

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
        on_fault: OnFault,
    ) -> None:
        """`on_change` is called with the portfolio when sends may be due; `on_fate` with a campaign's row too, when a
        status tells what became of its message; `on_status` when it is the first to tell that; `on_fault` with one that
        a fault of ours keeps from being applied.
        """
        self._statuses = statuses
        self._books = books
        self._standings = standings
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
        self._on_fault = on_fault
        #: By portfolio, for the standing that was known when it was looked at.
        self._ended: dict[str, _Ended] = {}

    async def apply(self, events: Sequence[StatusUpdate]) -> list[bool | None]:
        """Of each whether less may be sent than before; None: a fault of ours keeps it from being applied, of which
        `on_fault` was told. Raises StoreUnavailable.
        """
        found: list[bool | None] = [False] * len(events)
        told: list[tuple[int, _Told]] = []
        slow: list[tuple[int, _Work]] = []
        owners, bills = await self._owners(events), _Bills(self._standings)
        for place, event in enumerate(events):
            try:
                if (owner := owners[place]) is not None:
                    told.append((place, self._read(event, *owner, bills)))
                names_nobody = event.user_id is None and event.parent_user_id is None
                if (owner is None or not names_nobody) and (work := self._beside(event, owner)) is not None:
                    slow.append((place, work))
            except Exception as fault:
                found[place] = self._on_fault(event, fault)
        refreshed = await self._refreshed([one for _, one in told])
        for (place, one), what in zip(told, refreshed, strict=True):
            try:
                if what is None:
                    found[place] = None
                elif (work := self._follow(one, what)) is not None:
                    slow.append((place, work))
            except Exception as fault:
                found[place] = self._on_fault(one.event, fault)
        if slow:
            await self._bring_about(events, slow, found)
        return found

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

    async def _owners(self, events: Sequence[StatusUpdate]) -> list[tuple[str, str] | None]:
        """Portfolio and id of each one's message; None where it is none of ours."""
        owners: list[tuple[str, str] | None] = []
        asked: defaultdict[str, list[int]] = defaultdict(list)
        whose = self._whose.owner
        for place, event in enumerate(events):
            owner = whose(event.opaque)
            if owner is not None:
                named, claimed = owner
                owners.append((named, claimed) if named else None)
                continue
            owners.append(None)
            if (portfolio := self._portfolio_of_number.get(event.number_id)) is not None:
                asked[portfolio].append(place)
        for portfolio, places in asked.items():
            ids = await self._messages.ids_of_wamids(portfolio, [events[place].wamid for place in places])
            for place, id_ in zip(places, ids, strict=True):
                owners[place] = (portfolio, id_) if id_ else None
        return owners

    def _read(self, event: StatusUpdate, portfolio: str, message_id: str, bills: _Bills) -> _Told:
        codes: Sequence[int] = ()
        if event.errors or event.status is MessageStatus.FAILED:
            codes = [error.code for error in event.errors]
            says, counters = _says(event.status, codes), counters_of(event.status, codes[0] if codes else None)
        else:
            says, counters = _PLAIN[event.status]
        status = Status(
            portfolio,
            message_id,
            _STATE_OF[event.status],
            event.at_ms,
            " ".join([_CAUSE, *map(str, codes)]) if codes else _CAUSE,
            says,
            self._messages.wamid_name(event.wamid),
            "",
            bills.micros(portfolio, event) if event.pricing is not None else -1,
            counters,
        )
        return _Told(event, status, codes)

    async def _refreshed(self, told: list[_Told]) -> list[Refreshed | None]:
        """What each did; those whose messages do not know Meta's id yet are told again with it, in their order."""
        found = await self._applied(told)
        places = [place for place, one in enumerate(found) if one is not None and one.unwritten]
        if places:
            sealed = [await self._sealed(told[place]) for place in places]
            for place, one in zip(places, await self._applied(sealed), strict=True):
                found[place] = one
        return found

    async def _sealed(self, one: _Told) -> _Told:
        sealed = await self._messages.sealed_wamid(one.status.message_id, one.event.wamid)
        return replace(one, status=replace(one.status, sealed=sealed))

    async def _applied(self, told: list[_Told]) -> list[Refreshed | None]:
        """In one call. One that fails by what is in it is made again in halves, until only that is in it."""
        if not told:
            return []
        try:
            return list(await self._statuses.apply([one.status for one in told], self._anew(told)))
        except StoreUnavailable:
            raise
        except Exception as fault:
            if len(told) == 1:
                return [self._on_fault(told[0].event, fault)]
        middle = len(told) // 2
        return [*await self._applied(told[:middle]), *await self._applied(told[middle:])]

    def _anew(self, told: Sequence[_Told]) -> str:
        """What is begun anew by a delivery: in one call for all portfolios whose rules say the same."""
        names: dict[str, None] = {}
        for portfolio in {one.status.portfolio for one in told}:
            easing = self._standings.known(portfolio).rules.consequences.easing(DELIVERED_SIGNAL)
            names |= dict.fromkeys(easing.counts if easing is not None else ())
        return " ".join(names)

    def _follow(self, one: _Told, refreshed: Refreshed) -> _Work | None:
        """Do what follows at once; what else has to be done."""
        event, status = one.event, one.status
        portfolio = status.portfolio
        if not refreshed.known and status.says != "frees":
            return partial(self._find, one)
        if refreshed.freed:
            self._on_change(portfolio)
        if not refreshed.before:
            return None
        if refreshed.noted.find(b'"row"') >= 0 and (part := Part.of(refreshed.about)) is not None:
            self._on_fate(portfolio, part, State(status.status))
        if refreshed.changed:
            self._on_status(portfolio, status.message_id, status.status, refreshed.noted, one.codes)
            if refreshed.before in _DELIVERED:
                return None
        # One that comes again may have been cut short the first time: what follows from it is done once more, and is
        # nothing where it was done.
        if status.says == "counts" and self._eases_nothing(one, refreshed):
            return None
        if event.status is MessageStatus.SENT:
            return None
        return partial(self._signal, one, refreshed)

    def _eases_nothing(self, one: _Told, refreshed: Refreshed) -> bool:
        """Whether a delivery ends nothing: its user is held by nothing, and so is all that it was sent by and as."""
        portfolio = one.status.portfolio
        standing, known = self._standings.known(portfolio), self._ended.get(portfolio)
        if known is None or known.standing is not standing:
            known = self._ended[portfolio] = _ended_by(standing)
        if known.easing is None or refreshed.has_counts or may_be_held(refreshed.user):
            return False
        if not known.breakers:
            return True
        subject = _subject_of(one, refreshed)
        return all(subject.value(breaker.scope) != breaker.value for breaker in known.breakers)

    async def _signal(self, one: _Told, refreshed: Refreshed) -> bool:
        portfolio = one.status.portfolio
        # A marketing message that did not reach its user is none of those that they got.
        if one.status.says == "frees" and (marketing_at := refreshed.about.get("marketing_at")):
            at_ms = int(marketing_at)
            await self._users.update(portfolio, refreshed.recipient, lambda user: given_back(user, at_ms))
        signals = signals_of(one.event, _subject_of(one, refreshed), self._clock.now_ms())
        return await self._enforcement.apply(signals)

    async def _find(self, one: _Told) -> bool:
        """A send that nobody knows of, though it is proven ours: it is in the books when this returns."""
        event, status = one.event, one.status
        names = ((RecipientKind.PHONE, event.phone), (RecipientKind.BSUID, event.user_id))
        given = [self._identity.of(kind, name) for kind, name in names if name is not None]
        if not given:
            return False
        recipient, _ = await self._users.resolve(status.portfolio, given[0])
        rules, now_ms = self._standings.known(status.portfolio).rules, self._clock.now_ms()
        sealed = await self._sealed(one)
        intent = lost_send(event, status.portfolio, status.message_id, sealed.status.sealed, recipient, rules, now_ms)
        await self._books.learn(intent, now_ms)
        log.warning("lost_send_found", portfolio=status.portfolio, message_id=status.message_id)
        refreshed = (await self._statuses.apply([sealed.status], self._anew([sealed])))[0]
        work = self._follow(sealed, refreshed) if refreshed.known else None
        return await work() if work is not None else False

    async def _learn(self, portfolio: str, links: Sequence[Link], now_ms: int) -> bool:
        await self._aliases.learn(portfolio, links, now_ms)
        return False

    async def _bring_about(
        self,
        events: Sequence[StatusUpdate],
        slow: Sequence[tuple[int, _Work]],
        found: list[bool | None],
    ) -> None:
        """Together; all are carried to their end, so that a call that is over leaves nothing behind."""
        told = await asyncio.gather(*(work() for _, work in slow), return_exceptions=True)
        for (place, _), one in zip(slow, told, strict=True):
            if isinstance(one, StoreUnavailable) or (isinstance(one, BaseException) and not isinstance(one, Exception)):
                raise one
            if isinstance(one, Exception):
                if found[place] is not None:
                    found[place] = self._on_fault(events[place], one)
            elif one and found[place] is not None:
                found[place] = True


class _Bills:
    """What statuses of one call are billed: many say the same in the same second."""

    __slots__ = ("_budgets", "_micros", "_standings")

    def __init__(self, standings: Standings) -> None:
        self._standings = standings
        self._budgets: dict[str, BudgetRule | None] = {}
        self._micros: dict[tuple[str, Pricing | None, str, int], int] = {}

    def micros(self, portfolio: str, event: StatusUpdate) -> int:
        """Millionths, -1 where that can't be told: see `billed_micros`."""
        if portfolio not in self._budgets:
            self._budgets[portfolio] = self._standings.known(portfolio).rules.budget
        budget = self._budgets[portfolio]
        if budget is None:
            return -1
        digits = (event.phone or "")[: budget.told_by_digits]
        key = portfolio, event.pricing, digits, event.at_ms
        micros = self._micros.get(key)
        if micros is None:
            micros = self._micros[key] = billed_micros(budget, digits, event.pricing, event.at_ms)
        return micros


def _ended_by(standing: Standing) -> _Ended:
    easing = standing.rules.consequences.easing(DELIVERED_SIGNAL)
    rules = easing.rules if easing is not None else ()
    return _Ended(standing, easing, [breaker for breaker in standing.breakers if breaker.rule in rules])


def _subject_of(one: _Told, refreshed: Refreshed) -> Subject:
    about, event = refreshed.about, one.event
    name, _, language = about.get("template", "").rpartition("/")
    category = about.get("category")
    return Subject(
        one.status.portfolio,
        about.get("waba", event.waba_id),
        about.get("number", event.number_id),
        template=(name, language) if name else None,
        category=Category(category) if category in tuple(Category) else None,
        recipient=refreshed.recipient,
    )


def _says(status: MessageStatus, codes: Sequence[int]) -> Literal["counts", "frees", "keeps"]:
    """What a status proves of the place: a delivery counts, a failure frees it unless the code leaves doubt."""
    if status is MessageStatus.FAILED:
        return "frees" if codes and all(lookup(code).releases_place for code in codes) else "keeps"
    return "keeps" if status is MessageStatus.SENT else "counts"


#: Of all but failures: what a status proves of the place, and what it counts as.
_PLAIN: Final = {
    status: (_says(status, ()), counters_of(status, None))
    for status in MessageStatus
    if status is not MessageStatus.FAILED
}
