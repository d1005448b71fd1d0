"""The rounds of a send: look, decide, ask the ledger, post; until one of them ends it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from msgspec.structs import replace

from tidegate.clock import StoreClock
from tidegate.cloudapi.vocabulary import Category
from tidegate.errors import StoreNotAsked, StoreUnavailable
from tidegate.gateway.addressee import Addressee, Note
from tidegate.gateway.admission import Admission
from tidegate.gateway.answered import Answered, Gone, Held, Refused, Unavailable
from tidegate.gateway.claims import refuse_unclaimed
from tidegate.gateway.deciding import Deciding, Yes
from tidegate.gateway.handover import by_another_number
from tidegate.gateway.keeping import Keeping
from tidegate.gateway.line import Line
from tidegate.gateway.message import Message, Route
from tidegate.gateway.posting import Posting
from tidegate.gateway.wishes import longest_wait_ms
from tidegate.ids import MessageIds
from tidegate.metrics import Metrics
from tidegate.pacer import Pacer, Room
from tidegate.policy.facts import Case, Facts
from tidegate.policy.grant import Grant
from tidegate.policy.identity import Identity
from tidegate.policy.lifecycle import State
from tidegate.policy.paces import is_marketing_now
from tidegate.policy.rules import Rules
from tidegate.policy.standing import Standing
from tidegate.policy.verdict import SEND, Queue, Reason, Reject, Verdict, Wait
from tidegate.store.asks import Ask
from tidegate.store.ledger import Ledger
from tidegate.store.sealing import Seal
from tidegate.store.standings import Standings
from tidegate.store.users import Users
from tidegate.tracing import Tracing

#: More rounds in a row than this without a wait (stale standing, late starts) and the send gives way.
_ROUNDS: Final = 40
_TOO_OFTEN: Final = "the standing changes faster than this send can be decided"
#: A member of an enumeration is looked for at each asking; this one is asked for at each send.
_UTILITY: Final = Category.UTILITY

_Decide = Callable[[Message, Addressee, Standing, Line, int], Verdict | Yes]
_Admit = Callable[[Ask], Awaitable[Facts]]


class _Desks(dict[Route, tuple[Room, _Decide, _Admit]]):
    """What each send by a number asks: who waits before it, whether it may go, and the ledger; by route."""

    def __init__(self, desk: Callable[[Route], tuple[Room, _Decide, _Admit]]) -> None:
        """`desk`: makes one of a route that is asked for."""
        super().__init__()
        self._desk = desk

    def __missing__(self, route: Route) -> tuple[Room, _Decide, _Admit]:
        desk = self[route] = self._desk(route)
        return desk


class Rounds:
    """Takes messages round by round. Direct and queued ones go the same way."""

    def __init__(
        self,
        *,
        standings: Standings,
        users: Users,
        identity: Identity,
        ids: MessageIds,
        pacer: Pacer,
        clock: StoreClock,
        ledger: Ledger,
        admission: Admission,
        posting: Posting,
        keeping: Keeping,
        grants: Mapping[str, Grant],
        seal: Seal,
        metrics: Metrics,
        tracing: Tracing,
    ) -> None:
        self._standings = standings
        self._read = standings.read
        self._users = users
        self._identity = identity
        self._ids = ids
        self._clock = clock
        self._admission = admission
        self._posting = posting
        ledger.on_asked = posting.prepare
        self._keeping = keeping
        self._grants = grants
        #: What is sealed of a send is sealed with those of its day.
        self._keys = seal.keys
        self._sharing = frozenset(app for app, grant in grants.items() if grant.limit_share is not None)
        self._counted = metrics.sends
        decides = {portfolio: Deciding(self.case, tracing).decided for portfolio in standings.portfolios}
        admits = {
            portfolio: tracing.awaited_within("admit", ledger.admitting(portfolio))
            for portfolio in standings.portfolios
        }
        self._desks = _Desks(
            lambda route: (pacer.room(route.number), decides[route.portfolio], admits[route.portfolio])
        )
        #: Called with the id of a message out of the queue that waits for its turn.
        self.on_wait: Callable[[str], None] = lambda message_id: None
        #: Called with each message as it went in the end, and what became of it.
        self.on_answer: Callable[[Message, Answered], None] = lambda message, answered: None

    async def go(
        self, message: Message, at_ms: float | None = None, now_ms: int = 0, *, tried: frozenset[str] = frozenset()
    ) -> Answered:
        """What became of a message. Raises Unclaimed, and nothing for what the store or Meta may do.

        `at_ms`, `now_ms`: this moment, by this node's time and the store's, where that was just looked at. `tried`:
        numbers that a campaign's message could not go by.
        """
        # What most sends take is written out here: all of them pay for each function that another one waits for.
        clock, request, route = self._clock, message.request, message.route
        addressee = Addressee(request, self._identity.of(request.kind, request.recipient))
        # One look at the clock for all of a round: what it admits starts within a span of it.
        at_ms = clock.monotonic_ms() if at_ms is None else at_ms
        now_ms = now_ms or clock.at_ms(at_ms)
        room, decide, admit = self._desks[route]
        line = Line(room, clock, message, at_ms, at_ms)
        message.of_share = message.app in self._sharing
        answered: Answered | None = None
        try:
            if now_ms >= self._keys.turns_at_ms:
                await self._keys.ready()
                line.asked_ms = clock.monotonic_ms()
                now_ms = clock.at_ms(line.asked_ms)
            while answered is None:
                standing = self._read(route.portfolio) or await self._standings.current(route.portfolio)
                message.user, message.rules_version = addressee.name, standing.rules.version
                calm = standing.breakers.are_closed
                message = message if calm else self.as_judged(message, addressee, standing, now_ms)
                decided = decide(message, addressee, standing, line, now_ms)
                verdict: Verdict | Gone | None
                if not isinstance(decided, Yes) or (room.waiters and line.joins(decided.terms)):
                    verdict = await self._unasked(message, decided, standing, addressee, line, now_ms)
                else:
                    note = (
                        self._note(message, decided, standing, addressee, line, now_ms)
                        if decided.leaves_a_mark or message.marketing_at_ms
                        else None
                    )
                    ask = self._admission.asking(message, decided, note)
                    try:
                        facts = await admit(ask)
                    except StoreUnavailable as fault:
                        case = self.case(message, addressee, standing, line)
                        verdict = await self._admission.alone(message, case, ask, standing.rules, fault)
                        # Nobody's stop can reach this node now: its start is counted from its own word.
                        line.asked_ms = clock.monotonic_ms()
                    else:
                        # What was taken is not judged, where nobody has anything to say beside: it would be Send.
                        is_sent = self._admission.taken(message, ask, facts, line.asked_ms) and decided.is_quiet
                        verdict = (
                            SEND if is_sent else await self._judged(message, ask, standing, addressee, line, facts)
                        )
                    if verdict is SEND:
                        probes = decided.probes if note is None else note.with_probes(decided.probes)
                        began_s = clock.monotonic_s()
                        posted = await self._posting.post(message, ask, line.may_start)
                        answered = self._posting.accepted(message, posted, began_s, probes)
                        answered = answered or await self._posting.otherwise(message, posted, probes)
                if answered is None:
                    ended = await self._not_sent(message, verdict, decided, standing, addressee, line, tried)
                    message, answered = ended
                    if message.route is not route:
                        return await self.go(message, tried=tried | {route.number})
                    answered = answered or _given_up(message, line)
                    line.asked_ms = clock.monotonic_ms()
                    now_ms = clock.at_ms(line.asked_ms)
        except StoreUnavailable as fault:
            message = line.message
            answered = Unavailable(message.message_id, str(fault))
        # Counted as what it was sent as, whatever it was judged as.
        self._counted[answered.verdict, answered.reason, line.message.category] += 1
        self.on_answer(message, answered)
        return answered

    async def _unasked(
        self,
        message: Message,
        decided: Verdict | Yes,
        standing: Standing,
        addressee: Addressee,
        line: Line,
        now_ms: int,
    ) -> Verdict | None:
        """The no to what the ledger is not asked for; None where more is known of the user now: to be decided anew."""
        if isinstance(decided, Yes):
            refuse_unclaimed(message.claim)
            return line.verdict(self.case(message, addressee, standing, line), now_ms)
        if await addressee.look(decided, self._users, message.route.portfolio):
            return None
        refuse_unclaimed(message.claim)
        return decided

    async def _judged(
        self, message: Message, ask: Ask, standing: Standing, addressee: Addressee, line: Line, facts: Facts
    ) -> Verdict | Gone | None:
        """The verdict on what the ledger saw where that has to be judged; None: to be decided anew."""
        case = self.case(message, addressee, standing, line)
        return await self._admission.judged(message, case, ask, standing, addressee, facts)

    def _note(
        self, message: Message, yes: Yes, standing: Standing, addressee: Addressee, line: Line, now_ms: int
    ) -> Note | None:
        """What the send leaves with its recipient, if anything, noted with the message too."""
        note = None
        if yes.leaves_a_mark:
            note = addressee.note(self.case(message, addressee, standing, line), standing.rules, now_ms)
        message.marketing_at_ms = 0 if note is None else note.marketing_at_ms
        return note

    async def _not_sent(
        self,
        message: Message,
        verdict: Verdict | Gone | None,
        decided: Verdict | Yes,
        standing: Standing,
        addressee: Addressee,
        line: Line,
        tried: frozenset[str],
    ) -> tuple[Message, Answered | None]:
        """What becomes of a send that did not go in a round, with None for another round with this message."""
        line.rounds += 1
        if isinstance(decided, Yes):
            # If it had a turn, that is over.
            line.has_turn = False
        if verdict is SEND:
            # It did not start in time: what it took is given back, and its caller has not seen this id yet.
            message_id = self._ids.new(message.route.portfolio, self._clock.now_ms())
            return replace(message, message_id=message_id), None
        if isinstance(verdict, Wait):
            # Waiting has a bound of its own: that of a breaker that lets go in time, or of its turn.
            line.rounds = 0
            if message.queued:
                self.on_wait(message.message_id)
            if not isinstance(decided, Yes):
                await self._clock.sleep_until(verdict.until_ms)
                return message, None
            case = self.case(message, addressee, standing, line)
            verdict = await line.wait(verdict, case, decided.terms)
        is_expired = isinstance(verdict, Reject) and verdict.reason is Reason.EXPIRED
        if is_expired and isinstance(decided, Yes) and message.deadline_is_ours:
            return self._with_new_deadline(message, standing.rules), None
        if isinstance(verdict, Queue | Reject):
            return await self._conclude(message, verdict, standing, tried)
        return message, verdict if isinstance(verdict, Gone) else None

    def as_judged(self, message: Message, addressee: Addressee, standing: Standing, now_ms: int) -> Message:
        """The message as what it is judged now: of a utility template breakers may say that it counts as marketing."""
        if message.category is _UTILITY:
            case = self.case(message, addressee, standing)
            if is_marketing_now(case, standing, now_ms):
                return replace(message, category=Category.MARKETING, kind=None)
        return message

    def case(self, message: Message, addressee: Addressee, standing: Standing, line: Line | None = None) -> Case:
        """What the guardrails see of a message, and of how long it has been in line."""
        # Where nobody's night matters, nobody is asked where they live.
        zones = () if standing.rules.quiet_hours is None and message.campaign is None else addressee.zones
        waited_ms = self._clock.monotonic_ms() - line.began_ms if line is not None else 0.0
        return message.case(waited_ms, standing.rules, zones, self._grants.get(message.app))

    def _with_new_deadline(self, message: Message, rules: Rules) -> Message:
        # It has only just come: the store's time was put forward, and this node did not know of it.
        wait_ms = longest_wait_ms(rules, message.category)
        return replace(message, deadline_ms=self._clock.now_ms() + wait_ms, deadline_is_ours=False)

    async def _conclude(
        self, message: Message, verdict: Verdict, standing: Standing, tried: frozenset[str]
    ) -> tuple[Message, Answered | None]:
        match verdict:
            case Queue(reason, detail, until_ms, needs_place, spread_ms):
                if message.alternatives:
                    tried |= {message.route.number}
                    other = by_another_number(message, reason, standing, self._clock.now_ms(), tried)
                    if other is not None:
                        return other, None
                try:
                    await self._keeping.keep(
                        message,
                        reason,
                        detail,
                        until_ms,
                        needs_place=needs_place,
                        spread_ms=spread_ms,
                        epoch=standing.epoch,
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


def _given_up(message: Message, line: Line) -> Unavailable | None:
    """The end of a send that did not go in so many rounds."""
    return Unavailable(message.message_id, _TOO_OFTEN) if line.rounds >= _ROUNDS else None
