"""Early warning as a duty: what has news is judged every quarter of a minute, by one node for each portfolio."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import structlog

from tidegate.clock import StoreClock
from tidegate.errors import StoreUnavailable
from tidegate.policy.consequences.sightings import signal_of_warning
from tidegate.policy.consequences.signal import Signal
from tidegate.policy.early_warning import WINDOW_HOURS, Finding, Level
from tidegate.policy.outcome_scope import Kind, OutcomeScope
from tidegate.policy.reach import Subject
from tidegate.policy.rule_table import Mode
from tidegate.policy.standing import Standing
from tidegate.policy.warning_counts import (
    Day,
    baseline_days,
    baseline_of,
    day_of,
    fleets_of,
    silence_ripens_ms,
    watch_of,
    window_days,
)
from tidegate.policy.warning_metric import HOUR_MS, Metric, Tally
from tidegate.policy.warning_review import Review, Said, numbers_found, review
from tidegate.store.leases import Leases
from tidegate.store.outcome_counts import OutcomeCounts
from tidegate.store.standings import Standings
from tidegate.store.warnings import Warnings

EVERY_MS: Final = 15_000
#: A node that ends is followed by another after this.
LEASE_MS: Final = 60_000
DUTY: Final = "early_warning"
#: Peers that a scope is measured against, the busiest of late.
MOST_PEERS: Final = 200
_TRIPS: Final = (Level.THROTTLE, Level.STOP)

log = structlog.get_logger()

History = dict[Metric, Tally]
"""The baseline of one scope, or of its peers, by metric."""


@dataclass(slots=True)
class _Memory:
    """What the node that has the duty remembers of a portfolio; without it all of the last week is judged again."""

    rules: str
    looked_at_ms: int = 0
    hour: int = 0
    #: First day that is judged: what is older is history.
    day: int = 0
    peers: dict[tuple[Kind, str], list[OutcomeScope]] = field(default_factory=dict)
    own: dict[OutcomeScope, History] = field(default_factory=dict)
    fleets: dict[OutcomeScope, History] = field(default_factory=dict)


class WarningWatch:
    """Judges templates, and categories on numbers, by what became of their sends; what it finds goes to `consider`."""

    def __init__(
        self,
        counts: OutcomeCounts,
        warnings: Warnings,
        standings: Standings,
        leases: Leases,
        clock: StoreClock,
        waba_of_number: Mapping[str, str],
        consider: Callable[[Sequence[Signal]], Awaitable[None]],
    ) -> None:
        """`consider` has acted on the signals when it returns; after StoreUnavailable it is asked again."""
        self._counts = counts
        self._warnings = warnings
        self._standings = standings
        self._leases = leases
        self._clock = clock
        self._waba_of_number = waba_of_number
        self._consider = consider
        self._memory: dict[str, _Memory] = {}

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            for portfolio in self._standings.portfolios:
                try:
                    if await self._leases.hold(portfolio, DUTY, LEASE_MS):
                        await self.look(portfolio)
                    else:
                        self._memory.pop(portfolio, None)
                except StoreUnavailable as error:
                    log.warning("early_warning_not_judged", portfolio=portfolio, fault=str(error))
            # That a clock was steered is learned of by looking, so this wakes soon whatever the clock will say.
            await self._clock.sleep_until(self._clock.now_ms() + EVERY_MS)

    async def look(self, portfolio: str) -> None:
        """Judge what has had news since the last look, and what has been silent for long enough.

        Raises StoreUnavailable; then the next look sees the same news.
        """
        memory = self._memory.get(portfolio)
        hour = self._clock.now_ms() // HOUR_MS
        is_new_hour = memory is None or memory.hour != hour
        since_ms = 0 if memory is None else memory.looked_at_ms - (silence_ripens_ms() + HOUR_MS if is_new_hour else 0)
        news = await self._counts.news(portfolio, since_ms)
        self._clock.observe(news.now_ms)
        standing = await self._standings.reload(portfolio, news.epoch)
        mode = standing.rules.mode("early_warning")
        if mode is Mode.OFF:
            self._memory.pop(portfolio, None)
            return
        if memory is None or memory.rules != standing.rules.version or news.now_ms < memory.looked_at_ms:
            memory, is_new_hour = _Memory(standing.rules.version), True
            news = await self._counts.news(portfolio, news.now_ms - WINDOW_HOURS * HOUR_MS)
        said = await self._warnings.read(portfolio)
        scopes = dict.fromkeys(scope for scope in news.scopes if scope.kind.is_judged)
        if is_new_hour:
            # Of what has fallen silent no news tells that its time is over.
            scopes |= dict.fromkeys(scope for scope, _ in said if scope.kind.is_judged)
        await self._judge(standing, memory, scopes, said, news.now_ms)
        memory.looked_at_ms, memory.hour = news.now_ms, hour
        self._memory[portfolio] = memory

    async def _judge(
        self,
        standing: Standing,
        memory: _Memory,
        scopes: Iterable[OutcomeScope],
        said: Mapping[tuple[OutcomeScope, Metric], Said],
        now_ms: int,
    ) -> None:
        portfolio, mode = standing.portfolio, standing.rules.mode("early_warning")
        found: dict[tuple[OutcomeScope, Metric], Finding] = {}
        for scope in scopes:
            await self._learn(portfolio, memory, scope, now_ms)
            cells = await self._counts.days(portfolio, [(scope, day) for day in window_days(now_ms)], as_of_news=True)
            days = {day: counts for (_, day), counts in cells.items()}
            for metric in Metric:
                reviewed = self._review(standing, memory, scope, metric, days, said.get((scope, metric)), now_ms)
                if reviewed.speaks:
                    found[scope, metric] = reviewed.finding
            await asyncio.sleep(0)  # judging takes milliseconds, and sends wait
        if not found:
            return
        if mode is Mode.ENFORCE:
            signals = [self._signal(portfolio, *watched, found[watched], now_ms) for watched in found]
            await self._consider(signals + self._of_numbers(portfolio, found, said, now_ms))
        for (scope, _), finding in found.items():
            _tell(portfolio, scope, finding, mode)
            if finding.level in _TRIPS:
                await self._counts.trip(portfolio, scope, range(day_of(finding.since_ms), day_of(now_ms) + 1))
        kept = {
            watched: None if finding.level is Level.CALM else Said(finding.level, now_ms, mode.value)
            for watched, finding in found.items()
        }
        await self._warnings.write(portfolio, kept)

    def _review(
        self,
        standing: Standing,
        memory: _Memory,
        scope: OutcomeScope,
        metric: Metric,
        days: Mapping[int, Day],
        said: Said | None,
        now_ms: int,
    ) -> Review:
        watch = watch_of(
            metric,
            days,
            now_ms,
            started_at_ms=self._cleared_at_ms(standing, scope, metric),
            baseline=memory.own.get(scope, {}).get(metric, Tally()),
            fleet=memory.fleets.get(scope, {}).get(metric, Tally()),
        )
        return review(watch, said, standing.rules.early_warning.plan, standing.rules.mode("early_warning").value)

    def _signal(self, portfolio: str, scope: OutcomeScope, metric: Metric, finding: Finding, now_ms: int) -> Signal:
        subject = scope.subject(portfolio, self._waba_of_number)
        signal = signal_of_warning(scope.kind.value, metric.value, finding.level.value, subject, now_ms)
        return replace(signal, detail=str(finding))

    def _of_numbers(
        self,
        portfolio: str,
        found: Mapping[tuple[OutcomeScope, Metric], Finding],
        said: Mapping[tuple[OutcomeScope, Metric], Said],
        now_ms: int,
    ) -> list[Signal]:
        """What is to be said of numbers, now that these were found."""
        levels = {watched: one.level for watched, one in said.items()}
        levels |= {watched: finding.level for watched, finding in found.items()}
        spoken = {(scope.of, metric) for (scope, metric), finding in found.items() if finding.level in _TRIPS}
        signals = []
        for (number, metric), level in numbers_found(levels).items():
            if (number, metric) in spoken:
                subject = Subject(portfolio, self._waba_of_number.get(number), number)
                signals.append(signal_of_warning("number", metric.value, level.value, subject, now_ms))
        return signals

    def _cleared_at_ms(self, standing: Standing, scope: OutcomeScope, metric: Metric) -> int:
        """When a breaker that this would trip was last proven needless, by a hand or by probes; 0: never."""
        proven = [breaker for breaker in standing.breakers if breaker.proven_at_ms]
        if not proven:
            return 0
        subject = scope.subject(standing.portfolio, self._waba_of_number)
        signals = [signal_of_warning(scope.kind.value, metric.value, level.value, subject, 0) for level in _TRIPS]
        trips = standing.rules.consequences.fails
        tripped = (breaker for breaker in proven if any(trips(breaker, signal) for signal in signals))
        return max((breaker.proven_at_ms for breaker in tripped), default=0)

    async def _learn(self, portfolio: str, memory: _Memory, scope: OutcomeScope, now_ms: int) -> None:
        """Read the histories that a scope is compared with, once a day."""
        first_day = window_days(now_ms).start
        if memory.day != first_day:
            everything = await self._counts.news(portfolio, 0)
            memory.day, memory.peers = first_day, {}
            memory.own, memory.fleets = {}, {}
            for known in everything.scopes:
                if known.kind.is_judged:
                    memory.peers.setdefault(known.peers, []).append(known)
        if scope in memory.fleets:
            return
        peers = {scope: None, **dict.fromkeys(memory.peers.get(scope.peers, [])[:MOST_PEERS])}
        for peer in peers:
            if peer not in memory.own:
                cells = await self._counts.days(
                    portfolio, [(peer, day) for day in baseline_days(now_ms)], as_of_news=True
                )
                days = {day: counts for (_, day), counts in cells.items()}
                history = {}
                for metric in Metric:
                    history[metric] = baseline_of(metric, days, now_ms)
                    await asyncio.sleep(0)  # four weeks take milliseconds too
                memory.own[peer] = history
        for metric in Metric:
            fleets = fleets_of({peer: memory.own[peer][metric] for peer in peers})
            for peer, fleet in fleets.items():
                memory.fleets.setdefault(peer, {})[metric] = fleet


def _tell(portfolio: str, scope: OutcomeScope, finding: Finding, mode: Mode) -> None:
    log.warning(
        "early_warning",
        portfolio=portfolio,
        scope=scope.name,
        metric=finding.metric.value,
        level=finding.level.value,
        mode=mode.value,
        sends=finding.outcomes.sends,
        rate=round(finding.outcomes.rate, 4),
        baseline=round(finding.baseline_rate, 4),
        measured=finding.is_measured,
    )
