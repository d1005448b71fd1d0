"""The rounds of a send: look, decide, ask the ledger, post; until one of them ends it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Final

from msgspec.structs import replace

from tidegate.clock import StoreClock
from tidegate.cloudapi.vocabulary import Category
from tidegate.enforcement import NO_PROBES, Probes
from tidegate.errors import StoreNotAsked, StoreUnavailable
from tidegate.gateway.addressee import NOTHING, Addressee
from tidegate.gateway.admission import Admission
from tidegate.gateway.answered import Answered, Gone, Held, Refused, Unavailable
from tidegate.gateway.claims import refuse_unclaimed
from tidegate.gateway.deciding import Deciding, Yes
from tidegate.gateway.handover import by_another_number
from tidegate.gateway.keeping import Keeping
from tidegate.gateway.line import Line
from tidegate.gateway.message import Message
from tidegate.gateway.posting import Posting
from tidegate.gateway.wishes import longest_wait_ms
from tidegate.ids import MessageIds
from tidegate.pacer import Pacer
from tidegate.policy.facts import Case
from tidegate.policy.grant import Grant
from tidegate.policy.identity import Identity
from tidegate.policy.lifecycle import State
from tidegate.policy.paces import is_marketing_now
from tidegate.policy.rules import Rules
from tidegate.policy.standing import Standing
from tidegate.policy.verdict import Queue, Reason, Reject, Send, Verdict, Wait
from tidegate.store.ledger import Ledger
from tidegate.store.standings import Standings
from tidegate.store.users import Users
from tidegate.tracing import Tracing

#: More rounds in a row than this without a wait (stale standing, late starts) and the send gives way.
_ROUNDS: Final = 40
_SEND: Final = Send()
#: Put together once, as they are asked for at each send.
_NO: Final = (Queue, Reject)
_GOES_ON: Final = (Send, Wait)
#: A member of an enumeration is looked for at each asking; this one is asked for at each send.
_UTILITY: Final = Category.UTILITY


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
        tracing: Tracing,
    ) -> None:
        self._standings = standings
        self._users = users
        self._identity = identity
        self._ids = ids
        self._pacer = pacer
        self._clock = clock
        self._admission = admission
        self._posting = posting
        self._keeping = keeping
        self._grants = grants
        self._sharing = frozenset(app for app, grant in grants.items() if grant.limit_share is not None)
        self._deciding: dict[str, Deciding] = defaultdict(Deciding)
        self._decided = tracing.within("decide", self._decide)
        self._admitting = tracing.awaited_within("admit", ledger.admitting)
        #: Called with the id of a message out of the queue that waits for its turn.
        self.on_wait: Callable[[str], None] = lambda message_id: None

    async def go(self, message: Message, tried: frozenset[str] = frozenset()) -> tuple[Message, Answered]:
        """The message as it went, and what became of it. Raises StoreUnavailable, and Unclaimed.

        `tried`: numbers that a campaign's message could not go by.
        """
        clock, route = self._clock, message.route
        addressee = Addressee(self._users, self._identity, message)
        line = Line(self._pacer.room(route.number), message, clock.monotonic_ms())
        rounds = 0
        while rounds < _ROUNDS:
            rounds += 1
            standing = self._standings.read(route.portfolio) or await self._standings.current(route.portfolio)
            now_ms = clock.now_ms()
            message = self.seen(message, addressee, standing, now_ms)
            decided = self._decided(message, addressee, standing, line, now_ms)
            if not isinstance(decided, Yes):
                if await addressee.look(decided, route.portfolio):
                    continue
                refuse_unclaimed(message.claim)
                if isinstance(decided, Wait):
                    # A breaker that lets go within the time for which a send may wait.
                    rounds = 0
                    self._rests(message)
                    await clock.sleep_until(decided.until_ms)
                    continue
                return await self._conclude(message, decided, standing, tried)
            became: Verdict | Answered | None
            turn_at_ms = line.turn_at_ms(decided.terms)
            if turn_at_ms is None:
                message, became = await self._attempt(message, decided, standing, addressee, line, now_ms)
            else:
                refuse_unclaimed(message.claim)
                became = line.verdict(self.case(message, addressee, standing, line), turn_at_ms, now_ms)
            if isinstance(became, Wait):
                # Waiting has a bound of its own: the time for which a send waits for its turn.
                rounds = 0
                self._rests(message)
                case = self.case(message, addressee, standing, line)
                became = await line.wait(became, case, decided.terms, clock)
            if isinstance(became, _NO):
                return await self._conclude(message, became, standing, tried)
            if became is not None and not isinstance(became, _GOES_ON):
                return message, became
        return message, Unavailable(message.message_id, "the standing changes faster than this send can be decided")

    async def _attempt(
        self, message: Message, yes: Yes, standing: Standing, addressee: Addressee, line: Line, now_ms: int
    ) -> tuple[Message, Verdict | Answered | None]:
        """Ask the ledger, and post what it takes: how it ended, or None for another round with this message."""
        note = NOTHING
        if yes.leaves_a_mark:
            note = addressee.note(self.case(message, addressee, standing, line), standing.rules, now_ms)
        if note.marketing_at_ms != message.marketing_at_ms:
            message.marketing_at_ms = note.marketing_at_ms
        admission, asked_at_ms = self._admission, self._clock.monotonic_ms()
        ask = admission.asking(message, yes, note)
        verdict: Verdict | Gone | None = _SEND
        try:
            facts = await self._admitting(ask)
        except StoreUnavailable as fault:
            case = self.case(message, addressee, standing, line)
            verdict = await admission.alone(message, case, ask, standing.rules, fault)
            # Nobody's stop can reach this node now: its start is counted from its own word.
            asked_at_ms = self._clock.monotonic_ms()
        else:
            is_taken = admission.is_taken(ask, facts, asked_at_ms, is_quiet=yes.is_quiet)
            if ask.once is not None and message.claim is not None:
                message.claim.heed(facts)
            if not is_taken:
                case = self.case(message, addressee, standing, line)
                verdict = await admission.judged(message, case, ask, standing, addressee, facts)
        if not isinstance(verdict, Send):
            if message.deadline_is_ours and isinstance(verdict, Reject) and verdict.reason is Reason.EXPIRED:
                return self._with_new_deadline(message, standing.rules), None
            return message, verdict
        probes = Probes(yes.probes, note.probes) if yes.probes or note.probes else NO_PROBES
        answered = await self._posting.post(message, asked_at_ms, probes)
        if answered is None:
            message = replace(message, message_id=self._ids.new(message.route.portfolio, self._clock.now_ms()))
        return message, answered

    def seen(self, message: Message, addressee: Addressee, standing: Standing, now_ms: int) -> Message:
        """The message under a standing: to whom it goes, and as what it is judged now."""
        version = standing.rules.version
        if message.rules_version != version or message.user != addressee.name:
            message.user, message.rules_version = addressee.name, version
            message.of_share = message.app in self._sharing
        if message.category is _UTILITY and not standing.breakers.are_closed:
            case = self.case(message, addressee, standing)
            if is_marketing_now(case, standing, now_ms):
                return replace(message, category=Category.MARKETING)
        return message

    def case(self, message: Message, addressee: Addressee, standing: Standing, line: Line | None = None) -> Case:
        """What the guardrails see of a message, and of how long it has been in line."""
        # Where nobody's night matters, nobody is asked where they live.
        zones = () if standing.rules.quiet_hours is None and message.campaign is None else addressee.zones
        waited_ms = self._clock.monotonic_ms() - line.began_ms if line is not None else 0.0
        return message.case(waited_ms, standing.rules, zones, self._grants.get(message.app))

    def _decide(
        self, message: Message, addressee: Addressee, standing: Standing, line: Line, now_ms: int
    ) -> Verdict | Yes:
        deciding = self._deciding[message.route.portfolio]
        yes = deciding.recalled(message, addressee, standing, now_ms)
        if yes is not None:
            return yes
        case = self.case(message, addressee, standing, line)
        return deciding.decide(message, case, addressee, standing, now_ms)

    def _rests(self, message: Message) -> None:
        if message.queued:
            self.on_wait(message.message_id)

    def _with_new_deadline(self, message: Message, rules: Rules) -> Message:
        # It has only just come: the store's time was put forward, and this node did not know of it.
        wait_ms = longest_wait_ms(rules, message.category)
        return replace(message, deadline_ms=self._clock.now_ms() + wait_ms, deadline_is_ours=False)

    async def _conclude(
        self, message: Message, verdict: Verdict, standing: Standing, tried: frozenset[str]
    ) -> tuple[Message, Answered]:
        match verdict:
            case Queue(reason, detail, until_ms, needs_place, spread_ms):
                if message.alternatives:
                    tried |= {message.route.number}
                    other = by_another_number(message, reason, standing, self._clock.now_ms(), tried)
                    if other is not None:
                        return await self.go(other, tried)
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
