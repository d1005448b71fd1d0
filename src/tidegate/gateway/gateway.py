"""The one door for every message."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from tidegate.clock import StoreClock
from tidegate.cloudapi.messages import Request
from tidegate.cloudapi.vocabulary import Category
from tidegate.errors import StoreUnavailable
from tidegate.gateway.answered import Answered, Explanation, Gone, Held, Refused, Unavailable, told
from tidegate.gateway.keeping import Keeping
from tidegate.gateway.line import Line
from tidegate.gateway.message import Message, Route
from tidegate.gateway.posting import Posting
from tidegate.gateway.settling import Settling
from tidegate.ids import MessageIds
from tidegate.metrics import Metrics
from tidegate.pacer import Pacer
from tidegate.policy.capacity import Release, place_at, release_curve
from tidegate.policy.decide import decide, explain, judge, shadowed, terms_of
from tidegate.policy.facts import Case, Facts, Terms
from tidegate.policy.identity import Identity
from tidegate.policy.rules import Hold, Rules
from tidegate.policy.verdict import Queue, Reason, Reject, Send, Verdict, Wait
from tidegate.store.ledger import Ask, Ledger
from tidegate.store.send_queue import SendQueue
from tidegate.store.standings import Standings
from tidegate.upstream import Upstream

#: More rounds in a row than this without a wait (stale standing, late starts) and the send gives way.
_ROUNDS: Final = 40
_CURVE_AGE_MS: Final = 1_000


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
        rules: Rules,
    ) -> None:
        self._ledger = ledger
        self._standings = standings
        self._pacer = pacer
        self._clock = clock
        self._identity = identity
        self._ids = ids
        self._metrics = metrics
        self._places_taken: Counter[str] = Counter()
        self._curves: dict[str, tuple[int, list[Release]]] = {}
        self.rules = rules
        self._settling = Settling(ledger, clock)
        self._keeping = Keeping(queue, identity, clock)
        self._posting = Posting(upstream, self._settling, self._keeping, clock, identity, metrics)

    def call_on_change(self, wake: Callable[[str], None]) -> None:
        """Have `wake` called with the portfolio when something was queued or a place came free."""
        self._settling.on_change = self._keeping.on_change = wake

    async def settled(self, timeout_s: float) -> None:
        """Return when every outcome is written down, or after `timeout_s`."""
        await asyncio.gather(self._settling.ended(timeout_s), self._keeping.ended(timeout_s))

    def places_taken(self, portfolio: str) -> int:
        """Places of the portfolio's limit that this node has taken since it started; it only grows."""
        return self._places_taken[portfolio]

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
        standing = await self._standings.current(route.portfolio)
        known = standing.template(route.waba, request.template.name, request.template.language)
        return (known.category if known else None) or hint or Category.MARKETING

    def deadline_ms(self, category: Category | None, asked_ms: int | None) -> int:
        """When a message expires: what the caller asked for, else what its category may wait at most."""
        wait_ms = self.rules.max_wait.of(category or Category.AUTHENTICATION)
        return asked_ms if asked_ms is not None else self._clock.now_ms() + wait_ms

    def holds(self, category: Category | None, asked: Hold | None) -> bool:
        """Whether a message may be queued: never free-form; else what the caller asked for, or its category's rule."""
        return category is not None and (asked or self.rules.hold.of(category)) is Hold.QUEUE

    async def submit(self, message: Message) -> Answered:
        """Send, queue or refuse one message. Never raises for what the store or Meta may do."""
        try:
            answered = await self._submit(message)
        except StoreUnavailable as error:
            answered = Unavailable(message.message_id, str(error))
        verdict, reason = told(answered)
        self._metrics.sent(verdict, reason, message.category.value if message.category else "service")
        return answered

    async def explain(self, message: Message) -> Explanation:
        """What would happen to this message now; takes and changes nothing. Raises StoreUnavailable."""
        while True:
            standing = await self._standings.current(message.route.portfolio)
            case = message.case(0.0, self.rules)
            terms = terms_of(case, standing, self.rules)
            facts = await self._ledger.admit(self._ask(message, terms, dry_run=True))
            if not facts.stale:
                break
            await self._standings.reload(message.route.portfolio, facts.epoch)
        facts = await self._with_place_time(message, terms, facts)
        early = decide(case, standing, self.rules, facts.now_ms)
        verdict = judge(case, terms, facts, self.rules) if isinstance(early, Terms) else early
        return Explanation(verdict, explain(case, standing, terms, facts, self.rules), facts, self.rules.version)

    async def _submit(self, message: Message) -> Answered:
        line = Line(self._pacer.room(message.route.number), message.priority, self._clock.monotonic_ms())
        rounds = 0
        while rounds < _ROUNDS:
            rounds += 1
            standing = await self._standings.current(message.route.portfolio)
            case = message.case(self._clock.monotonic_ms() - line.began_ms, self.rules)
            decided = decide(case, standing, self.rules, self._clock.now_ms())
            if not isinstance(decided, Terms):
                return await self._conclude(message, decided)
            verdict = line.verdict(case, decided, self._clock.now_ms())
            if verdict is None:
                asked_at_ms = self._clock.monotonic_ms()
                judged = await self._judged(message, case, decided)
                if isinstance(judged, Gone):
                    return judged
                if message.deadline_is_ours and _is_expired(judged):
                    message = self._with_new_deadline(message)
                    continue
                if isinstance(judged, Send):
                    answered = await self._posting.post(message, asked_at_ms)
                    if answered is not None:
                        return answered
                    message = replace(message, message_id=self.new_id(message.route.portfolio))
                verdict = judged
            if isinstance(verdict, Wait):
                # Waiting has a bound of its own: the time for which a send waits for its turn.
                rounds = 0
                verdict = await line.wait(verdict, case, decided, self._clock)
            if isinstance(verdict, Queue | Reject):
                return await self._conclude(message, verdict)
        return Unavailable(message.message_id, "the standing changes faster than this send can be decided")

    def _with_new_deadline(self, message: Message) -> Message:
        # It has only just come: the store's time was put forward, and this node did not know of it.
        return replace(message, deadline_ms=self.deadline_ms(message.category, None), deadline_is_ours=False)

    async def _judged(self, message: Message, case: Case, terms: Terms) -> Verdict | Gone | None:
        """Admit, and judge what was seen; None when the decision was made under an old standing."""
        facts = await self._admit(message, terms)
        if facts.stale:
            await self._standings.reload(message.route.portfolio, facts.epoch)
            return None
        if facts.taken and not facts.repeated and facts.needs_place(terms):
            self._places_taken[message.route.portfolio] += 1
        if facts.gone:
            return Gone(message.message_id)
        if facts.expired:
            return Reject(Reason.EXPIRED, "its deadline passed before it could be sent")
        facts = await self._with_place_time(message, terms, facts)
        self._metrics.shadowed(shadowed(case, terms, facts, self.rules))
        return judge(case, terms, facts, self.rules)

    async def _admit(self, message: Message, terms: Terms) -> Facts:
        try:
            facts = await self._ledger.admit(self._ask(message, terms))
        except StoreUnavailable:
            # The call may have been carried out: what it took is given back once the store can be reached.
            if message.queued:
                self._keeping.give_back(message, Reason.STORE_UNAVAILABLE, "the store did not answer in time")
            else:
                self._settling.unsent(message, "never started")
            raise
        self._clock.observe(facts.now_ms)
        return facts

    def _ask(self, message: Message, terms: Terms, *, dry_run: bool = False) -> Ask:
        route, request = message.route, message.request
        recipient = self._identity.of(request.kind, request.recipient)
        about = b"" if dry_run else message.about()
        return Ask(
            route.portfolio,
            message.message_id,
            message.attempt,
            recipient,
            route.number,
            terms,
            message.deadline_ms,
            about,
            dry_run,
        )

    async def _with_place_time(self, message: Message, terms: Terms, facts: Facts) -> Facts:
        bound = min((p for p in (terms.limit_places, terms.category_places) if p >= 0), default=-1)
        if bound < 0 or facts.used < bound or not facts.needs_place(terms):
            return facts
        portfolio = message.route.portfolio
        read_at_ms, curve = self._curves.get(portfolio, (0, []))
        if abs(facts.now_ms - read_at_ms) > _CURVE_AGE_MS:
            books = await self._ledger.books(portfolio)
            curve = release_curve(books.releases, books.now_ms)
            self._curves[portfolio] = (books.now_ms, curve)
        return replace(facts, place_at_ms=place_at(curve, facts.used, bound))

    async def _conclude(self, message: Message, verdict: Verdict) -> Answered:
        match verdict:
            case Queue(reason, detail, until_ms, needs_place):
                try:
                    await self._keeping.keep(message, reason, detail, until_ms, needs_place=needs_place)
                except StoreUnavailable:
                    if not message.queued:
                        self._keeping.retract(message)
                    raise
                return Held(message.message_id, "queue", reason, until_ms)
            case Reject(reason, detail, until_ms, pacing):
                if message.queued:
                    ended = "expired" if reason is Reason.EXPIRED else "failed"
                    await self._keeping.end(message, ended, detail, reason)
                return Refused(message.message_id, reason, detail, until_ms, pacing)
            case _:
                raise AssertionError(f"{type(verdict).__name__} concludes nothing")


def _is_expired(verdict: Verdict | None) -> bool:
    return isinstance(verdict, Reject) and verdict.reason is Reason.EXPIRED
