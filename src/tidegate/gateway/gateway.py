"""The one door for every message."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, Protocol

from tidegate.clock import StoreClock
from tidegate.cloudapi.messages import Request
from tidegate.cloudapi.vocabulary import Category
from tidegate.enforcement import Enforcement
from tidegate.gateway import traced, wishes
from tidegate.gateway.addressee import Addressee
from tidegate.gateway.admission import Admission, with_what_is_leased
from tidegate.gateway.answered import Answered, Explanation
from tidegate.gateway.claims import refuse_unclaimed
from tidegate.gateway.keeping import Keeping
from tidegate.gateway.message import Message, Route
from tidegate.gateway.noting import Noting
from tidegate.gateway.offline import Offline
from tidegate.gateway.posting import Posting
from tidegate.gateway.rounds import Rounds
from tidegate.gateway.settling import Settling
from tidegate.ids import MessageIds
from tidegate.metrics import Metrics
from tidegate.pacer import Pacer
from tidegate.policy.campaign.part import Part
from tidegate.policy.decide import decide, explain, judge, terms_of
from tidegate.policy.facts import Terms
from tidegate.policy.grant import Grant
from tidegate.policy.identity import Identity
from tidegate.policy.lifecycle import State
from tidegate.policy.rules import Delivery
from tidegate.policy.verdict import Reason
from tidegate.store.aliases import Aliases
from tidegate.store.ledger import Ledger
from tidegate.store.prepaid import Prepaid
from tidegate.store.sealing import Seal
from tidegate.store.send_queue import SendQueue
from tidegate.store.standings import Standings
from tidegate.store.users import Users
from tidegate.tracing import Tracing
from tidegate.upstream import Upstream


class Submit(Protocol):
    """Takes a message, and says what became of it.

    `at_ms`, `now_ms`: this moment, by this node's time and the store's, of whoever has just looked.
    """

    def __call__(
        self, message: Message, at_ms: float | None = None, now_ms: int = 0
    ) -> Coroutine[Any, Any, Answered]: ...


class Gateway:
    """Sends, queues or refuses; the one door for every message."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        queue: SendQueue,
        standings: Standings,
        upstream: Upstream,
        pacer: Pacer,
        clock: StoreClock,
        identity: Identity,
        ids: MessageIds,
        metrics: Metrics,
        users: Users,
        aliases: Aliases,
        enforcement: Enforcement,
        offline: Offline,
        prepaid: Prepaid,
        seal: Seal,
        grants: Mapping[str, Grant],
        tracing: Tracing,
    ) -> None:
        """`grants`: of the apps, by name, that may not send everything."""
        self._tracing = tracing
        self._seal = seal
        self._users = users
        self._standings = standings
        self._clock = clock
        self._identity = identity
        self._ids = ids
        self._settling = Settling(ledger, clock, users, seal, tracing)
        self._keeping = Keeping(queue, identity, clock, seal)
        self._noting = Noting(aliases, clock)
        self._enforcement = enforcement
        self._admission = Admission(
            ledger=ledger,
            standings=standings,
            clock=clock,
            metrics=metrics,
            offline=offline,
            prepaid=prepaid,
            seal=seal,
            settling=self._settling,
            keeping=self._keeping,
        )
        #: Places of each portfolio's limit that this node has taken since it started: it only grows.
        self.places_taken: Final[Mapping[str, int]] = self._admission.places_taken
        self._posting = Posting(
            upstream, self._settling, self._keeping, clock, identity, metrics, enforcement, self._noting, tracing
        )
        self._rounds = Rounds(
            standings=standings,
            users=users,
            identity=identity,
            ids=ids,
            pacer=pacer,
            clock=clock,
            ledger=ledger,
            admission=self._admission,
            posting=self._posting,
            keeping=self._keeping,
            grants=grants,
            seal=seal,
            metrics=metrics,
            tracing=tracing,
        )

        #: Sends, queues or refuses one message. Never raises for what the store or Meta may do; Unclaimed where it
        #: claims to be the only one of its kind.
        self.submit: Final[Submit] = self._traced if tracing.is_on else self._rounds.go

    def call_on_change(self, wake: Callable[[str], None]) -> None:
        """Have `wake` called with the portfolio when something was queued or a place came free."""
        self._settling.on_change = self._keeping.on_change = wake

    def call_on_fate(self, note: Callable[[str, Part, State], None]) -> None:
        """Have `note` called with the portfolio and a campaign's row when it is known what became of its message."""
        self._settling.on_fate = self._keeping.on_fate = note

    def call_on_way(self, waits: Callable[[str], None], starts: Callable[[str], None]) -> None:
        """Have one of these called with the id of a message out of the queue when it waits for its turn, or starts."""
        self._rounds.on_wait = waits
        self._posting.on_start = starts

    def call_on_answer(self, note: Callable[[Message, Answered], None]) -> None:
        """Have `note` called with each message that was submitted, as it went in the end, and what became of it."""
        self._rounds.on_answer = note

    async def settled(self, timeout_s: float) -> None:
        """Return when every outcome is written down, or after `timeout_s`."""
        ends = (self._settling, self._keeping, self._noting, self._enforcement)
        await asyncio.gather(*(end.ended(timeout_s) for end in ends))

    def new_id(self, portfolio: str) -> str:
        """A message id."""
        return self._ids.new(portfolio, self._clock.now_ms())

    async def category(self, route: Route, request: Request, hint: Category | None) -> Category | None:
        """The category that a message is judged under; None for free-form.

        The standing's word counts most, then the caller's; a template that nobody knows is marketing, the strictest.
        Raises StoreUnavailable.
        """
        if request.template is None:
            return request.category
        standing = self._standings.read(route.portfolio) or await self._standings.current(route.portfolio)
        return wishes.category_of(standing, route, request, hint)

    def deadline_ms(self, route: Route, category: Category | None) -> int:
        """When a message expires that is received now, and whose caller asked for nothing."""
        rules = self._standings.known(route.portfolio).rules
        return self._clock.now_ms() + wishes.longest_wait_ms(rules, category)

    def delivery(self, route: Route, category: Category | None) -> Delivery:
        """What is promised of a message whose caller asked for nothing."""
        return wishes.promise(self._standings.known(route.portfolio).rules, category, None)

    async def _traced(self, message: Message, at_ms: float | None = None, now_ms: int = 0) -> Answered:
        # Each time is a span of its own: whoever claims has to have claimed before.
        refuse_unclaimed(message.claim)
        with self._tracing.span("send", traced.parent_of(message)) as span:
            answered = await self._rounds.go(traced.begun(message, span), at_ms, now_ms)
            traced.ended(answered, span)
            return answered

    async def keep(self, message: Message, cause: str) -> None:
        """Queue a campaign's message, due now; one whose id was queued before stays as it is. Raises StoreUnavailable.

        It is judged when it comes out of the queue, as any other.
        """
        await self._seal.ready()
        await self._keeping.keep(message, Reason.SCHEDULED, cause, self._clock.now_ms())

    async def explain(self, message: Message) -> Explanation:
        """What would happen to this message now; takes and changes nothing. Raises StoreUnavailable."""
        request = message.request
        addressee = Addressee(request, self._identity.of(request.kind, request.recipient))
        while True:
            standing = await self._standings.current(message.route.portfolio)
            rules, user, now_ms = standing.rules, addressee.user, self._clock.now_ms()
            message.user = addressee.name
            message = self._rounds.as_judged(message, addressee, standing, now_ms)
            case = self._rounds.case(message, addressee, standing)
            terms = terms_of(case, with_what_is_leased(standing, now_ms), rules, now_ms, user)
            if not isinstance(decide(case, standing, rules, now_ms, user), Terms):
                # At night no terms are valid, and asking anew would last until the morning.
                terms = terms._replace(valid_until_ms=0)
            facts = await self._admission.seen(message, terms, addressee)
            if facts is not None:
                break
        early = decide(case, standing, rules, facts.now_ms, user)
        verdict = judge(case, terms, facts, rules) if isinstance(early, Terms) else early
        return Explanation(verdict, explain(case, standing, terms, facts, rules, user), facts, rules.version)
