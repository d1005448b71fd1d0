"""The way of a send: look, decide, admit, post, settle. Direct and queued sends take the same one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson

from tidegate.clock import StoreClock
from tidegate.cloudapi.errors import ErrorCode, lookup, read_error
from tidegate.cloudapi.messages import RecipientKind, Request, read_acceptance, serialise, wrap_opaque
from tidegate.cloudapi.vocabulary import Category
from tidegate.errors import StoreUnavailable
from tidegate.ids import MessageIds
from tidegate.metrics import Metrics
from tidegate.pacer import Pacer, Room
from tidegate.policy.capacity import Release, place_at, release_curve
from tidegate.policy.decide import Answer, decide, explain, judge, shadowed, terms_of
from tidegate.policy.facts import Case, Facts, Terms
from tidegate.policy.identity import Identity
from tidegate.policy.rules import Hold, Rules
from tidegate.policy.verdict import Objection, Queue, Reason, Reject, Send, Verdict, Wait
from tidegate.store.ledger import Ask, Ledger, Outcome
from tidegate.store.send_queue import Lane, SendQueue, Waiting
from tidegate.store.standings import Standings
from tidegate.tasks import spawn
from tidegate.upstream import NotSent, Response, Unknown, Upstream

#: A send that was admitted starts within this span of its asking, or not at all: whoever acknowledges a stop waits
#: this long first, and from then on no send that was admitted before the stop can start.
START_BY_MS: Final = 200
#: More rounds than this (stale standing, turns missed) and the send gives way.
_ROUNDS: Final = 40
_BACK_OFF_MS: Final = {130429: 1_000, 131056: 6_000, 131057: 60_000, 131016: 5_000, 2: 5_000}
_UNREACHABLE_MS: Final = 5_000
#: A message held until nobody knows when is asked again after this, if nothing rouses it before.
_RECHECK_MS: Final = 60_000
_CURVE_AGE_MS: Final = 1_000
_POSTED: Final[dict[type, str]] = {Response: "answered", Unknown: "unknown", NotSent: "not_sent"}


@dataclass(frozen=True, slots=True)
class Route:
    """One number and the accounts that it belongs to."""

    portfolio: str
    waba: str
    number: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message on its way, direct or out of the queue.

    `raw_path` is the path to post to, with its version and query; `deadline_ms` and `not_before_ms` are the store's
    time. `attempt` is the fence: 1 for a direct send, what `claim` gave for a queued one.
    """

    message_id: str
    app: str
    route: Route
    request: Request
    raw_path: str
    deadline_ms: int
    category: Category | None
    hold: bool
    not_before_ms: int = 0
    campaign: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    attempt: int = 1
    queued: bool = False
    pacing_wait_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Forwarded:
    """Meta's own answer, to be passed on byte for byte."""

    message_id: str
    response: Response
    accepted: bool


@dataclass(frozen=True, slots=True)
class Held:
    """Kept in the queue (`verdict` queue), or sent with an outcome that nobody knows yet (`unknown`)."""

    message_id: str
    verdict: str
    reason: Reason
    until_ms: int | None


@dataclass(frozen=True, slots=True)
class Refused:
    """Not sent and not kept."""

    message_id: str
    reason: Reason
    detail: str
    until_ms: int | None
    pacing: bool


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A fault of ours, or Meta out of reach: nothing was sent, nothing is kept, try again."""

    message_id: str
    detail: str


@dataclass(frozen=True, slots=True)
class Gone:
    """A queued message that is not this attempt's any more: cancelled, expired, or claimed by another node."""

    message_id: str


Answered = Forwarded | Held | Refused | Unavailable | Gone


@dataclass(frozen=True, slots=True)
class Explanation:
    """What would happen to a send, and every guardrail's answer."""

    verdict: Verdict
    answers: list[Answer]
    facts: Facts
    rules_version: str


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
        self._queue = queue
        self._standings = standings
        self._upstream = upstream
        self._pacer = pacer
        self._clock = clock
        self._identity = identity
        self._ids = ids
        self._metrics = metrics
        self._curves: dict[str, tuple[float, list[Release]]] = {}
        self.rules = rules
        #: Called when something was queued or a place came free, with the portfolio: the dispatcher's alarm clock.
        self.on_change: Callable[[str], None] = lambda portfolio: None

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
        verdict, reason = _told(answered)
        self._metrics.sent(verdict, reason, message.category.value if message.category else "service")
        return answered

    async def explain(self, message: Message) -> Explanation:
        """What would happen to this message now; takes and changes nothing. Raises StoreUnavailable."""
        while True:
            standing = await self._standings.current(message.route.portfolio)
            case = _case(message, 0.0, self.rules)
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
        line = _Line(self._pacer.room(message.route.number), _priority(message), self._clock.monotonic_ms())
        for _ in range(_ROUNDS):
            standing = await self._standings.current(message.route.portfolio)
            case = _case(message, self._clock.monotonic_ms() - line.began_ms, self.rules)
            decided = decide(case, standing, self.rules, self._clock.now_ms())
            if not isinstance(decided, Terms):
                return await self._conclude(message, decided)
            verdict = line.verdict(case, decided, self._clock.now_ms())
            if verdict is None:
                asked_at_ms = self._clock.monotonic_ms()
                judged = await self._judged(message, case, decided)
                if isinstance(judged, Gone):
                    return judged
                if isinstance(judged, Send):
                    answered = await self._post(message, asked_at_ms)
                    if answered is not None:
                        return answered
                    message = replace(message, message_id=self.new_id(message.route.portfolio))
                verdict = judged
            if isinstance(verdict, Wait):
                verdict = await line.wait(verdict, case, decided, self._clock)
            if isinstance(verdict, Queue | Reject):
                return await self._conclude(message, verdict)
        return Unavailable(message.message_id, "the standing changes faster than this send can be decided")

    async def _judged(self, message: Message, case: Case, terms: Terms) -> Verdict | Gone | None:
        """Admit, and judge what was seen; None when the decision was made under an old standing."""
        facts = await self._admit(message, terms)
        if facts.stale:
            await self._standings.reload(message.route.portfolio, facts.epoch)
            return None
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
            spawn(self._abandon(message), "abandon")
            raise
        self._clock.observe(facts.now_ms)
        return facts

    async def _abandon(self, message: Message) -> None:
        route = message.route
        await self._settle(
            Outcome(route.portfolio, message.message_id, message.attempt, "failed", "never started", release=True)
        )

    def _ask(self, message: Message, terms: Terms, *, dry_run: bool = False) -> Ask:
        route, request = message.route, message.request
        recipient = self._identity.of(request.kind, request.recipient)
        about = b"" if dry_run else _about(message)
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
        read_at_ms, curve = self._curves.get(portfolio, (float("-inf"), []))
        if self._clock.monotonic_ms() - read_at_ms > _CURVE_AGE_MS:
            books = await self._ledger.books(portfolio)
            curve = release_curve(books.releases, books.now_ms)
            self._curves[portfolio] = (self._clock.monotonic_ms(), curve)
        return replace(facts, place_at_ms=place_at(curve, facts.used, bound))

    async def _conclude(self, message: Message, verdict: Verdict) -> Answered:
        match verdict:
            case Queue(reason, detail, until_ms, needs_place):
                await self._enqueue(message, reason, detail, until_ms, needs_place=needs_place)
                return Held(message.message_id, "queue", reason, until_ms)
            case Reject(reason, detail, until_ms, pacing):
                if message.queued:
                    ended = "expired" if reason is Reason.EXPIRED else "failed"
                    portfolio = message.route.portfolio
                    await self._queue.end(portfolio, message.message_id, ended, detail, reason.value)
                return Refused(message.message_id, reason, detail, until_ms, pacing)
            case _:
                raise AssertionError(f"{type(verdict).__name__} concludes nothing")

    async def _enqueue(
        self,
        message: Message,
        reason: Reason,
        cause: str,
        until_ms: int | None,
        *,
        needs_place: bool,
        sent: bool = False,
    ) -> None:
        assert message.category is not None, "free-form messages are never queued"
        route = message.route
        waiting = Waiting(
            message_id=message.message_id,
            attempt=message.attempt if message.queued or sent else None,
            lane=Lane(route.number, message.category),
            recipient=self._identity.of(message.request.kind, message.request.recipient),
            due_at_ms=self._clock.now_ms() + _RECHECK_MS if until_ms is None else until_ms,
            needs_place=needs_place,
            expires_at_ms=message.deadline_ms,
            body=_packed(message),
            about=_about(message),
            reason=reason.value,
            until_ms=until_ms,
            cause=cause,
        )
        await self._queue.enqueue(route.portfolio, waiting)
        self.on_change(route.portfolio)

    async def _post(self, message: Message, asked_at_ms: float) -> Answered | None:
        """Post an admitted message; None when it did not start in time and has to ask again."""

        def may_start() -> bool:
            return self._clock.monotonic_ms() - asked_at_ms <= START_BY_MS

        opaque = wrap_opaque(message.message_id, self._identity.seal(message.message_id))
        body = serialise(message.request, opaque)
        began_ms = self._clock.monotonic_ms()
        result = await self._upstream.post(message.route.number, message.raw_path, body, message.headers, may_start)
        self._metrics.posted(_POSTED[type(result)], self._clock.monotonic_ms() - began_ms)
        match result:
            case NotSent(cause, lapsed=True):
                if message.queued:
                    return await self._later(message, Reason.UPSTREAM_THROTTLED, 0, cause)
                # The caller has not seen this id yet: the next try is a message of its own.
                await self._settle(self._outcome(message, "failed", cause, release=True))
                return None
            case NotSent(cause):
                return await self._later(message, Reason.UPSTREAM_THROTTLED, _UNREACHABLE_MS, f"not sent: {cause}")
            case Unknown(cause):
                return self._unknown(message, cause)
            case Response():
                return await self._answered(message, result)

    async def _answered(self, message: Message, response: Response) -> Answered:
        acceptance = read_acceptance(response.body) if 200 <= response.status < 300 else None
        if acceptance is not None:
            self._settle_soon(self._outcome(message, "accepted", acceptance.message_status, wamid=acceptance.wamid))
            return Forwarded(message.message_id, response, accepted=True)
        error = read_error(response.body) if response.status >= 400 else None
        if error is None:
            return self._unknown(message, f"HTTP {response.status} without proof of anything")
        meaning = lookup(error.code)
        if not meaning.settles:
            return self._unknown(message, f"Meta answered {error.code}, which proves nothing")
        self._metrics.refused_by_meta(error.code)
        if meaning.is_throttle and message.hold:
            wait_ms = _BACK_OFF_MS.get(error.code, _UNREACHABLE_MS)
            return await self._later(message, _throttle_reason(meaning), wait_ms, f"Meta answered {error.code}")
        self._settle_soon(self._outcome(message, "failed", f"Meta answered {error.code}", release=True))
        return Forwarded(message.message_id, response, accepted=False)

    async def _later(self, message: Message, reason: Reason, wait_ms: int, cause: str) -> Answered:
        """Proven unsent, for a reason that passes: queued where it may be, its place given back; else refused."""
        if not message.hold:
            self._settle_soon(self._outcome(message, "failed", cause, release=True))
            return Unavailable(message.message_id, cause)
        until_ms = self._clock.now_ms() + wait_ms
        try:
            await self._enqueue(message, reason, cause, until_ms, needs_place=False, sent=True)
        except StoreUnavailable:
            self._settle_soon(self._outcome(message, "failed", cause, release=True))
            raise
        return Held(message.message_id, "queue", reason, until_ms)

    def _unknown(self, message: Message, cause: str) -> Held:
        self._settle_soon(self._outcome(message, "unknown", cause))
        return Held(message.message_id, "unknown", Reason.OUTCOME_UNKNOWN, None)

    def _outcome(self, message: Message, state: Any, cause: str, *, wamid: str = "", release: bool = False) -> Outcome:
        return Outcome(message.route.portfolio, message.message_id, message.attempt, state, cause, wamid, release)

    def _settle_soon(self, outcome: Outcome) -> None:
        # Off the answer's path: what is lost with this process is found again by its intent.
        spawn(self._settle(outcome), "settle")

    async def _settle(self, outcome: Outcome) -> None:
        await until_stored(lambda: self._ledger.settle(outcome), self._clock)
        if outcome.release:
            self.on_change(outcome.portfolio)


async def until_stored(write: Callable[[], Awaitable[Any]], clock: StoreClock, tries: int = 60) -> Any:
    """Repeat an idempotent write until the store takes it, with waits of up to a second; raises when it never does."""
    for attempt in range(tries):
        try:
            return await write()
        except StoreUnavailable:
            if attempt == tries - 1:
                raise
            await clock.sleep_until(clock.now_ms() + min(1_000, 50 * 2**attempt))
    raise AssertionError("unreachable")


def _told(answered: Answered) -> tuple[str, Reason | None]:
    match answered:
        case Held(_, verdict, reason):
            return verdict, reason
        case Refused(_, reason):
            return "reject", reason
        case Unavailable():
            return "reject", Reason.STORE_UNAVAILABLE
        case Gone():
            return "gone", None
        case Forwarded():
            return "send", None


def _case(message: Message, waited_ms: float, rules: Rules) -> Case:
    request, route = message.request, message.route
    wait_ms = rules.pacing_wait_ms if message.pacing_wait_ms is None else message.pacing_wait_ms
    return Case(
        portfolio=route.portfolio,
        waba=route.waba,
        number=route.number,
        category=message.category,
        template=(request.template.name, request.template.language) if request.template else None,
        hold=message.hold,
        expires_at_ms=message.deadline_ms,
        not_before_ms=message.not_before_ms,
        pacing_wait_ms=max(0, int(wait_ms - waited_ms)),
        campaign=message.campaign,
        to_group=request.kind is RecipientKind.GROUP,
    )


def _priority(message: Message) -> int:
    """Authentication, utility, replies, marketing; a queued send goes after a direct one of its category."""
    rank = {Category.AUTHENTICATION: 0, Category.UTILITY: 2, None: 4, Category.MARKETING: 6}[message.category]
    return rank + message.queued


class _Line:
    """One send's place in the line before its number: who was there first, and more urgent, goes first."""

    __slots__ = ("_arrival", "_has_turn", "_joined", "_priority", "_room", "began_ms")

    def __init__(self, room: Room, priority: int, began_ms: float) -> None:
        self._room = room
        self._priority = priority
        self._arrival = room.arrival()
        self._has_turn = False
        self._joined = False
        self.began_ms = began_ms

    def verdict(self, case: Case, terms: Terms, now_ms: int) -> Verdict | None:
        """What the line says to this send; None: it may ask the ledger."""
        turn_at_ms = None if self._has_turn else self._room.turn_at_ms(self._priority)
        self._has_turn = False
        self._joined = turn_at_ms is not None and terms.throughput_emission_us > 0
        if turn_at_ms is None or not self._joined:
            return None
        detail = "the number's messages per second are used up, and others wait before this one"
        objection = Objection(Reason.THROUGHPUT, detail, until_ms=turn_at_ms, pacing=True)
        fits = turn_at_ms - now_ms <= case.pacing_wait_ms
        return Wait(objection, turn_at_ms) if fits else _given_up(case, objection)

    async def wait(self, wait: Wait, case: Case, terms: Terms, clock: StoreClock) -> Verdict | None:
        """Wait for the turn; None when it came, else what becomes of the send."""
        if wait.objection.reason is not Reason.THROUGHPUT:
            await clock.sleep_until(wait.until_ms)
            return None
        emission_ms = terms.throughput_emission_us / 1000
        # One who joins the line knows only an estimate of its own turn, not when the next turn comes.
        opens_at_ms = None if self._joined else wait.until_ms
        self._has_turn = await self._room.wait(
            self._priority, self._arrival, opens_at_ms, emission_ms, case.pacing_wait_ms
        )
        return None if self._has_turn else _given_up(case, wait.objection)


def _given_up(case: Case, objection: Objection) -> Verdict:
    if case.hold:
        return Queue(objection.reason, objection.detail, objection.until_ms)
    return Reject(objection.reason, objection.detail, objection.until_ms, pacing=True)


def _throttle_reason(meaning: ErrorCode) -> Reason:
    return {130429: Reason.THROUGHPUT, 131056: Reason.PAIR_RATE}.get(meaning.code, Reason.UPSTREAM_THROTTLED)


def _about(message: Message) -> bytes:
    request = message.request
    about = {
        "app": message.app,
        "number": message.route.number,
        "waba": message.route.waba,
        "category": message.category.value if message.category else "service",
        "type": request.type,
        "template": f"{request.template.name}/{request.template.language}" if request.template else None,
        "campaign": message.campaign,
    }
    return orjson.dumps({key: value for key, value in about.items() if value is not None})


def _packed(message: Message) -> bytes:
    """What a queued message needs to go on its way again: sealed before it is stored."""
    return orjson.dumps(
        {
            "body": message.request.body,
            "path": message.raw_path,
            "headers": dict(message.headers),
            "not_before_ms": message.not_before_ms,
        }
    )
