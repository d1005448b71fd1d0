"""Events that speak of one user each: statuses, users' own messages, preferences, other names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

import structlog

from tidegate.clock import StoreClock
from tidegate.cloudapi.errors import lookup
from tidegate.cloudapi.events import (
    IdentityChange,
    InboundMessage,
    Preference,
    StatusUpdate,
    UserIdUpdate,
    UserPreference,
)
from tidegate.cloudapi.messages import RecipientKind
from tidegate.cloudapi.vocabulary import Category, MessageStatus
from tidegate.enforcement import Enforcement
from tidegate.errors import StoreUnavailable
from tidegate.policy.campaign.part import Part
from tidegate.policy.consequences.readers import signals_of
from tidegate.policy.identity import Identity
from tidegate.policy.lifecycle import FROM_STATUS, RANK, State
from tidegate.policy.opt_out import is_opt_out
from tidegate.policy.reach import Subject
from tidegate.policy.tallies import billed_micros
from tidegate.policy.users import given_back, links_of
from tidegate.signals.lost import lost_send
from tidegate.signals.whose import Whose
from tidegate.store.aliases import Aliases
from tidegate.store.books import Books
from tidegate.store.ledger import Inbound, Ledger, Refreshed, Status
from tidegate.store.messages import Messages
from tidegate.store.outcomes import Outcomes
from tidegate.store.standings import Standings
from tidegate.store.users import Users

PersonalEvent = InboundMessage | StatusUpdate | UserPreference | IdentityChange | UserIdUpdate

#: Told of a message's new state: portfolio, id, state, what was noted of it, Meta's error codes.
OnStatus = Callable[[str, str, str, Mapping[str, str], Sequence[int]], None]

_DELIVERED: Final = frozenset({State.DELIVERED.value, State.READ.value})

log = structlog.get_logger()


class Personal:
    """Applies events of users. What `apply` returned from is stored; applied again it changes nothing."""

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
        portfolio_of_number: Mapping[str, str],
        on_change: Callable[[str], None],
        on_fate: Callable[[str, Part, State], None],
        on_status: OnStatus,
    ) -> None:
        """`on_change` is called with the portfolio when sends may be due; `on_fate` with a campaign's row too, when a
        status tells what became of its message; `on_status` when it is the first to tell that.
        """
        self._ledger = ledger
        self._books = books
        self._standings = standings
        self._messages = messages
        self._whose = whose
        self._users = users
        self._aliases = aliases
        self._outcomes = outcomes
        self._enforcement = enforcement
        self._identity = identity
        self._clock = clock
        self._portfolio_of_number = portfolio_of_number
        self._on_change = on_change
        self._on_fate = on_fate
        self._on_status = on_status

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
        portfolio = self._portfolio_of_number.get(event.number_id)
        if isinstance(event, StatusUpdate):
            tightened, portfolio = await self._apply_status(event, portfolio)
        else:
            tightened = False
        if portfolio is None:
            return tightened
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
            for recipient in known_as:
                await self._ledger.open_window(Inbound(portfolio, recipient, event.number_id, event.at_ms))
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

    def _names(self, event: InboundMessage | UserPreference | StatusUpdate) -> list[bytes]:
        names = ((RecipientKind.PHONE, event.phone), (RecipientKind.BSUID, event.user_id))
        return [self._identity.of(kind, name) for kind, name in names if name is not None]

    def _subject(self, event: InboundMessage | UserPreference, portfolio: str, recipient: bytes) -> Subject:
        return Subject(portfolio, event.waba_id, event.number_id, recipient=recipient)

    async def _apply_status(self, event: StatusUpdate, portfolio: str | None) -> tuple[bool, str | None]:
        """Whether less may be sent than before, and the portfolio that the message belongs to."""
        found = await self._whose.message_of(event.opaque, event.wamid, portfolio)
        if found is None:
            # Sent past this gateway: of the user we know nothing, of the number we do.
            subject = Subject(portfolio, event.waba_id, event.number_id) if portfolio else None
            failed = event.status is MessageStatus.FAILED
            signals = signals_of(event, subject, self._clock.now_ms()) if subject and failed else ()
            return await self._enforcement.apply(signals) if signals else False, portfolio
        portfolio, message_id = found
        rules = self._standings.known(portfolio).rules
        state = FROM_STATUS[event.status.value]
        codes = [error.code for error in event.errors]
        cause = " ".join(["Meta's webhook", *map(str, codes)])
        wamid = await self._messages.sealed_wamid(message_id, event.wamid)
        status = Status(
            portfolio,
            message_id,
            state.value,
            RANK[state],
            event.at_ms,
            cause,
            _says(event, codes),
            wamid,
            billed_micros(rules.budget, event.phone or "", event.pricing, event.at_ms),
        )
        refreshed = await self._ledger.refresh(status)
        if not refreshed.known and status.says != "frees" and await self._was_lost(event, portfolio, message_id, wamid):
            refreshed = await self._ledger.refresh(status)
        if refreshed.freed:
            self._on_change(portfolio)
        if not refreshed.before:
            await self._outcomes.status(portfolio, message_id, refreshed, event)
            return False, portfolio
        part = Part.of(refreshed.about)
        if part is not None:
            self._on_fate(portfolio, part, state)
        if refreshed.changed:
            self._on_status(portfolio, message_id, state.value, refreshed.about, codes)
        # One that comes again may have been cut short the first time: what follows from it is done once more, and is
        # nothing where it was done.
        await self._outcomes.status(portfolio, message_id, refreshed, event)
        if _says(event, codes) == "frees" and (marketing_at := refreshed.about.get("marketing_at")):
            at_ms = int(marketing_at)
            await self._users.update(portfolio, refreshed.recipient, lambda user: given_back(user, at_ms))
        if refreshed.changed and refreshed.before in _DELIVERED:
            return False, portfolio
        signals = signals_of(event, _subject_of(portfolio, event, refreshed), self._clock.now_ms())
        return await self._enforcement.apply(signals), portfolio

    async def _was_lost(self, event: StatusUpdate, portfolio: str, message_id: str, wamid: str) -> bool:
        """Whether a send that nobody knows of, though it is proven ours, is in the books now."""
        names = self._names(event)
        if not names:
            return False
        recipient, _ = await self._users.resolve(portfolio, names[0])
        rules, now_ms = self._standings.known(portfolio).rules, self._clock.now_ms()
        intent = lost_send(event, portfolio, message_id, wamid, recipient, rules, now_ms)
        await self._books.learn(intent, now_ms)
        log.warning("lost_send_found", portfolio=portfolio, message_id=message_id)
        return True


def _subject_of(portfolio: str, event: StatusUpdate, refreshed: Refreshed) -> Subject:
    about = refreshed.about
    name, _, language = about.get("template", "").rpartition("/")
    category = about.get("category")
    return Subject(
        portfolio,
        about.get("waba", event.waba_id),
        about.get("number", event.number_id),
        template=(name, language) if name else None,
        category=Category(category) if category in tuple(Category) else None,
        recipient=refreshed.recipient,
    )


def _says(event: StatusUpdate, codes: Sequence[int]) -> Literal["counts", "frees", "keeps"]:
    """What a status proves of the place: a delivery counts, a failure frees it unless the code leaves doubt."""
    if event.status in (MessageStatus.DELIVERED, MessageStatus.READ, MessageStatus.PLAYED):
        return "counts"
    if event.status is MessageStatus.FAILED and codes and all(lookup(code).releases_place for code in codes):
        return "frees"
    return "keeps"
