"""Events that speak of one user each, but for statuses: users' own messages, preferences, other names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import structlog

from tidegate.clock import StoreClock
from tidegate.cloudapi.events import (
    IdentityChange,
    InboundMessage,
    Preference,
    UserIdUpdate,
    UserPreference,
)
from tidegate.cloudapi.messages import RecipientKind
from tidegate.cloudapi.vocabulary import Category
from tidegate.enforcement import Enforcement
from tidegate.errors import StoreUnavailable
from tidegate.policy.consequences.readers import signals_of
from tidegate.policy.identity import Identity
from tidegate.policy.opt_out import is_opt_out
from tidegate.policy.reach import Subject
from tidegate.policy.users import links_of
from tidegate.store.aliases import Aliases
from tidegate.store.ledger import Inbound, Ledger
from tidegate.store.outcomes import Outcomes
from tidegate.store.users import Users

PersonalEvent = InboundMessage | UserPreference | IdentityChange | UserIdUpdate

log = structlog.get_logger()


class Personal:
    """Applies events of users. What `apply` returned from is stored; applied again it changes nothing."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        users: Users,
        aliases: Aliases,
        outcomes: Outcomes,
        enforcement: Enforcement,
        identity: Identity,
        clock: StoreClock,
        portfolio_of_number: Mapping[str, str],
        on_change: Callable[[str], None],
    ) -> None:
        """`on_change` is called with the portfolio when sends may be due."""
        self._ledger = ledger
        self._users = users
        self._aliases = aliases
        self._outcomes = outcomes
        self._enforcement = enforcement
        self._identity = identity
        self._clock = clock
        self._portfolio_of_number = portfolio_of_number
        self._on_change = on_change

    async def apply(self, event: PersonalEvent) -> bool:
        """Whether less may be sent than before. Raises StoreUnavailable; a refusal holds on this node even so."""
        try:
            return await self._apply(event)
        except StoreUnavailable:
            self._remember(event)
            raise

    def _remember(self, event: PersonalEvent) -> None:
        """What must not wait for the store, nor for Meta to say it again: what this node may send goes by it."""
        portfolio = self._portfolio_of_number.get(event.number_id)
        if portfolio is None or not isinstance(event, InboundMessage | UserPreference):
            return
        at_ms = min(event.at_ms, self._clock.now_ms())
        if isinstance(event, InboundMessage):
            refuses, source = is_opt_out(event.text, event.payload), "the user's own message"
        else:
            refuses, source = event.value is Preference.STOP, "Meta's webhook"
        for recipient in self._names(event):
            if refuses:
                self._users.remember_refusal(portfolio, recipient, Category.MARKETING, source, at_ms)
            if isinstance(event, InboundMessage) and event.opens_window:
                self._ledger.remember_window(Inbound(portfolio, recipient, event.number_id, at_ms))

    async def _apply(self, event: PersonalEvent) -> bool:
        tightened, portfolio = False, self._portfolio_of_number.get(event.number_id)
        if portfolio is None:
            return False
        links = links_of(event)
        if links:
            await self._aliases.learn(portfolio, links, self._clock.now_ms())
        if isinstance(event, InboundMessage):
            tightened = await self._apply_inbound(event, portfolio)
        elif isinstance(event, UserPreference):
            tightened = await self._apply_preference(event, portfolio)
        return tightened

    async def _apply_inbound(self, event: InboundMessage, portfolio: str) -> bool:
        known_as = await self._known_as(event, portfolio)
        if event.opens_window:
            at_ms = min(event.at_ms, self._clock.now_ms())
            for recipient in known_as:
                await self._ledger.open_window(Inbound(portfolio, recipient, event.number_id, at_ms))
            self._on_change(portfolio)
        if not known_as or event.group is not None:
            return False
        signals = signals_of(event, self._subject(event, portfolio, known_as[0]), self._clock.now_ms())
        tightened = await self._enforcement.apply(signals)
        if await self._stop_word(event, portfolio, known_as):
            return True
        if event.opens_window:
            await self._outcomes.asked(portfolio, event.number_id, known_as[0], event.at_ms)
            await self._outcomes.replied(portfolio, event.number_id, known_as, event.at_ms)
        return tightened

    async def _stop_word(self, event: InboundMessage, portfolio: str, known_as: Sequence[bytes]) -> bool:
        """Whether the user asks for no more marketing, by a word or a button."""
        asks = is_opt_out(event.text, event.payload)
        if not asks and is_opt_out(event.text, event.payload, after_marketing=True):
            asks = await self._outcomes.answers_marketing(portfolio, event.number_id, known_as)
        if not asks:
            return False
        at_ms = min(event.at_ms, self._clock.now_ms())
        await self._users.refuse(portfolio, known_as[0], Category.MARKETING, "the user's own message", at_ms)
        await self._outcomes.opted_out(portfolio, event.number_id, known_as, event.at_ms)
        log.info("user_opted_out", portfolio=portfolio, by="message")
        return True

    async def _apply_preference(self, event: UserPreference, portfolio: str) -> bool:
        known_as = await self._known_as(event, portfolio)
        if not known_as:
            return False
        if event.value is Preference.STOP:
            await self._outcomes.opted_out(portfolio, event.number_id, known_as, event.at_ms)
        subject = self._subject(event, portfolio, known_as[0])
        return await self._enforcement.apply(signals_of(event, subject, self._clock.now_ms()))

    async def _known_as(self, event: InboundMessage | UserPreference, portfolio: str) -> list[bytes]:
        """What stands for the user, the name under which all that counts is known first."""
        given = self._names(event)
        if not given:
            return []
        known, _ = await self._users.resolve(portfolio, given[0])
        return list(dict.fromkeys((known, *given)))

    def _names(self, event: InboundMessage | UserPreference) -> list[bytes]:
        names = ((RecipientKind.PHONE, event.phone), (RecipientKind.BSUID, event.user_id))
        return [self._identity.of(kind, name) for kind, name in names if name is not None]

    def _subject(self, event: InboundMessage | UserPreference, portfolio: str, recipient: bytes) -> Subject:
        return Subject(portfolio, event.waba_id, event.number_id, recipient=recipient)
