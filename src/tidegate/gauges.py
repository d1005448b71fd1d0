"""What is so on a node and in its portfolios, gathered for whoever scrapes: from memory, and one call a portfolio."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from tidegate.audit_watch import AuditWatch
from tidegate.clock import StoreClock
from tidegate.cloudapi.vocabulary import UNLIMITED, Category
from tidegate.dispatcher import Dispatcher
from tidegate.errors import StoreUnavailable
from tidegate.metrics import Family, Metrics, Samples, states
from tidegate.policy.breaker import State, state_at
from tidegate.policy.capacity import available, category_places, whole_places
from tidegate.policy.standing import Standing
from tidegate.poller import Poller
from tidegate.relay import Relay
from tidegate.settings import Settings
from tidegate.signals import Signals
from tidegate.store.condition import StoreCondition
from tidegate.store.relays import Relays
from tidegate.store.send_queue import Lane
from tidegate.store.standings import Standings
from tidegate.store.surveys import Survey, Surveys

#: However many ask, the store is looked at no more often.
_LOOK_EVERY_MS: Final = 200
#: Of many portfolios so many are looked at side by side.
_AT_ONCE: Final = 8
_LOOP_EVERY_S: Final = 1.0

Told = dict[Family, dict[tuple[str, ...], float]]


@dataclass(slots=True, kw_only=True)
class Gauges:
    """Looks, and tells the metrics. `probe` asks the store for its condition; `is_draining` whether the node ends."""

    settings: Settings
    metrics: Metrics
    surveys: Surveys
    standings: Standings
    relays: Relays
    relay: Relay
    signals: Signals
    dispatcher: Dispatcher
    poller: Poller
    audit: AuditWatch
    clock: StoreClock
    probe: Callable[[], Awaitable[StoreCondition]]
    is_draining: Callable[[], bool]
    version: str
    journal_is_durable: bool
    _looked_at_ms: float = field(default=float("-inf"))
    _began: tuple[int, float] = field(default=(0, 0.0))
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def watch_loop(self) -> None:
        """Measure once a second how late the event loop is, until cancelled."""
        now_s = asyncio.get_running_loop().time
        self._begun()
        while True:
            due_s = now_s() + _LOOP_EVERY_S
            await asyncio.sleep(_LOOP_EVERY_S)
            self.metrics.loop_lag(max(0.0, now_s() - due_s))

    async def look(self) -> None:
        """Gather all; what is told of the store's content keeps its last value while the store is away."""
        async with self._looking:
            if self.clock.monotonic_ms() - self._looked_at_ms < _LOOK_EVERY_MS:
                return
            self._begun()
            of_store = await self._of_store()
            self.metrics.states.tell(of_store)
            if of_store[states.STORE_UP][()]:
                await self._look_at_books()
            self.metrics.states.tell(self._of_standings())
            self.metrics.states.tell(self._of_node())
            self._looked_at_ms = self.clock.monotonic_ms()

    def _begun(self) -> None:
        if not self._began[0]:
            self._began = self.clock.now_ms(), self.clock.monotonic_ms()

    async def _of_store(self) -> Mapping[Family, Samples]:
        try:
            condition = await self.probe()
        except StoreUnavailable:
            unknown = (states.STORE_WRITABLE, states.STORE_DURABLE, states.STORE_KEEPS, states.STORE_REPLICAS)
            return {states.STORE_UP: {(): 0}, **{family: {} for family in unknown}}
        return {
            states.STORE_UP: {(): 1},
            states.STORE_WRITABLE: {(): condition.writable},
            states.STORE_DURABLE: {(): condition.durable},
            states.STORE_KEEPS: {(): condition.maxmemory_policy == "noeviction"},
            states.STORE_REPLICAS: {(): condition.replicas},
        }

    async def _look_at_books(self) -> None:
        turns = asyncio.Semaphore(_AT_ONCE)
        numbers = {p.id: [number.id for waba in p.wabas for number in waba.numbers] for p in self.settings.portfolios}

        async def survey(portfolio: str) -> Survey:
            lanes = [Lane(number, category) for number in numbers[portfolio] for category in Category]
            async with turns:
                return await self.surveys.look(portfolio, lanes)

        try:
            surveyed = await asyncio.gather(*map(survey, numbers))
            apps = await self._of_apps()
        except StoreUnavailable:
            return
        families = (states.PLACES_USED, states.AVAILABLE, states.UNKNOWN, states.QUEUED, states.OLDEST)
        told: Told = {family: {} for family in families}
        for portfolio, found in zip(numbers, surveyed, strict=True):
            _tell_survey(told, portfolio, found, self.standings.known(portfolio))
        self.metrics.states.tell({**told, **apps})

    async def _of_apps(self) -> Mapping[Family, Samples]:
        families = (states.RELAY_WAITING, states.RELAY_OLDEST, states.RELAY_DEAD, states.RELAY_BYTES)
        told: Told = {family: {} for family in families}
        subscribers = self.relay.subscribers
        for subscriber in (*subscribers.all, *filter(None, (subscribers.alerts,))):
            backlogs = [await self.relays.backlog(one, subscriber.app) for one in subscriber.portfolios]
            now_ms, app = self.clock.now_ms(), (subscriber.app,)
            oldest_ms = min((one.oldest_at_ms for one in backlogs if one.oldest_at_ms is not None), default=now_ms)
            told[states.RELAY_WAITING][app] = sum(one.waiting for one in backlogs)
            told[states.RELAY_OLDEST][app] = max(0, now_ms - oldest_ms) / 1_000
            told[states.RELAY_DEAD][app] = sum(one.dead for one in backlogs)
            told[states.RELAY_BYTES][app] = sum(one.kept_bytes for one in backlogs)
        return told

    def _of_standings(self) -> Mapping[Family, Samples]:
        families = (states.LIMIT, states.PLACES, states.RESERVED)
        told: Told = {family: {} for family in families}
        counted: dict[Family, Counter[tuple[str, ...]]] = {
            family: Counter() for family in (states.NUMBERS, states.BREAKERS, states.PAUSES, states.CAMPAIGNS)
        }
        now_ms = self.clock.now_ms()
        for portfolio in self.standings.portfolios:
            standing = self.standings.known(portfolio)
            _tell_places(told, standing)
            for family, labels in _counted(standing, now_ms):
                counted[family][labels] += 1
        return {**told, **counted}

    def _of_node(self) -> Mapping[Family, Samples]:
        began_at_ms, began_ms = self._began
        now_ms, monotonic_ms = self.clock.now_ms(), self.clock.monotonic_ms()
        heard_at_ms = self.signals.heard_at_ms or began_at_ms
        return {
            states.WEBHOOK_AGE: {(): max(0, now_ms - heard_at_ms) / 1_000},
            states.POLL_AGE: {
                (portfolio,): max(0, now_ms - min(read_at_ms.values())) / 1_000
                for portfolio, read_at_ms in self.poller.read_at_ms.items()
                if read_at_ms
            },
            states.POLL_INTERVAL: {(): self.settings.poll.interval_ms / 1_000},
            states.DISPATCHER_AGE: {
                (portfolio,): (monotonic_ms - self.dispatcher.looked_at_ms.get(portfolio, began_ms)) / 1_000
                for portfolio in self.standings.portfolios
            },
            states.AUDIT_BROKEN: {(place,): place in self.audit.broken for place in self.audit.places},
            states.JOURNAL: {(): self.journal_is_durable},
            states.DRAINING: {(): self.is_draining()},
            states.BUILD: {(self.version,): 1},
        }


def _tell_survey(told: Told, portfolio: str, found: Survey, standing: Standing) -> None:
    told[states.PLACES_USED][portfolio,] = found.used
    told[states.UNKNOWN][portfolio,] = found.unknown
    free = available(standing.limit, found.used, standing.rules)
    for category in Category:
        lanes = [lane for lane in found.lanes if lane.lane.category is category]
        since_ms = min((lane.waits_since_ms for lane in lanes if lane.waits_since_ms), default=found.now_ms)
        labels = portfolio, category.value
        told[states.QUEUED][labels] = sum(lane.messages for lane in lanes)
        told[states.OLDEST][labels] = max(0, found.now_ms - since_ms) / 1_000
        if (places := free[category]) is not None:
            told[states.AVAILABLE][labels] = places


def _tell_places(told: Told, standing: Standing) -> None:
    limit, rules, portfolio = standing.limit, standing.rules, standing.portfolio
    told[states.LIMIT][portfolio,] = limit
    if limit == UNLIMITED:
        return
    for category in Category:
        told[states.PLACES][portfolio, category.value] = category_places(limit, category, rules)
        told[states.RESERVED][portfolio, category.value] = whole_places(rules.reserve.of(category), limit)


def _counted(standing: Standing, now_ms: int) -> Iterator[tuple[Family, tuple[str, ...]]]:
    """What is counted of a standing: each thing by its family and labels."""
    portfolio, consequences = standing.portfolio, standing.rules.consequences
    for number in standing.numbers.values():
        yield states.NUMBERS, (portfolio, number.status.value, number.quality.value)
    for breaker in standing.breakers:
        state = state_at(breaker, now_ms)
        if state is not State.CLOSED and consequences.mode(breaker) == "enforce":
            yield states.BREAKERS, (portfolio, breaker.rule, breaker.scope.value, state.value)
    for pause in standing.pauses:
        if pause.until_ms is None or pause.until_ms > now_ms:
            yield states.PAUSES, (portfolio, pause.scope)
    for campaign in standing.campaigns.values():
        yield states.CAMPAIGNS, (portfolio, campaign.state)
