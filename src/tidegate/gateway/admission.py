"""Asking the ledger for all that a send needs, and judging what it saw; by this node's own means where it is away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import structlog

from tidegate.clock import StoreClock
from tidegate.cloudapi.vocabulary import Category
from tidegate.errors import StoreNotAsked, StoreUnavailable
from tidegate.gateway.addressee import Addressee, Note
from tidegate.gateway.answered import Gone
from tidegate.gateway.deciding import Yes
from tidegate.gateway.keeping import Keeping
from tidegate.gateway.message import Message
from tidegate.gateway.offline import Offline
from tidegate.gateway.place_times import PlaceTimes
from tidegate.gateway.settling import Settling
from tidegate.journal import WITH_A_PLACE, Intent
from tidegate.metrics import Metrics
from tidegate.policy.capacity import category_places
from tidegate.policy.decide import PLACE_REASONS, judge, shadowed
from tidegate.policy.facts import Case, Facts, Terms
from tidegate.policy.rules import Delivery, Rules
from tidegate.policy.standing import Standing
from tidegate.policy.verdict import Queue, Reason, Reject, Send, Verdict, Wait
from tidegate.store.asks import Ask, More
from tidegate.store.ledger import Ledger
from tidegate.store.prepaid import REST_MS, Prepaid
from tidegate.store.sealing import Seal
from tidegate.store.standings import Standings

#: A member of an enumeration is looked for at each asking; this one is asked for at each send.
_AT_LEAST_ONCE: Final = Delivery.AT_LEAST_ONCE
#: Leased places are given back within this, by all nodes that can be reached; until then they are asked for again.
_CALLED_BACK_MS: Final = 1_500
_CALL_AGAIN_MS: Final = 50

log = structlog.get_logger()


class Admission:
    """Takes everything that a send needs, or nothing: what to ask of the ledger, and what its answer means."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        standings: Standings,
        clock: StoreClock,
        metrics: Metrics,
        offline: Offline,
        prepaid: Prepaid,
        seal: Seal,
        settling: Settling,
        keeping: Keeping,
    ) -> None:
        self._ledger = ledger
        self._standings = standings
        self._clock = clock
        self._metrics = metrics
        self._offline = offline
        self._prepaid = prepaid
        self._seal = seal
        self._settling = settling
        self._keeping = keeping
        self._place_times = PlaceTimes(ledger)
        self._heard_of = offline.heard_of
        #: Places that this node has taken since it started, by portfolio.
        self.places_taken: Counter[str] = Counter()

    def asking(self, message: Message, yes: Yes, note: Note | None) -> Ask:
        """What to ask of the ledger.

        Raises StoreUnavailable where something has to be sealed and there is no key for it.
        """
        request = message.request
        if note is None and yes.about and request.opaque is None:
            about, more = yes.about, None
        else:
            about, more = message.about(self._seal), self._more(message, note)
        route, claim = message.route, message.claim
        intent = message.intent = Intent(
            route.portfolio, message.message_id, message.attempt, message.user, route.number, about
        )
        once = None if claim is None or claim.is_taken else claim.entry
        return Ask(intent, yes.terms, message.deadline_ms, once, more, request)

    def taken(self, message: Message, ask: Ask, facts: Facts, asked_at_ms: float) -> bool:
        """Whether the store took what was asked for, which is noted. Raises Unclaimed as the claim does."""
        now_ms, intent = facts.now_ms, ask.intent
        heard, pair = self._heard_of[intent.portfolio], (intent.number, intent.recipient)
        if now_ms != heard.told_ms:
            # The first of its call: all of it were told the same.
            heard.told_ms, heard.asked_ms = now_ms, asked_at_ms
            self._clock.observe(now_ms)
        if facts.window_ends_ms or pair in heard.windows or pair in heard.users:
            heard.of_window(pair, facts)
        if ask.once is not None and message.claim is not None:
            message.claim.heed(facts)
        if not facts.taken:
            return False
        if intent.place == WITH_A_PLACE and not facts.counted and not facts.repeated:
            self.places_taken[intent.portfolio] += 1
        return True

    def _more(self, message: Message, note: Note | None) -> More | None:
        """What few sends ask for beside; None for one that is in the queue, and leaves nothing with its recipient."""
        # What comes from the queue is kept there.
        is_kept = message.delivery is _AT_LEAST_ONCE and not message.queued
        if not is_kept and (note is None or not note.record):
            return None
        body = self._seal.close(message.body_name, message.packed(), message.deadline_ms) if is_kept else b""
        return More(body=body) if note is None else More(note.record, note.expires_at_ms, body)

    async def alone(self, message: Message, case: Case, ask: Ask, rules: Rules, fault: StoreUnavailable) -> Verdict:
        """The verdict while the store is away, by what is this node's own; raises the fault where that won't do."""
        # Whether it is the only one of its kind, only the store knows, and other nodes could not be told that it went.
        waits = message.queued or message.is_claimed or message.claim is not None
        own = None if waits else await self._offline.admit(ask, case)
        if own is None:
            self._take_back(message, was_asked=not isinstance(fault, StoreNotAsked))
            raise fault
        verdict = judge(case, ask.terms, own, rules)
        if not isinstance(verdict, Send | Wait):
            self._take_back(message, was_asked=not isinstance(fault, StoreNotAsked))
        if own.taken:
            self._metrics.sent_offline(case.category.value if case.category else "service")
        return verdict

    async def seen(self, message: Message, terms: Terms, addressee: Addressee) -> Facts | None:
        """What `admit` would see, without taking anything; None when the terms rest on what is no longer so.

        Raises StoreUnavailable.
        """
        route = message.route
        intent = Intent(route.portfolio, message.message_id, message.attempt, message.user, route.number)
        facts = await self._ledger.admit(Ask(intent, terms, message.deadline_ms, dry_run=True))
        if await self._is_overtaken(message, facts, addressee):
            return None
        return await self._place_times.told(route.portfolio, terms, facts)

    async def judged(
        self, message: Message, case: Case, ask: Ask, standing: Standing, addressee: Addressee, facts: Facts
    ) -> Verdict | Gone | None:
        """The verdict on what the ledger saw; None: the decision rested on what is no longer so.

        Raises StoreUnavailable.
        """
        if await self._is_overtaken(message, facts, addressee):
            return None
        if facts.gone:
            return Gone(message.message_id)
        if facts.expired:
            return Reject(Reason.EXPIRED, "its deadline passed before it could be sent")
        terms, rules = ask.terms, standing.rules
        facts = await self._place_times.told(ask.intent.portfolio, terms, facts)
        verdict = judge(case, terms, facts, rules)
        if await self._called_back(case, standing, facts, verdict):
            return None
        if not isinstance(verdict, Wait):
            # A send that waits for its turn is judged again, and would be told of twice.
            self._tell_shadows(message, (*terms.foreshadowed, *shadowed(case, terms, facts, rules)))
        return verdict

    def _tell_shadows(self, message: Message, reasons: Sequence[Reason]) -> None:
        if reasons:
            self._metrics.shadowed(reasons)
            log.info(
                "shadow_objection",
                message_id=message.message_id,
                reasons=[reason.value for reason in reasons],
                rules_version=message.rules_version,
            )

    def _take_back(self, message: Message, *, was_asked: bool) -> None:
        # The call may have been carried out: what it took is given back once the store can be reached.
        if message.queued:
            self._keeping.give_back(message, Reason.STORE_UNAVAILABLE, "the store did not answer in time")
        elif was_asked:
            self._settling.unsent(message, "never started")

    async def _is_overtaken(self, message: Message, facts: Facts, addressee: Addressee) -> bool:
        """Whether the decision rested on what is no longer so: the standing, the user's record, the time."""
        if facts.other_user:
            addressee.learn(facts)
        if facts.outdated:
            self._clock.observe(facts.now_ms)
        if facts.stale:
            await self._standings.reload(message.route.portfolio, facts.epoch)
        return facts.stale or facts.other_user or facts.outdated

    async def _called_back(self, case: Case, standing: Standing, facts: Facts, verdict: Verdict) -> bool:
        """Whether a place was missing only because nodes had leased it, and was asked for."""
        if not standing.prepaid or not isinstance(verdict, Queue | Reject) or verdict.reason not in PLACE_REASONS:
            return False
        if facts.used >= category_places(standing.limit, case.category or Category.MARKETING, standing.rules):
            return False
        if _is_out_of_reach(standing, facts.now_ms):
            return False
        await self._prepaid.recall(case.portfolio)
        await self._clock.sleep_until(facts.now_ms + _CALL_AGAIN_MS)
        return True


def with_what_is_leased(standing: Standing, now_ms: int) -> Standing:
    """The standing as a send finds it that calls for the places leased by nodes: they come back, mostly."""
    return standing if _is_out_of_reach(standing, now_ms) else replace(standing, prepaid=0)


def _is_out_of_reach(standing: Standing, now_ms: int) -> bool:
    """Whether leased places were called for, and whoever has not given them back by now can't be reached."""
    return now_ms - REST_MS < standing.recalled_at_ms < now_ms - _CALLED_BACK_MS
