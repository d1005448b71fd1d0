"""What a gate is judged by, read from the store: the campaign's own counts, its templates' past, what Meta said."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from tidegate.policy.campaign.gate_metric import Usual, rate_of, usual_of
from tidegate.policy.campaign.judgement import Arm, Finding, Judgement, conclude, findings_of
from tidegate.policy.campaign.rate_test import Moment
from tidegate.policy.campaign.setbacks import Places, setbacks
from tidegate.policy.campaign.spec import Campaign, Variant
from tidegate.policy.early_warning import Plan
from tidegate.policy.outcome_scope import Kind, OutcomeScope, campaign_part
from tidegate.policy.standing import Standing
from tidegate.policy.warning_counts import Day, baseline_days, day_of, fleet_of, history_of
from tidegate.policy.warning_metric import Counter, Tally
from tidegate.store.outcome_counts import OutcomeCounts
from tidegate.store.standing_history import StandingHistory
from tidegate.store.standings import Standings

#: Templates of the same category that one of too little history is measured against: those that were sent last.
MOST_PEERS: Final = 50
#: Campaigns whose past is remembered; it does not change while they run.
_MOST_KNOWN: Final = 100
_MOST_EVENTS: Final = 10_000

Known = Mapping[str, Mapping[str, Usual]]
"""What is usual: by variant, then by rate."""


@dataclass(frozen=True, slots=True)
class StepTimes:
    """Times of a campaign's step that is looked at, in ms. `began_at_ms`: when the campaign's first row went.

    `gone_at_ms`: when the step's last row was gone; None while it is sent. `quiet_since_ms`: what Meta said before this
    was answered already, by the step's beginning or by whoever resumed the campaign. `taken`: how many rows of
    the step Meta took, by their fates.
    """

    began_at_ms: int
    gone_at_ms: int | None
    quiet_since_ms: int
    now_ms: int
    taken: int = 0


_Past = dict[str, Tally]
"""The history of one template, by rate."""
_PLAN: Final = Plan()


class GateReadings:
    """Reads what is known of campaigns, and has their gates judged. Every method raises StoreUnavailable."""

    def __init__(self, history: StandingHistory, standings: Standings, waba_of_number: Mapping[str, str]) -> None:
        self._counts: OutcomeCounts = history.sent
        self._history = history
        self._standings = standings
        self._waba_of_number = waba_of_number
        self._known: dict[str, Known] = {}

    async def judge(self, campaign: Campaign, step: int, times: StepTimes) -> Judgement | None:
        """What the gate of this step (an index) says now; None of a step that has none."""
        gate = campaign.steps[step].gate
        if gate is None:
            return None
        standing = await self._standings.current(campaign.portfolio)
        places = self._places(campaign, standing)
        known = await self._usual(campaign, places, times.began_at_ms)
        arms = await self._arms(campaign, step, times, known)
        events, _ = await self._history.since(campaign.portfolio, times.quiet_since_ms, _MOST_EVENTS)
        said = setbacks(events, places, standing.breakers)
        uncounted = max(0, times.taken - _sent(arms)) / max(1, times.taken)
        moment = Moment(times.now_ms, times.gone_at_ms, len(campaign.steps), uncounted)
        findings: list[Finding] = []
        for arm in arms:
            findings += findings_of(gate, arm, arms, moment)
            await asyncio.sleep(0)  # judging takes milliseconds, and sends wait
        return conclude(gate, findings, moment, said)

    async def _arms(self, campaign: Campaign, step: int, times: StepTimes, known: Known) -> list[Arm]:
        counts = await counts_of(self._counts, campaign, times.began_at_ms, times.now_ms)
        return [
            Arm(
                variant.name,
                tuple(counts[i, j] for i in range(step + 1)),
                known[variant.name],
                variant.is_control,
            )
            for j, variant in enumerate(campaign.variants)
        ]

    async def _usual(self, campaign: Campaign, places: Places, began_at_ms: int) -> Known:
        """What is usual of each variant's template, by what was sent before the campaign began."""
        known = self._known.get(campaign.campaign_id)
        if known is None:
            known = await self._read_usual(campaign, places, began_at_ms)
            if len(self._known) >= _MOST_KNOWN:
                self._known.pop(next(iter(self._known)))
            self._known[campaign.campaign_id] = known
        return known

    async def _read_usual(self, campaign: Campaign, places: Places, began_at_ms: int) -> Known:
        metrics = sorted({watched.metric for step in campaign.steps if step.gate for watched in step.gate.metrics})
        own = {variant.name: self._scopes(variant, places) for variant in campaign.variants}
        news = await self._counts.news(campaign.portfolio, 0)
        peers = [scope for scope in news.scopes if scope.kind is Kind.TEMPLATE and scope.of == places.category]
        past: dict[OutcomeScope, _Past] = {}
        for scope in dict.fromkeys([scope for found in own.values() for scope in found] + peers[:MOST_PEERS]):
            past[scope] = await self._past(campaign.portfolio, scope, metrics, began_at_ms)
        return {name: _usual_of(found, past, metrics) for name, found in own.items()}

    async def _past(self, portfolio: str, scope: OutcomeScope, metrics: Iterable[str], began_at_ms: int) -> _Past:
        cells = await self._counts.days(portfolio, [(scope, day) for day in baseline_days(began_at_ms)])
        days = {day: counts for (_, day), counts in cells.items()}
        found: _Past = {}
        for metric in metrics:
            recipe = rate_of(metric).recipe
            found[metric] = history_of(recipe, days, began_at_ms) if recipe is not None else Tally()
            await asyncio.sleep(0)  # four weeks take milliseconds too
        return found

    def _scopes(self, variant: Variant, places: Places) -> list[OutcomeScope]:
        """A variant's template, in each of the accounts that the campaign's numbers belong to."""
        if places.category is None:
            return []
        ref = variant.template.ref
        return [
            OutcomeScope(Kind.TEMPLATE, places.category, f"{waba}:{ref.language}:{ref.name}")
            for waba in sorted(places.wabas)
        ]

    def _places(self, campaign: Campaign, standing: Standing) -> Places:
        wabas = frozenset(self._waba_of_number[number] for number in campaign.numbers)
        refs = [variant.template.ref for variant in campaign.variants]
        return Places(
            campaign.portfolio,
            frozenset(f"{waba}:{ref.language}:{ref.name}" for ref in refs for waba in wabas),
            frozenset(campaign.numbers),
            wabas,
            _category(campaign, standing, wabas),
        )


async def counts_of(
    counts: OutcomeCounts, campaign: Campaign, from_ms: int, to_ms: int
) -> dict[tuple[int, int], dict[int, Day]]:
    """What became of the sends of each step and variant (indices), by day; of sends between these times."""
    days = range(day_of(from_ms), day_of(to_ms) + 1)
    parts = {
        campaign_part(campaign.campaign_id, step.name, variant.name): (i, j)
        for i, step in enumerate(campaign.steps)
        for j, variant in enumerate(campaign.variants)
    }
    cells = await counts.days(campaign.portfolio, [(scope, day) for scope in parts for day in days])
    found: dict[tuple[int, int], dict[int, Day]] = {part: {} for part in parts.values()}
    for (scope, day), counted in cells.items():
        found[parts[scope]][day] = counted
    return found


def _sent(arms: Iterable[Arm]) -> int:
    """How many sends of the current step are counted."""
    fields = ((field, n) for arm in arms for day in arm.steps[-1].values() for field, n in day.items())
    return sum(n for field, n in fields if field.endswith(f".{Counter.SENT}"))


def _category(campaign: Campaign, standing: Standing, wabas: Iterable[str]) -> str | None:
    """What the campaign's templates are: by Meta's word, or as it was ordered."""
    for variant in campaign.variants:
        ref = variant.template.ref
        for waba in wabas:
            template = standing.template(waba, ref.name, ref.language)
            if template is not None and template.category is not None:
                return template.category.value
    return campaign.category.value if campaign.category is not None else None


def _usual_of(
    own: Iterable[OutcomeScope], past: Mapping[OutcomeScope, _Past], metrics: Iterable[str]
) -> dict[str, Usual]:
    """What is usual of a template that went out under these scopes: its own past, and that of all others."""
    mine = frozenset(own)
    found: dict[str, Usual] = {}
    for metric in metrics:
        history = sum((past[scope][metric] for scope in mine), Tally())
        fleet = fleet_of(tallies[metric] for scope, tallies in past.items() if scope not in mine)
        usual = usual_of(metric, history, fleet, _PLAN)
        if usual is not None:
            found[metric] = usual
    return found
