"""What the store would count, in virtual time: places, allowances, turns, and the standing as days and probes pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tidegate.cloudapi.vocabulary import UNLIMITED, Category, Quality
from tidegate.policy.breaker import Board, Event, Kind, step
from tidegate.policy.capacity import category_places
from tidegate.policy.decide import DAY_MS
from tidegate.policy.facts import Case, Facts, Terms
from tidegate.policy.plan.cohort import Cohort
from tidegate.policy.plan.itinerary import DELIVERED_AFTER_MS, Situation
from tidegate.policy.plan.places import Places
from tidegate.policy.plan.taking import costs
from tidegate.policy.plan.turns import ANY, Turns
from tidegate.policy.rule_table import Mode
from tidegate.policy.standing import Standing
from tidegate.policy.tallies import subjects_of
from tidegate.policy.verdict import Reason
from tidegate.policy.warming import Warming, tally_name

_LASTS_MS: Final = DAY_MS + DELIVERED_AFTER_MS


class Books:
    """The books that a plan is written into; they begin as the store's are."""

    def __init__(self, situation: Situation, kept: int = 0) -> None:
        """`kept` places are held all the time, by whoever is written to beside the campaign."""
        self.standing = situation.standing
        self.turns = Turns()
        self._places = Places(situation.used, situation.curve, min(kept, situation.used))
        self._share = Places(*situation.share)
        self._tallied = dict(situation.tallied or {})
        self._bounds = _bounds(self.standing)

    @property
    def used(self) -> int:
        """Places held."""
        return self._places.used

    @property
    def next_release_ms(self) -> int | None:
        """When places come free next, the app's own among them; None: none will."""
        times = (self._places.next_ms, self._share.next_ms)
        return min((at_ms for at_ms in times if at_ms is not None), default=None)

    def left(self) -> dict[Category, int]:
        """Places that are left to each category; {} where there is no limit."""
        return {category: max(0, bound - self.used) for category, bound in self._bounds.items()}

    def bound(self, category: Category) -> int | None:
        """Places that this category may fill; None where there is no limit."""
        return self._bounds.get(category)

    def pass_to(self, now_ms: int) -> bool:
        """Free what has ended, and begin the next day of every warm-up; whether the standing is another then."""
        self._places.release(now_ms)
        self._share.release(now_ms)
        rule = self.standing.rules.warm_up
        if rule is None or rule.mode is Mode.OFF:
            return False
        rolled = {
            subject: warming.after(rule.plan, self._used(subject, days), warming.worst, self.standing.limit)
            for subject, warming in self.standing.warmings.items()
            if (days := warming.days_ended(now_ms))
        }
        if rolled:
            self._become(replace(self.standing, warmings={**self.standing.warmings, **rolled}))
        return bool(rolled)

    def _used(self, subject: str, days: Sequence[int]) -> list[int]:
        return [self._tallied.get(tally_name(subject, day), 0) for day in days]

    def facts(self, cohort: Cohort, terms: Terms, now_ms: int) -> Facts:
        """What `admit` would see of one of this cohort, whose turn has come."""
        return Facts(
            now_ms=now_ms,
            epoch=terms.epoch,
            taken=False,
            window_ends_ms=cohort.window_ends_ms,
            counted=cohort.counted_until_ms > now_ms,
            used=self.used,
            tallied=tuple(
                self._share.used if tally.of_places else self._tallied.get(tally.name, 0) for tally in terms.tallies
            ),
        )

    def room(self, terms: Terms, now_ms: int, end_ms: int) -> tuple[int, Reason, float]:
        """How many like sends the paces of breakers and apps let go, which says no then, and when it says yes again."""
        room, reason, next_ms = ANY, Reason.THROUGHPUT, 0.0
        for turn in terms.turns:
            here = self.turns.room(turn.name, turn.emission_ms, now_ms, end_ms)
            if here < room:
                room, reason, next_ms = here, turn.objection.reason, self.turns.next_ms(turn.name)
        return room, reason, next_ms

    def take(self, cohort: Cohort, case: Case, terms: Terms, count: int, now_ms: int) -> tuple[int, bool]:
        """Send to so many of a cohort: when the last one goes, and whether the standing is another then."""
        facts = self.facts(cohort, terms, now_ms)
        emission_ms = terms.throughput_emission_us / 1000
        last_ms = self.turns.take(number_turn(case.number), emission_ms, count, now_ms)
        for turn in terms.turns:
            last_ms = max(last_ms, self.turns.take(turn.name, turn.emission_ms, count, now_ms))
        if facts.needs_place(terms):
            self._places.take(count, now_ms + _LASTS_MS, last_ms + _LASTS_MS)
        elif facts.counted:
            self._places.renew(count, now_ms + _LASTS_MS, last_ms + _LASTS_MS)
        for tally, cost in zip(terms.tallies, costs(terms, facts, count), strict=True):
            if tally.of_places:
                self._share.take(cost, now_ms + _LASTS_MS, last_ms + _LASTS_MS)
            else:
                self._tallied[tally.name] = self._tallied.get(tally.name, 0) + cost
        changed = self._warm(case, facts.needs_place(terms), now_ms)
        return last_ms, self._prove(terms, count, now_ms) or changed

    def keep(self, count: int) -> None:
        """Fill places for good, with users who are written to again and again."""
        self._places.keep(count)

    def _warm(self, case: Case, is_new: bool, now_ms: int) -> bool:
        """A first send begins a warm-up."""
        rule = self.standing.rules.warm_up
        if rule is None or rule.mode is Mode.OFF or not is_new:
            return False
        begun = {
            subject: Warming.begun(rule.plan, now_ms, quality)
            for _, subject, quality in subjects_of(case, rule, self.standing)
            if subject not in self.standing.warmings and quality is Quality.UNKNOWN
        }
        if begun:
            self._become(replace(self.standing, warmings={**self.standing.warmings, **begun}))
        return bool(begun)

    def _prove(self, terms: Terms, count: int, now_ms: int) -> bool:
        """Probes go well: enough of them close their breaker."""
        closed = {}
        for turn in terms.turns:
            breaker = self.standing.breakers.get(turn.probes) if turn.probes else None
            if breaker is not None:
                for _ in range(min(count, breaker.probes)):
                    breaker = step(breaker, Event(Kind.PROBE_OK, now_ms, "planned"), now_ms) or breaker
                closed[breaker.id] = breaker
        if closed:
            self._become(
                replace(self.standing, breakers=Board(({b.id: b for b in self.standing.breakers} | closed).values()))
            )
        return bool(closed)

    def _become(self, standing: Standing) -> None:
        self.standing = standing
        self._bounds = _bounds(standing)


def number_turn(number: str) -> str:
    """The name of a number's own pace."""
    return f"number:{number}"


def _bounds(standing: Standing) -> dict[Category, int]:
    if standing.limit == UNLIMITED:
        return {}
    return {category: category_places(standing.limit, category, standing.rules) for category in Category}
