"""What was decided of one kind of send under one standing: sends of a moment are of a few kinds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from tidegate.cloudapi.vocabulary import Category
from tidegate.enforcement import NO_PROBES, Probes
from tidegate.gateway.addressee import Addressee
from tidegate.gateway.line import Line
from tidegate.gateway.message import Message
from tidegate.policy.decide import decide
from tidegate.policy.facts import Case, Terms
from tidegate.policy.rules import Delivery, Mode
from tidegate.policy.standing import Standing
from tidegate.policy.users import EMPTY, User
from tidegate.policy.verdict import Verdict
from tidegate.policy.zones import zones_of_recipient
from tidegate.tracing import Tracing

_MOST_KINDS: Final = 4_096
#: Terms change with the time where days, months and nights begin: with whole seconds, but for a warm-up's days.
_MOMENT_MS: Final = 1_000


class Yes(Struct, frozen=True):
    """What may ask the ledger, and what all sends of its kind have in common from `from_ms` until `until_ms` (the
    store's time).

    `is_quiet`: no guardrail in shadow mode has anything to say of it. `probes`: the half-open breakers that it is a
    probe of, whoever gets it. `leaves_a_mark`: it may leave something in its recipient's record. `about`: what is noted
    of such a message, as JSON, where its sender notes nothing of it; empty: that, and what else is kept of it, is
    worked out for each.
    """

    terms: Terms
    is_quiet: bool
    probes: Probes
    leaves_a_mark: bool
    from_ms: int = 0
    until_ms: int = 0
    about: bytes = b""


class Deciding:
    """Decides for one portfolio, and remembers what for the rest of the second in which it was, under one standing.

    Only of recipients of whom nothing is known, and only a yes: under one standing nothing but the time can turn it
    into a no, and what the time does within a second is looked at. While a breaker is open or half open, or the books
    are not whole, each send is decided by itself.
    """

    __slots__ = ("_case", "_prefix", "_said", "_standing", "_terms", "_with_nights", "decided")

    def __init__(self, case: Callable[[Message, Addressee, Standing, Line], Case], tracing: Tracing) -> None:
        """`case`: gives what the guardrails see of a message in line."""
        self._case = case
        self._standing: Standing | None = None
        #: Categories that may be held over night.
        self._with_nights: frozenset[Category | None] = frozenset()
        #: What of a recipient's number tells what a message costs.
        self._prefix = slice(0)
        self._said: dict[tuple[object, ...], Yes] = {}
        #: Of what was said: equal terms are one object, by which the ledger knows sends that have all in common.
        self._terms: dict[Terms, Terms] = {}
        #: Says what `policy.decide` says of a message.
        self.decided: Final = tracing.within("decide", self._decided)

    def _decided(
        self, message: Message, addressee: Addressee, standing: Standing, line: Line, now_ms: int
    ) -> Verdict | Yes:
        if standing is not self._standing:
            self._begin(standing)
        if addressee.user is not EMPTY or message.deadline_ms <= now_ms or message.not_before_ms > now_ms:
            kind = None
        else:
            request = message.request
            has_nights = message.category in self._with_nights or message.campaign is not None
            kind = (
                message.kind or _kind(message),
                request.kind,
                zones_of_recipient(request.kind, request.recipient) if has_nights else (),
                request.recipient[self._prefix],
            )
            yes = self._said.get(kind)
            if yes is not None and yes.from_ms <= now_ms < yes.until_ms:
                return yes
        return self._decide(kind, message, self._case(message, addressee, standing, line), addressee, standing, now_ms)

    def _decide(
        self,
        kind: tuple[object, ...] | None,
        message: Message,
        case: Case,
        addressee: Addressee,
        standing: Standing,
        now_ms: int,
    ) -> Verdict | Yes:
        """Decide of one, seen as this case, and remember a yes for its kind where it has one."""
        user = addressee.user
        decided = decide(case, standing, standing.rules, now_ms, user)
        if not isinstance(decided, Terms):
            return decided
        yes = _yes(case, decided, standing, user)
        if kind is None or not standing.breakers.are_closed or now_ms < standing.held_until_ms:
            return yes
        if len(self._said) >= _MOST_KINDS or len(self._terms) >= _MOST_KINDS:
            self._forget()
        begun_ms = now_ms - now_ms % _MOMENT_MS
        yes = self._said[kind] = replace(
            yes,
            terms=self._terms.setdefault(decided, decided),
            from_ms=max(begun_ms, standing.held_until_ms),
            until_ms=min((begun_ms + _MOMENT_MS, *_ends_ms(decided))),
            about=replace(message, marketing_at_ms=0).noted_json() if _is_noted_alike(message) else b"",
        )
        return yes

    def _begin(self, standing: Standing) -> None:
        """Forget what was said under another standing."""
        hours, budget = standing.rules.quiet_hours, standing.rules.budget
        self._standing = standing
        self._with_nights = frozenset(hours.categories if hours is not None else ())
        self._prefix = slice(budget.told_by_digits if budget is not None else 0)
        self._forget()

    def _forget(self) -> None:
        self._said.clear()
        self._terms.clear()


def _kind(message: Message) -> object:
    """All that a decision looks at, the recipient and the times of the message aside; and what else is noted of it."""
    return (
        message.route,
        message.category,
        message.request.template,
        message.app,
        message.campaign,
        message.queued,
        message.request.type,
        message.delivery,
        message.relayed,
        message.part is None,
    )


def _is_noted_alike(message: Message) -> bool:
    """Whether what is noted of each message of its kind is the same, and nothing else is kept of it."""
    # Of a campaign's it is noted which row it is for; and to whom it goes, where its app is told how it ends.
    if message.queued:
        return message.part is None and not message.relayed
    return message.part is None and message.delivery is Delivery.AT_MOST_ONCE


def _yes(case: Case, terms: Terms, standing: Standing, user: User) -> Yes:
    shared = tuple(turn.probes for turn in terms.turns if turn.probes)
    is_capped = case.category is Category.MARKETING and standing.rules.mode("frequency_cap") is not Mode.OFF
    return Yes(
        terms,
        not (standing.rules.has_shadows or terms.foreshadowed),
        Probes(shared) if shared else NO_PROBES,
        is_capped or bool(user.breakers),
    )


def _ends_ms(terms: Terms) -> list[int]:
    """When the time may turn a yes with these terms into a no."""
    ends_ms = [tally.objection.until_ms for tally in terms.tallies if tally.objection is not None]
    return [end_ms for end_ms in (*ends_ms, terms.valid_until_ms or None) if end_ms is not None]
