"""The one door for every message."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from tidegate.clock import StoreClock
from tidegate.cloudapi.messages import Request
from tidegate.cloudapi.vocabulary import Category
from tidegate.enforcement import NO_PROBES, Enforcement, Probes
from tidegate.errors import StoreNotAsked, StoreUnavailable
from tidegate.gateway import traced, wishes
from tidegate.gateway.addressee import Addressee
from tidegate.gateway.admission import Admission, with_what_is_leased
from tidegate.gateway.answered import Answered, Explanation, Gone, Held, Refused, Unavailable, told
from tidegate.gateway.deciding import Deciding
from tidegate.gateway.handover import by_another_number
from tidegate.gateway.keeping import Keeping
from tidegate.gateway.line import Line
from tidegate.gateway.message import Message, Route
from tidegate.gateway.noting import Noting
from tidegate.gateway.offline import Offline
from tidegate.gateway.posting import Posting
from tidegate.gateway.settling import Settling
from tidegate.ids import MessageIds
from tidegate.metrics import Metrics
from tidegate.pacer import Pacer
from tidegate.policy.campaign.part import Part
from tidegate.policy.decide import decide, explain, judge, terms_of
from tidegate.policy.facts import Case, Terms
from tidegate.policy.grant import Grant
from tidegate.policy.identity import Identity
from tidegate.policy.lifecycle import State
from tidegate.policy.paces import is_marketing_now
from tidegate.policy.rules import Delivery
from tidegate.policy.standing import Standing
from tidegate.policy.verdict import Queue, Reason, Reject, Send, Verdict, Wait
from tidegate.store.aliases import Aliases
from tidegate.store.ledger import Ledger
from tidegate.store.prepaid import Prepaid
from tidegate.store.sealing import Seal
from tidegate.store.send_queue import SendQueue
from tidegate.store.standings import Standings
from tidegate.store.users import Users
from tidegate.tracing import Tracing
from tidegate.upstream import Upstream

#: More rounds in a row than this without a wait (stale standing, late starts) and the send gives way.
_ROUNDS: Final = 40


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
        self._grants = grants
        self._tracing = tracing
        self._seal = seal
        self._users = users
        self._standings = standings
        self._pacer = pacer
        self._clock = clock
        self._identity = identity
        self._ids = ids
        self._metrics = metrics
        self._settling = Settling(ledger, clock, users, seal, tracing)
        self._keeping = Keeping(queue, identity, clock, seal)
        self._noting = Noting(aliases, clock)
        self._enforcement = enforcement
        self._on_answer: Callable[[Message, Answered], None] = lambda message, answered: None
        self._on_wait: Callable[[str], None] = lambda message_id: None
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
        self._deciding: dict[str, Deciding] = defaultdict(Deciding)
        self._posting = Posting(
            upstream, self._settling, self._keeping, clock, identity, metrics, enforcement, self._noting, tracing
        )

    def call_on_change(self, wake: Callable[[str], None]) -> None:
        """Have `wake` called with the portfolio when something was queued or a place came free."""
        self._settling.on_change = self._keeping.on_change = wake

    def call_on_fate(self, note: Callable[[str, Part, State], None]) -> None:
        """Have `note` called with the portfolio and a campaign's row when it is known what became of its message."""
        self._settling.on_fate = self._keeping.on_fate = note

    def call_on_way(self, waits: Callable[[str], None], starts: Callable[[str], None]) -> None:
        """Have one of these called with the id of a message out of the queue when it waits for its turn, or starts."""
        self._on_wait = waits
        self._posting.on_start = starts

    def call_on_answer(self, note: Callable[[Message, Answered], None]) -> None:
        """Have `note` called with each message that was submitted, as it went in the end, and what became of it."""
        self._on_answer = note

    async def settled(self, timeout_s: float) -> None:
        """Return when every outcome is written down, or after `timeout_s`."""
        ends = (self._settling, self._keeping, self._noting, self._enforcement)
        await asyncio.gather(*(end.ended(timeout_s) for end in ends))

    def places_taken(self, portfolio: str) -> int:
        """Places of the portfolio's limit that this node has taken since it started; it only grows."""
        return self._admission.places_taken[portfolio]

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

    def submit(self, message: Message) -> Coroutine[Any, Any, Answered]:
        """Send, queue or refuse one message. Never raises for what the store or Meta may do."""
        return self._traced(message) if self._tracing.is_on else self._answered(message)

    async def _traced(self, message: Message) -> Answered:
        with self._tracing.span("send", traced.parent_of(message)) as span:
            answered = await self._answered(traced.begun(message, span))
            traced.ended(answered, span)
            return answered

    async def _answered(self, message: Message) -> Answered:
        went = message
        try:
            if not self._seal.is_ready:
                await self._seal.ready()
            went, answered = await self._submit(message)
        except StoreUnavailable as error:
            answered = Unavailable(message.message_id, str(error))
        verdict, reason = told(answered)
        self._metrics.sent(verdict, reason, message.category.value if message.category else "service")
        self._on_answer(went, answered)
        return answered

    async def keep(self, message: Message, cause: str) -> None:
        """Queue a campaign's message, due now; one whose id was queued before stays as it is. Raises StoreUnavailable.

        It is judged when it comes out of the queue, as any other.
        """
        await self._seal.ready()
        await self._keeping.keep(message, Reason.SCHEDULED, cause, self._clock.now_ms())

    async def explain(self, message: Message) -> Explanation:
        """What would happen to this message now; takes and changes nothing. Raises StoreUnavailable."""
        addressee = Addressee(self._users, self._identity, message.route.portfolio, message.request)
        while True:
            standing = await self._standings.current(message.route.portfolio)
            message, case = self._seen(message, addressee, standing, waited_ms=0.0)
            rules, user = standing.rules, addressee.user
            now_ms = self._clock.now_ms()
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

    async def _submit(self, message: Message, tried: frozenset[str] = frozenset()) -> tuple[Message, Answered]:
        """The message as it went, and what became of it. `tried`: numbers that a campaign's message could not go by."""
        portfolio = message.route.portfolio
        addressee = Addressee(self._users, self._identity, portfolio, message.request)
        line = Line(self._pacer.room(message.route.number), message.priority, self._clock.monotonic_ms())
        rounds = 0
        while rounds < _ROUNDS:
            rounds += 1
            standing = self._standings.read(portfolio) or await self._standings.current(portfolio)
            waited_ms = self._clock.monotonic_ms() - line.began_ms
            message, case = self._seen(message, addressee, standing, waited_ms)
            with self._tracing.span("decide"):
                decided = self._deciding[portfolio].decide(case, standing, self._clock.now_ms(), addressee.user)
            if not isinstance(decided, Terms):
                if await addressee.look(decided):
                    continue
                if isinstance(decided, Wait):
                    # A breaker that lets go within the time for which a send may wait.
                    rounds = 0
                    self._rests(message)
                    await self._clock.sleep_until(decided.until_ms)
                    continue
                return await self._conclude(message, decided, standing, tried)
            verdict: Verdict | Answered | None = line.verdict(case, decided, self._clock.now_ms())
            if verdict is None:
                message, verdict = await self._attempt(message, case, decided, standing, addressee)
            if isinstance(verdict, Wait):
                # Waiting has a bound of its own: the time for which a send waits for its turn.
                rounds = 0
                self._rests(message)
                verdict = await line.wait(verdict, case, decided, self._clock)
            if isinstance(verdict, Queue | Reject):
                return await self._conclude(message, verdict, standing, tried)
            if verdict is not None and not isinstance(verdict, Send | Wait):
                return message, verdict
        return message, Unavailable(message.message_id, "the standing changes faster than this send can be decided")

    def _rests(self, message: Message) -> None:
        if message.queued:
            self._on_wait(message.message_id)

    async def _attempt(
        self, message: Message, case: Case, terms: Terms, standing: Standing, addressee: Addressee
    ) -> tuple[Message, Verdict | Answered | None]:
        """Ask the ledger, and post what it takes: how it ended, or None for another round with this message."""
        note = addressee.note(case, standing.rules, self._clock.now_ms())
        if note.marketing_at_ms != message.marketing_at_ms:
            message = message._replace(marketing_at_ms=note.marketing_at_ms)
        with self._tracing.span("admit"):
            judged, asked_at_ms = await self._admission.judged(message, case, terms, standing, addressee, note)
        if message.deadline_is_ours and _is_expired(judged):
            return self._with_new_deadline(message), None
        if not isinstance(judged, Send):
            return message, judged
        probes = NO_PROBES
        if terms.turns or note.probes:
            probes = Probes(tuple(turn.probes for turn in terms.turns if turn.probes), note.probes)
        answered = await self._posting.post(message, asked_at_ms, probes)
        if answered is None:
            return message._replace(message_id=self.new_id(message.route.portfolio)), None
        return message, answered

    def _seen(
        self, message: Message, addressee: Addressee, standing: Standing, waited_ms: float
    ) -> tuple[Message, Case]:
        """The message and its case under a standing: to whom it goes, and as what it is judged now."""
        grant, version = self._grants.get(message.app), standing.rules.version
        if (message.user, message.rules_version) != (addressee.name, version):
            of_share = grant is not None and grant.limit_share is not None
            message = message._replace(user=addressee.name, rules_version=version, of_share=of_share)
        # Where nobody's night matters, nobody is asked where they live.
        zones = () if standing.rules.quiet_hours is None and message.campaign is None else addressee.zones
        case = message.case(waited_ms, standing.rules, zones)
        if grant is not None:
            case = case._replace(grant=grant)
        if case.category is Category.UTILITY and is_marketing_now(case, standing, self._clock.now_ms()):
            message = message._replace(category=Category.MARKETING)
            case = case._replace(category=Category.MARKETING)
        return message, case

    def _with_new_deadline(self, message: Message) -> Message:
        # It has only just come: the store's time was put forward, and this node did not know of it.
        deadline_ms = self.deadline_ms(message.route, message.category)
        return message._replace(deadline_ms=deadline_ms, deadline_is_ours=False)

    async def _conclude(
        self, message: Message, verdict: Verdict, standing: Standing, tried: frozenset[str]
    ) -> tuple[Message, Answered]:
        match verdict:
            case Queue(reason, detail, until_ms, needs_place, spread_ms):
                if message.alternatives:
                    tried |= {message.route.number}
                    other = by_another_number(message, reason, standing, self._clock.now_ms(), tried)
                    if other is not None:
                        return await self._submit(other, tried)
                try:
                    await self._keeping.keep(
                        message, reason, detail, until_ms, needs_place=needs_place, spread_ms=spread_ms
                    )
                except StoreUnavailable as fault:
                    if not message.queued and not isinstance(fault, StoreNotAsked):
                        self._keeping.retract(message)
                    raise
                return message, Held(message.message_id, "queue", reason, until_ms)
            case Reject(reason, detail, until_ms, pacing):
                if message.queued:
                    ended = State.EXPIRED if reason is Reason.EXPIRED else State.FAILED
                    await self._keeping.end(message, ended, detail, reason)
                if reason is Reason.STORE_UNAVAILABLE:
                    return message, Unavailable(message.message_id, detail)
                return message, Refused(message.message_id, reason, detail, until_ms, pacing)
            case _:
                raise AssertionError(f"{type(verdict).__name__} concludes nothing")


def _is_expired(verdict: Verdict | Gone | None) -> bool:
    return isinstance(verdict, Reject) and verdict.reason is Reason.EXPIRED
