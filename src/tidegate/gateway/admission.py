"""Asking the ledger for all that a send needs, and judging what it saw; by this node's own means where it is away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import structlog

from tidegate.clock import StoreClock
from tidegate.cloudapi.vocabulary import Category
from tidegate.errors import StoreNotAsked, StoreUnavailable
from tidegate.gateway.addressee import NOTHING, Addressee, Note
from tidegate.gateway.answered import Gone
from tidegate.gateway.keeping import Keeping
from tidegate.gateway.message import Message
from tidegate.gateway.offline import Offline
from tidegate.gateway.place_times import PlaceTimes
from tidegate.gateway.settling import Settling
from tidegate.metrics import Metrics
from tidegate.policy.capacity import category_places
from tidegate.policy.decide import PLACE_REASONS, judge, shadowed
from tidegate.policy.facts import Case, Facts, Terms
from tidegate.policy.rules import Delivery
from tidegate.policy.standing import Standing
from tidegate.policy.verdict import Queue, Reason, Reject, Send, Verdict, Wait
from tidegate.store.asks import Ask
from tidegate.store.ledger import Ledger
from tidegate.store.prepaid import REST_MS, Prepaid
from tidegate.store.sealing import Seal
from tidegate.store.standings import Standings

#: Leased places are given back within this, by all nodes that can be reached; until then they are asked for again.
_CALLED_BACK_MS: Final = 1_500
_CALL_AGAIN_MS: Final = 50
_SEND: Final = Send()

log = structlog.get_logger()


class Judged(NamedTuple):
    """The verdict on what was seen (None: the decision rested on what is no longer so), and when it was asked for (ms,
    this node's): what was taken has to start soon after that."""

    verdict: Verdict | Gone | None
    asked_at_ms: float


class Admission:
    """Takes everything that a send needs, or nothing."""

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
        #: Places that this node has taken since it started, by portfolio.
        self.places_taken: Counter[str] = Counter()

    async def judged(
        self, message: Message, case: Case, terms: Terms, standing: Standing, addressee: Addressee, note: Note
    ) -> Judged:
        """Admit, and judge what was seen. Raises StoreUnavailable."""
        asked_at_ms = self._clock.monotonic_ms()
        ask = self._ask(message, terms, note)
        try:
            facts = await self._ledger.admitting(ask)
        except StoreUnavailable as fault:
            own = None if message.queued else await self._offline.admit(ask, case)
            if own is None:
                self._take_back(message, was_asked=not isinstance(fault, StoreNotAsked))
                raise
            verdict = judge(case, terms, own, standing.rules)
            if not isinstance(verdict, Send | Wait):
                self._take_back(message, was_asked=not isinstance(fault, StoreNotAsked))
            if own.taken:
                self._metrics.sent_offline(case.category.value if case.category else "service")
            # Nobody's stop can reach this node now: its start is counted from its own word.
            return Judged(verdict, self._clock.monotonic_ms())
        self._clock.observe(facts.now_ms)
        self._offline.answered(ask, facts)
        if facts.taken and not (standing.rules.has_shadows or terms.foreshadowed):
            # What was taken is what was asked for (the law of `judge`), and nobody has anything to say beside.
            self._count_place(message, terms, facts)
            return Judged(_SEND, asked_at_ms)
        return Judged(await self._verdict(message, case, terms, standing, addressee, facts), asked_at_ms)

    async def seen(self, message: Message, terms: Terms, addressee: Addressee) -> Facts | None:
        """What `admit` would see, without taking anything; None when the terms rest on what is no longer so.

        Raises StoreUnavailable.
        """
        facts = await self._ledger.admit(self._ask(message, terms, dry_run=True))
        if await self._is_overtaken(message, facts, addressee):
            return None
        return await self._place_times.told(message.route.portfolio, terms, facts)

    async def _verdict(
        self, message: Message, case: Case, terms: Terms, standing: Standing, addressee: Addressee, facts: Facts
    ) -> Verdict | Gone | None:
        if await self._is_overtaken(message, facts, addressee):
            return None
        self._count_place(message, terms, facts)
        if facts.gone:
            return Gone(message.message_id)
        if facts.expired:
            return Reject(Reason.EXPIRED, "its deadline passed before it could be sent")
        facts = await self._place_times.told(message.route.portfolio, terms, facts)
        rules = standing.rules
        verdict = judge(case, terms, facts, rules)
        if await self._called_back(case, standing, facts, verdict):
            return None
        if not isinstance(verdict, Wait):
            # A send that waits for its turn is judged again, and would be told of twice.
            self._tell_shadows(message, (*terms.foreshadowed, *shadowed(case, terms, facts, rules)))
        return verdict

    def _count_place(self, message: Message, terms: Terms, facts: Facts) -> None:
        if facts.taken and not facts.repeated and facts.needs_place(terms):
            self.places_taken[message.route.portfolio] += 1

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

    def _ask(self, message: Message, terms: Terms, note: Note = NOTHING, *, dry_run: bool = False) -> Ask:
        route = message.route
        about = b"" if dry_run else message.about(self._seal)
        # What comes from the queue is kept there.
        is_kept = message.delivery is Delivery.AT_LEAST_ONCE and not message.queued and not dry_run
        return Ask(
            route.portfolio,
            message.message_id,
            message.attempt,
            message.user,
            route.number,
            terms,
            message.deadline_ms,
            about,
            dry_run,
            note.record,
            note.expires_at_ms,
            self._seal.close(message.body_name, message.packed(), message.deadline_ms) if is_kept else b"",
        )


def with_what_is_leased(standing: Standing, now_ms: int) -> Standing:
    """The standing as a send finds it that calls for the places leased by nodes: they come back, mostly."""
    return standing if _is_out_of_reach(standing, now_ms) else replace(standing, prepaid=0)


def _is_out_of_reach(standing: Standing, now_ms: int) -> bool:
    """Whether leased places were called for, and whoever has not given them back by now can't be reached."""
    return now_ms - REST_MS < standing.recalled_at_ms < now_ms - _CALLED_BACK_MS
