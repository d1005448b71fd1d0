"""What was decided of one kind of send under one standing: sends of a moment are of a few kinds."""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from tidegate.cloudapi.messages import RecipientKind
from tidegate.cloudapi.vocabulary import Category
from tidegate.gateway.addressee import Addressee
from tidegate.gateway.message import Message
from tidegate.policy.decide import decide
from tidegate.policy.facts import Case, Terms
from tidegate.policy.rules import Mode
from tidegate.policy.standing import Standing
from tidegate.policy.users import EMPTY, User
from tidegate.policy.verdict import Verdict
from tidegate.policy.zones import zones_of_recipient

_MOST_KINDS: Final = 4_096
#: A member of an enumeration is looked for at each asking; this one is asked for at each send.
_PHONE: Final = RecipientKind.PHONE
#: Terms change with the time where days, months and nights begin: with whole seconds, but for a warm-up's days.
_MOMENT_MS: Final = 1_000


class Yes(Struct, frozen=True):
    """What may ask the ledger, and what all sends of its kind have in common until `until_ms` (the store's time).

    `is_quiet`: no guardrail in shadow mode has anything to say of it. `probes`: the shared half-open breakers that it
    is a probe of. `leaves_a_mark`: it may leave something in its recipient's record. `about`: what is noted of such a
    message, as JSON, where it is no campaign's row and nothing is noted with its recipient, or by its sender; empty:
    that is worked out for each.
    """

    terms: Terms
    is_quiet: bool
    probes: tuple[str, ...]
    leaves_a_mark: bool
    until_ms: int = 0
    about: bytes = b""


class Deciding:
    """Remembers what was decided for the rest of the second in which it was, under one standing of a portfolio.

    Only of recipients of whom nothing is known, and only a yes: under one standing nothing but the time can turn it
    into a no, and what the time does within a second is looked at. While a breaker is open or half open, or the books
    are not whole, each send is decided by itself.
    """

    __slots__ = ("_asks_digits", "_asks_zones", "_from_ms", "_said", "_standing", "_until_ms")

    def __init__(self) -> None:
        self._standing: Standing | None = None
        self._from_ms = self._until_ms = 0
        self._asks_zones = True
        self._asks_digits = 0
        self._said: dict[tuple[object, ...], Yes] = {}

    def recalled(self, message: Message, addressee: Addressee, standing: Standing, now_ms: int) -> Yes | None:
        """What `decide` would say, where that is remembered."""
        if standing is not self._standing or not self._from_ms <= now_ms < self._until_ms:
            self._begin(standing, now_ms)
        if addressee.user is not EMPTY or message.deadline_ms <= now_ms or message.not_before_ms > now_ms:
            return None
        yes = self._said.get(self._kind(message))
        return yes if yes is not None and now_ms < yes.until_ms else None

    def decide(
        self, message: Message, case: Case, addressee: Addressee, standing: Standing, now_ms: int
    ) -> Verdict | Yes:
        """What `policy.decide` says of a message, seen as this case."""
        user = addressee.user
        decided = decide(case, standing, standing.rules, now_ms, user)
        if not isinstance(decided, Terms):
            return decided
        yes = _yes(case, decided, standing, user)
        is_lasting = user is EMPTY and standing.breakers.are_closed and standing is self._standing
        if is_lasting and self._from_ms <= now_ms < self._until_ms:
            if len(self._said) >= _MOST_KINDS:
                self._said.clear()
            until_ms = min((self._until_ms, *_ends_ms(decided)))
            plain = replace(message, part=None, marketing_at_ms=0)
            # Where its app is told how it ends, to whom it goes is noted as well.
            about = b"" if message.relayed and message.queued else plain.noted_json()
            yes = replace(yes, until_ms=until_ms, about=about)
            self._said[self._kind(message)] = yes
        return yes

    def _begin(self, standing: Standing, now_ms: int) -> None:
        """Forget what was said before this moment, or under another standing."""
        begun_ms = now_ms - now_ms % _MOMENT_MS
        self._standing, self._until_ms = standing, begun_ms + _MOMENT_MS
        self._from_ms = max(begun_ms, standing.held_until_ms)
        self._asks_zones = standing.rules.quiet_hours is not None
        self._asks_digits = standing.rules.budget.told_by_digits if standing.rules.budget is not None else 0
        self._said.clear()

    def _kind(self, message: Message) -> tuple[object, ...]:
        """All of a send that a decision looks at, the recipient's record and the times of the message aside; and what
        else is noted of it."""
        request, campaign = message.request, message.campaign
        kind, recipient, digits = request.kind, request.recipient, self._asks_digits
        return (
            message.route,
            message.category,
            request.template,
            message.app,
            campaign,
            kind,
            message.queued,
            request.type,
            message.delivery,
            message.relayed,
            zones_of_recipient(kind, recipient) if self._asks_zones or campaign is not None else (),
            recipient[:digits] if digits and kind is _PHONE else "",
        )


def _yes(case: Case, terms: Terms, standing: Standing, user: User) -> Yes:
    is_capped = case.category is Category.MARKETING and standing.rules.mode("frequency_cap") is not Mode.OFF
    return Yes(
        terms,
        not (standing.rules.has_shadows or terms.foreshadowed),
        tuple(turn.probes for turn in terms.turns if turn.probes),
        is_capped or bool(user.breakers),
    )


def _ends_ms(terms: Terms) -> list[int]:
    """When the time may turn a yes with these terms into a no."""
    ends_ms = [tally.objection.until_ms for tally in terms.tallies if tally.objection is not None]
    return [end_ms for end_ms in (*ends_ms, terms.valid_until_ms or None) if end_ms is not None]
