"""What follows from a status beside its message's state: for its user and its number, a campaign, and who watches."""

from __future__ import annotations

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
from tidegate.policy.campaign.part import Part
from tidegate.policy.consequences.readers import signals_of
from tidegate.policy.identity import Identity
from tidegate.policy.lifecycle import State
from tidegate.policy.reach import Subject
from tidegate.policy.users import Link, given_back, links_of
from tidegate.signals.easings import Easings, subject_of
from tidegate.signals.lost import lost_send
from tidegate.store.aliases import Aliases
from tidegate.store.books import Books
from tidegate.store.messages import Messages
from tidegate.store.standings import Standings
from tidegate.store.statuses import CHANGED, UNKNOWN, Refreshed, Status
from tidegate.store.statuses import Statuses as StoredStatuses
from tidegate.store.users import Users

#: Told of a message's new state: portfolio, id, state, what was noted of it (JSON), Meta's error codes.
OnStatus = Callable[[str, str, str, bytes, Sequence[int]], None]

#: What is left to be done, and whether less may be sent after it than before.
Work = Callable[[], Coroutine[Any, Any, bool]]
#: Portfolio and id of a message.
Owner = tuple[str, str]

_DELIVERED: Final = frozenset({State.DELIVERED.value.encode(), State.READ.value.encode()})

log = structlog.get_logger()


class ToldStatus(Struct, frozen=True, gc=False):
    """A status of a message of ours, as it came and as the store takes it; its `place` among those of its call."""

    place: int
    event: StatusUpdate
    status: Status


class Following:
    """Does what follows at once, and tells what else has to be done."""

    def __init__(
        self,
        *,
        statuses: StoredStatuses,
        books: Books,
        standings: Standings,
        easings: Easings,
        messages: Messages,
        users: Users,
        aliases: Aliases,
        enforcement: Enforcement,
        identity: Identity,
        clock: StoreClock,
        portfolio_of_number: Mapping[str, str],
        on_change: Callable[[str], None],
        on_fate: Callable[[str, Part, State], None],
        on_status: OnStatus,
    ) -> None:
        """`on_change` is called with the portfolio when sends may be due; `on_fate` with a campaign's row too, when a
        status tells what became of its message; `on_status` when it is the first to tell that.
        """
        self._statuses = statuses
        self._books = books
        self._standings = standings
        self._easings = easings
        self._messages = messages
        self._users = users
        self._aliases = aliases
        self._enforcement = enforcement
        self._identity = identity
        self._clock = clock
        self._portfolio_of_number = portfolio_of_number
        self._on_change = on_change
        self._on_fate = on_fate
        self._on_status = on_status

    def beside(self, event: StatusUpdate, owner: Owner | None) -> Work | None:
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

    def of(self, one: ToldStatus, refreshed: Refreshed) -> Work | None:
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

    async def sealed(self, one: ToldStatus) -> ToldStatus:
        """It with Meta's id as it is stored."""
        sealed = await self._messages.sealed_wamid(one.status.message_id, one.event.wamid)
        return replace(one, status=replace(one.status, sealed=sealed))

    async def _signal(self, one: ToldStatus, refreshed: Refreshed) -> bool:
        portfolio = one.status.kind.portfolio
        # A marketing message that did not reach its user is none of those that they got.
        if one.status.kind.says == "frees" and (marketing_at := refreshed.about.get("marketing_at")):
            at_ms = int(marketing_at)
            await self._users.update(portfolio, refreshed.recipient, lambda user: given_back(user, at_ms))
        signals = signals_of(one.event, subject_of(one.event, portfolio, refreshed), self._clock.now_ms())
        return await self._enforcement.apply(signals)

    async def _find(self, one: ToldStatus) -> bool:
        """A send that nobody knows of, though it is proven ours: it is in the books when this returns."""
        event, status = one.event, one.status
        names = ((RecipientKind.PHONE, event.phone), (RecipientKind.BSUID, event.user_id))
        given = [self._identity.of(kind, name) for kind, name in names if name is not None]
        if not given:
            return False
        recipient, _ = await self._users.resolve(status.kind.portfolio, given[0])
        rules, now_ms = self._standings.known(status.kind.portfolio).rules, self._clock.now_ms()
        sealed = await self.sealed(one)
        intent = lost_send(
            event, status.kind.portfolio, status.message_id, sealed.status.sealed, recipient, rules, now_ms
        )
        await self._books.learn(intent, now_ms)
        log.warning("lost_send_found", portfolio=status.kind.portfolio, message_id=status.message_id)
        refreshed = (await self._statuses.apply([sealed.status]))[0]
        work = self.of(sealed, refreshed) if refreshed.known else None
        return await work() if work is not None else False

    async def _learn(self, portfolio: str, links: Sequence[Link], now_ms: int) -> bool:
        await self._aliases.learn(portfolio, links, now_ms)
        return False
