"""Plans of campaigns: the state is read once, the audience counted, and the course played out between other work."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tidegate.campaigns.acquaintance import Acquaintance
from tidegate.campaigns.wanted import Headcount, Uploaded, Wanted, as_running, category_of, count_heads, mold_of
from tidegate.clock import StoreClock
from tidegate.cloudapi.vocabulary import Category
from tidegate.errors import TidegateError
from tidegate.gateway import Route
from tidegate.gateway.admission import with_what_is_leased
from tidegate.policy.allowance_rules import BudgetRule
from tidegate.policy.capacity import Release, release_curve
from tidegate.policy.outcome_scope import Kind, OutcomeScope
from tidegate.policy.plan import Beside, Cohort, Course, Forecast, Itinerary, Leg, Sender, Situation
from tidegate.policy.plan.cost import MarketCost, costs_by_market
from tidegate.policy.plan.crowd import Crowd, Part
from tidegate.policy.plan.variations import patient, variations
from tidegate.policy.standing import Standing
from tidegate.policy.tallies import tallies_of
from tidegate.policy.warning_counts import day_of, field_of
from tidegate.policy.warning_metric import HOUR_MS, Counter
from tidegate.store.audiences import Audiences
from tidegate.store.fates import Fates
from tidegate.store.ledger import EVERY_PLACE, Books, Ledger
from tidegate.store.outcome_counts import OutcomeCounts
from tidegate.store.send_queue import Lane, SendQueue
from tidegate.store.tallies import Tallies

#: So long a plan works at a time, and so long it rests then at least: no send is stalled for longer.
_SLICE_MS: Final = 5.0
_REST_S: Final = 0.001
#: Other plans, of what would be faster, are made while all of it takes no longer than this.
_LONG_MS: Final = 10_000.0
#: A plan that takes longer is given up: whoever asks has gone.
_GIVE_UP_MS: Final = 110_000.0
#: Plans that one node makes at once, each for another app.
_AT_ONCE_HERE: Final = 2
#: Rows counted between two looks at the time.
_AT_ONCE: Final = 100
_URGENT: Final = (Category.AUTHENTICATION, Category.UTILITY)


@dataclass(frozen=True, slots=True)
class Faster:
    """What would make it faster: with that changed it finishes at `finish_ms`; None: not within the plan's horizon."""

    change: str
    detail: str
    finish_ms: int | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What will come of a campaign.

    `looked_up`: of how many recipients it was read what the store knows of them. `at_latest_ms`: when it is done if
    every gate waits as long as it may; None where there is nothing to wait for, or it is not done then.
    """

    wanted: Wanted
    category: Category
    situation: Situation
    itinerary: Itinerary
    cohorts: tuple[Cohort, ...]
    beside: tuple[Beside, ...]
    looked_up: int
    forecast: Forecast
    at_latest_ms: int | None
    costs: tuple[MarketCost, ...]
    budget: BudgetRule | None
    faster: tuple[Faster, ...]


class Busy(TidegateError):
    """As many plans are being made as may be at once; says whose."""


class TooLarge(TidegateError):
    """A plan has more to look at than can be looked at in time."""


class Planner:
    """Makes plans. Nothing is taken or written. Raises StoreUnavailable, BrokenSeal and LookupError as `Audiences`."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        queue: SendQueue,
        tallies: Tallies,
        counts: OutcomeCounts,
        audiences: Audiences,
        fates: Fates,
        acquaintance: Acquaintance,
        clock: StoreClock,
        routes: Sequence[Route],
    ) -> None:
        """`routes`: of every number of every portfolio."""
        self._ledger = ledger
        self._queue = queue
        self._tallies = tallies
        self._counts = counts
        self._audiences = audiences
        self._fates = fates
        self._acquaintance = acquaintance
        self._clock = clock
        self._routes = routes
        #: Apps whose plans are being made now.
        self.under_way: set[str] = set()

    async def plan(self, wanted: Wanted, books: Books, standing: Standing, app: str) -> Plan:
        """The plan that an app asks for, as things are in these books and under this standing.

        Raises Busy and TooLarge too.
        """
        if app in self.under_way:
            raise Busy("the app has a plan under way: ask again when that is made")
        if len(self.under_way) >= _AT_ONCE_HERE:
            raise Busy("other plans are under way: ask again in a moment")
        self.under_way.add(app)
        try:
            return await self._plan(wanted, books, standing)
        finally:
            self.under_way.remove(app)

    async def _plan(self, wanted: Wanted, books: Books, standing: Standing) -> Plan:
        began_ms = self._clock.monotonic_ms()
        campaign, now_ms = wanted.campaign, books.now_ms
        category = category_of(campaign, wanted.routes[0], standing)
        standing = as_running(with_what_is_leased(standing, now_ms), campaign)
        situation = Situation(now_ms, standing, books.used, tuple(release_curve(books.releases, now_ms)))
        mold = mold_of(wanted, category, situation)
        crowd = Crowd(mold)
        looked_up = await self._fill(crowd, wanted, situation)
        cohorts = await asyncio.to_thread(crowd.cohorts, crowd.recipients / max(1, looked_up))
        tallied, share = await self._tallied(cohorts, situation), await self._share(wanted, standing)
        situation = replace(situation, tallied=tallied, share=share)
        queued = await self._queued(standing, now_ms)
        beside = await self._beside(situation) if wanted.beside is None else wanted.beside
        legs = tuple(Leg(step.name, 0 if step.gate is None else step.gate.soak_ms) for step in campaign.steps)
        begins_ms = wanted.audience.begins_ms(now_ms) if isinstance(wanted.audience, Uploaded) else now_ms
        itinerary = Itinerary(max(begins_ms, campaign.start_at_ms or 0), campaign.deadline_ms, legs)
        everybody = (*cohorts, *queued)
        forecast = await self._play(Course(situation, itinerary, everybody, beside))
        at_latest_ms = None
        later = patient(itinerary, [0 if step.gate is None else step.gate.wait_ms for step in campaign.steps])
        if later is not None:
            at_latest_ms = (await self._play(Course(situation, later, everybody, beside))).finish_ms
        faster = []
        for varied in variations(situation, itinerary, everybody, forecast):
            if self._clock.monotonic_ms() - began_ms < _LONG_MS:
                course = Course(varied.situation, varied.itinerary, varied.cohorts, beside)
                faster.append(Faster(varied.change, varied.detail, (await self._play(course)).finish_ms))
        budget = standing.rules.budget
        costs = () if budget is None else costs_by_market(budget, everybody, forecast)
        return Plan(
            wanted=wanted,
            category=category,
            situation=situation,
            itinerary=itinerary,
            cohorts=everybody,
            beside=beside,
            looked_up=looked_up,
            forecast=forecast,
            at_latest_ms=at_latest_ms,
            costs=costs,
            budget=budget,
            faster=tuple(faster),
        )

    async def _fill(self, crowd: Crowd, wanted: Wanted, situation: Situation) -> int:
        """Count the audience; of how many it was looked up what is known of them."""
        audience, campaign = wanted.audience, wanted.campaign
        if isinstance(audience, Headcount):
            count_heads(crowd, campaign, audience)
            return 0
        every, asked = self._acquaintance.every(audience.recipients), list[tuple[str, Part]]()
        async for page in audience.pages(self._audiences, self._fates):
            began_ms = self._clock.monotonic_ms()
            for to, group in page:
                part = Part(*campaign.step_and_variant(group))
                if crowd.recipients % every == 0:
                    asked.append((to, part))
                crowd.add(to, part)
                if crowd.recipients % _AT_ONCE == 0:
                    began_ms = await self._rest(began_ms)
        async for to, part, known in self._acquaintance.of(asked, wanted.routes[0], situation):
            crowd.know(to, part, known)
        return len(asked)

    async def _tallied(self, cohorts: Sequence[Cohort], situation: Situation) -> Mapping[str, int]:
        """What the allowances stand at that these cohorts ask for."""
        standing, now_ms = situation.standing, situation.now_ms
        firsts = {(cohort.template, sender): cohort for cohort in cohorts for sender in cohort.senders}
        names = {
            tally.name
            for (_, sender), cohort in firsts.items()
            for tally in tallies_of(cohort.case(sender, standing, now_ms), standing, now_ms)
            if not tally.of_places
        }
        ordered = sorted(names)
        return dict(zip(ordered, await self._tallies.read(standing.portfolio, ordered), strict=True))

    async def _share(self, wanted: Wanted, standing: Standing) -> tuple[int, tuple[Release, ...]]:
        if wanted.grant is None or wanted.grant.limit_share is None:
            return 0, ()
        books = await self._ledger.books_freeing(standing.portfolio, EVERY_PLACE, wanted.grant.app)
        return books.used, tuple(release_curve(books.releases, books.now_ms))

    async def _queued(self, standing: Standing, now_ms: int) -> list[Cohort]:
        """What waits in the queue now: it was there before the campaign."""
        senders = {r.number: Sender(r.waba, r.number) for r in self._routes if r.portfolio == standing.portfolio}
        lanes = [Lane(number, category) for category in Category for number in senders]
        return [
            Cohort(
                recipients=state.due + state.waiting_for_place,
                category=state.lane.category,
                template=None,
                senders=(senders[state.lane.number],),
                expires_at_ms=now_ms + standing.rules.max_wait.of(state.lane.category),
                step=None,
            )
            for state in await self._queue.lanes(standing.portfolio, lanes)
            if state.due + state.waiting_for_place
        ]

    async def _beside(self, situation: Situation) -> tuple[Beside, ...]:
        """What was sent in the last 24 hours goes on: codes and notices, each to another user at worst."""
        portfolio, now_ms = situation.standing.portfolio, situation.now_ms
        numbers = [route.number for route in self._routes if route.portfolio == portfolio]
        hours = [now_ms - ago * HOUR_MS for ago in range(24)]
        cells = [
            (OutcomeScope(Kind.CATEGORY, number, category.value), day)
            for category in _URGENT
            for number in numbers
            for day in {day_of(hour_ms) for hour_ms in hours}
        ]
        days = await self._counts.days(portfolio, cells)
        sent = dict.fromkeys(_URGENT, 0)
        for (scope, day), counts in days.items():
            told = (counts.get(field_of(Counter.SENT, at_ms), 0) for at_ms in hours if day_of(at_ms) == day)
            sent[Category(scope.value)] += sum(told)
        beside, left = [], situation.used
        for category, sends in sent.items():
            known = min(sends, left)
            left -= known
            if known:
                beside.append(Beside(category, sends / 86_400, known, known))
        return tuple(beside)

    async def _play(self, course: Course) -> Forecast:
        first_ms = began_ms = self._clock.monotonic_ms()
        for _ in course.run():
            began_ms = await self._rest(began_ms)
            if began_ms - first_ms > _GIVE_UP_MS:
                raise TooLarge("there is too much to look at: ask with fewer numbers, variants, zones or prefixes")
        return course.forecast()

    async def _rest(self, began_ms: float) -> float:
        """Rest if it has worked for a while; since when it works now."""
        if self._clock.monotonic_ms() - began_ms < _SLICE_MS:
            return began_ms
        await asyncio.sleep(_REST_S)
        return self._clock.monotonic_ms()
