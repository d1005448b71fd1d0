"""The plan: a campaign's course in virtual time, through the same guardrails that its sends will meet.

Between two ticks nothing changes. At a tick each cohort's send is put before `decide`; of those that may ask for a
place as many go as the numbers' turns allow until the next tick, and as many of these as `judge` lets. Nothing is sent,
and nothing is asked of the store: what it would count is counted in `Books`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.facts import Terms
from tidegate.policy.plan.books import Books, number_turn
from tidegate.policy.plan.cohort import Beside, Cohort, Sender
from tidegate.policy.plan.company import Company
from tidegate.policy.plan.forecast import STEP, Forecast, Logbook, recipients_of
from tidegate.policy.plan.itinerary import Itinerary, Situation
from tidegate.policy.plan.legs import Legs
from tidegate.policy.plan.questions import Question, Questions
from tidegate.policy.plan.taking import most
from tidegate.policy.verdict import Queue, Reason, Reject

#: How long a tick is at first, and after how many of them one is twice as long: a plan ends whatever is asked.
TICK_MS: Final = 10_000
_TICKS: Final = 1_000
_LONGEST_TICK_MS: Final = 600_000
#: Nothing is passed over for longer than this.
_LOOK_MS: Final = 3_600_000


class Course:
    """One plan; `run` plays it to its end, `forecast` tells what came of it."""

    def __init__(
        self, situation: Situation, itinerary: Itinerary, cohorts: Sequence[Cohort], beside: Sequence[Beside] = ()
    ) -> None:
        self._cohorts = tuple(cohorts)
        self._books = Books(situation, sum(stream.known for stream in beside))
        senders = tuple(dict.fromkeys(sender for cohort in cohorts for sender in cohort.senders))
        self._company = Company(beside, senders)
        self._questions = Questions(self._cohorts)
        self._legs = Legs(itinerary, self._cohorts)
        self._log = Logbook(situation.now_ms)
        self._left = [cohort.recipients for cohort in self._cohorts]
        self._why: dict[int, str] = {}
        self._queued = tuple(index for index, cohort in enumerate(self._cohorts) if cohort.step is None)
        self._now_ms = situation.now_ms
        self._end_ms = itinerary.end_ms(situation.now_ms)
        self._wake_ms = self._end_ms
        self._ticks = 0
        self._goes_on = False
        self._category = next((c.category for c in cohorts if c.step is not None), Category.MARKETING)
        self._full_ms: int | None = None
        self._held_ms = 0

    def run(self) -> Iterator[int]:
        """Play the plan; gives the virtual time every now and then, so that whoever runs it may rest between."""
        while self._now_ms < self._end_ms and self._legs.remaining(self._left):
            yield from self._tick()
            yield self._now_ms
        self._legs.look(self._left, self._log.last_ms, self._now_ms)
        self._log.end(self._waiting())

    def forecast(self) -> Forecast:
        """What came of it; of a plan that was run."""
        log, recipients = self._log, recipients_of(self._cohorts)
        unsent = {why: count for why, count in self._waiting().items() if count}
        return Forecast(
            began_ms=log.began_ms,
            ended_ms=self._now_ms if unsent else log.last_ms or log.began_ms,
            finish_ms=None if unsent else log.last_ms or log.began_ms,
            recipients=recipients,
            sent=log.sent,
            refused=dict(log.refused),
            unsent=unsent,
            hours=tuple(log.hours),
            legs=self._legs.times(),
            by_sender=dict(log.by_sender),
            by_cohort=dict(log.by_cohort),
            limit_used=self._limit_used(),
            least_left=dict(log.least_left) or None,
            beside_refused=dict(self._company.refused),
            waited_ms=dict(log.waited_ms),
        )

    def _rank(self, index: int) -> tuple[int, bool]:
        cohort = self._cohorts[index]
        return cohort.category.priority, cohort.step is not None

    def _lines(self) -> list[list[int]]:
        """Who may be sent to now: the urgent first, and of each category what waited before."""
        order = sorted((*self._queued, *self._legs.on()), key=self._rank)
        return [list(line) for _, line in groupby(order, key=self._rank)]

    def _tick(self) -> Iterator[int]:
        now_ms = self._now_ms
        self._ticks += 1
        if self._books.pass_to(now_ms):
            self._questions.forget()
        self._company.arrive(self._books, now_ms)
        self._legs.look(self._left, self._log.last_ms, now_ms)
        self._wake_ms = min(self._end_ms, now_ms + _LOOK_MS, self._legs.next_ms(now_ms) or self._end_ms)
        asked: list[list[Question]] = []
        for line in self._lines():
            asked.append([])
            for index in line:
                asked[-1] += self._ask(index)
                yield now_ms
        tick_ms = min(_LONGEST_TICK_MS, TICK_MS << self._ticks // _TICKS)
        end_ms = max(now_ms + 1, min(now_ms + tick_ms, self._wake_ms, self._log.next_hour_ms()))
        self._company.pass_through(self._books, now_ms, end_ms)
        self._goes_on = False
        for questions in asked:
            yield from self._send(questions, end_ms)
        self._pass_to(end_ms if self._goes_on else self._next_ms(end_ms))

    def _ask(self, index: int) -> list[Question]:
        """The sends of a cohort that may ask the ledger now; else it is noted why it waits, and when to ask again."""
        cohort = self._cohorts[index]
        if cohort.step is None and cohort.expires_at_ms <= self._now_ms:
            self._left[index] = 0
        if not self._left[index]:
            return []
        said = [self._questions.ask(index, s, self._books.standing, self._now_ms) for s in cohort.senders]
        opened = [question for question in said if isinstance(question.decided, Terms)]
        for question in said:
            self._wake_by(question.turns_ms)
        if not opened:
            self._hold(index, said)
        return opened

    def _hold(self, index: int, said: Sequence[Question]) -> None:
        """No number may send to these now: it is noted why, or that none ever may."""
        held = [question.decided for question in said if isinstance(question.decided, Queue)]
        if held:
            self._why[index] = min(held, key=lambda no: no.until_ms or self._end_ms).reason.value
            return
        refusals = [question.decided for question in said if isinstance(question.decided, Reject)]
        count, self._left[index] = self._left[index], 0
        if self._cohorts[index].step is not None:
            self._log.note_refused(refusals[0].reason.value, count, self._now_ms)

    def _send(self, questions: Sequence[Question], end_ms: int) -> Iterator[int]:
        """Send what may go until the end of the tick; it is noted whether more could go right after it."""
        by_sender: dict[Sender, list[Question]] = {}
        for question in questions:
            by_sender.setdefault(question.sender, []).append(question)
        senders = list(by_sender)
        first = self._ticks % len(senders) if senders else 0
        for sender in senders[first:] + senders[:first]:
            yield from self._send_by(by_sender[sender], end_ms)

    def _send_by(self, questions: Sequence[Question], end_ms: int) -> Iterator[int]:
        """Send by one number: first each cohort as many as it is large, then whoever may what is left."""
        denied = set[int]()
        for fairly in (True, False):
            live = [q for q in questions if self._left[q.of] and q.of not in denied]
            if not live:
                break
            room = self._room(live[0], end_ms)
            shares = share_out(room, [self._left[q.of] for q in live]) if fairly else [room] * len(live)
            for question, share in zip(live, shares, strict=True):
                wanted = min(share, self._left[question.of], self._room(question, end_ms))
                moved, no = self._move(question, wanted, end_ms)
                self._goes_on = self._goes_on or moved > 0
                if no:
                    denied.add(question.of)
                yield self._now_ms
        paced = any(self._why.get(q.of) == Reason.THROUGHPUT for q in questions if self._left[q.of])
        self._goes_on = self._goes_on or paced

    def _room(self, question: Question, end_ms: int) -> int:
        terms = question.decided
        assert isinstance(terms, Terms)  # only those may ask for a turn
        emission_ms = terms.throughput_emission_us / 1000
        return self._books.turns.room(number_turn(question.sender.number), emission_ms, self._now_ms, end_ms)

    def _move(self, question: Question, wanted: int, end_ms: int) -> tuple[int, bool]:
        """Send to so many of a cohort if they may; how many went, and whether the rest was told no."""
        index, terms, cohort = question.of, question.decided, self._cohorts[question.of]
        assert isinstance(terms, Terms)  # only those may ask for a turn
        self._why[index] = Reason.THROUGHPUT.value
        paced, reason, next_ms = self._books.room(terms, self._now_ms, end_ms)
        if paced < wanted:
            self._why[index] = reason.value
            self._wake_by(int(next_ms) + 1)
        wanted = min(wanted, paced)
        if wanted <= 0:
            return 0, paced <= 0
        facts = self._books.facts(cohort, terms, self._now_ms)
        count, verdict = most(question.case, terms, facts, self._books.standing.rules, wanted)
        if isinstance(verdict, Queue | Reject):
            self._why[index] = verdict.reason.value
            self._wake_by(verdict.until_ms)
        if count:
            last_ms, changed = self._books.take(cohort, question.case, terms, count, self._now_ms)
            self._left[index] -= count
            if changed:
                self._questions.forget()
            if cohort.step is not None:
                self._log.note_sent(index, question.sender, count, last_ms)
        return count, count < wanted

    def _next_ms(self, end_ms: int) -> int:
        """When something may change, where nothing can be sent meanwhile."""
        release_ms = self._books.next_release_ms
        return max(end_ms, min(self._wake_ms, release_ms) if release_ms is not None else self._wake_ms)

    def _wake_by(self, at_ms: int | None) -> None:
        if at_ms is not None and at_ms > self._now_ms:
            self._wake_ms = min(self._wake_ms, at_ms)

    def _pass_to(self, to_ms: int) -> None:
        left, now_ms = self._books.left(), self._now_ms
        self._log.note_left(left)
        self._log.pass_to(now_ms, to_ms, self._waiting(), left)
        bound = self._books.bound(self._category)
        if bound:
            if self._full_ms is None and self._books.used >= bound:
                self._full_ms = now_ms
            if self._full_ms is not None:
                self._held_ms += (to_ms - now_ms) * min(self._books.used, bound)
        self._now_ms = to_ms

    def _limit_used(self) -> float | None:
        bound = self._books.bound(self._category)
        if self._full_ms is None or not bound or self._now_ms <= self._full_ms:
            return None
        return self._held_ms / bound / (self._now_ms - self._full_ms)

    def _waiting(self) -> Counter[str]:
        on = self._legs.on()
        waiting = Counter({STEP if self._legs.began else Reason.SCHEDULED.value: self._legs.to_come()})
        for index in on:
            if self._left[index]:
                waiting[self._why.get(index, Reason.SCHEDULED.value)] += self._left[index]
        return +waiting


def share_out(room: int, sizes: Sequence[int]) -> list[int]:
    """Room for each of several groups, in proportion to their sizes; together all of it, unless all need less."""
    total = sum(sizes)
    if room >= total:
        return list(sizes)
    shares, seen, told = [], 0, 0
    for size in sizes:
        seen += size
        share = seen * room // total - told
        told += share
        shares.append(share)
    return shares
