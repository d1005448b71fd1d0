"""What a plan is asked for: a campaign, to whom, and what goes on beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from tidegate.cloudapi.vocabulary import Category
from tidegate.gateway import Route
from tidegate.policy.campaign.phase import Phase
from tidegate.policy.campaign.run import Run
from tidegate.policy.campaign.spec import Campaign
from tidegate.policy.grant import Grant
from tidegate.policy.plan import Beside, Sender, Situation
from tidegate.policy.plan.crowd import Crowd, Mold, Part, nights_in_force
from tidegate.policy.rule_table import Mode
from tidegate.policy.standing import CampaignStanding, Standing
from tidegate.store.audiences import CHUNK_ROWS, Audiences
from tidegate.store.campaigns import CampaignRecord
from tidegate.store.fates import Fates

_OVER: Final = frozenset({Phase.CANCELLING, Phase.CANCELLED, Phase.FINISHED})


@dataclass(frozen=True, slots=True)
class Headcount:
    """An audience of which no more is known than how many there are: by zone, by first digits, and the `others`."""

    zones: Mapping[str, int]
    prefixes: Mapping[str, int]
    others: int = 0


@dataclass(frozen=True, slots=True)
class Listed:
    """An audience that came with the question: recipients as in `spec.Row`, each with its group."""

    rows: Sequence[tuple[str, int]] = field(repr=False)

    @property
    def recipients(self) -> int:
        return len(self.rows)

    async def pages(self, audiences: Audiences, fates: Fates) -> AsyncIterator[Sequence[tuple[str, int]]]:
        """All of them."""
        yield self.rows


@dataclass(frozen=True, slots=True)
class Uploaded:
    """The audience that was uploaded for a campaign: of one that was started, who was not put into the queue yet."""

    record: CampaignRecord

    @property
    def recipients(self) -> int:
        return sum(max(0, rows - fed) for rows, fed in self._groups)

    @property
    def _groups(self) -> list[tuple[int, int]]:
        """Of each group how many rows it has, and how many of them, the first, need no plan any more."""
        campaign, audience = self.record.campaign, self.record.audience
        run = Run.from_json(self.record.progress)
        told = []
        for number, group in enumerate(() if audience is None else audience.groups):
            step, variant = campaign.step_and_variant(number)
            fed = run.cursor[variant] if step == run.step and run.cursor else 0
            told.append((group.rows, group.rows if step < run.step or run.phase in _OVER else fed))
        return told

    async def pages(self, audiences: Audiences, fates: Fates) -> AsyncIterator[Sequence[tuple[str, int]]]:
        """Chunk by chunk, as it is kept. Raises StoreUnavailable, BrokenSeal and LookupError."""
        is_under_way = bool(Run.from_json(self.record.progress).cursor)
        for group, (_, fed) in enumerate(self._groups):
            for chunk in audiences.chunks(self.record, group):
                first = chunk.index * CHUNK_ROWS
                if first + CHUNK_ROWS > fed:
                    rows = await audiences.rows(self.record, chunk)
                    # Who was erased since has no number any more.
                    left = [row for row in rows[max(0, fed - first) :] if row.to]
                    if is_under_way:
                        # Some went before their turn.
                        left = await fates.pending(self.record.campaign, left)
                    yield [(row.to, group) for row in left]

    def begins_ms(self, now_ms: int) -> int:
        """When the rest may go: a step that has nobody left is waited for until its gate may pass."""
        run, campaign = Run.from_json(self.record.progress), self.record.campaign
        steps = range(run.step * len(campaign.variants), (run.step + 1) * len(campaign.variants))
        gate = campaign.steps[run.step].gate
        if gate is None or run.phase not in (Phase.RUNNING, Phase.WAITING):
            return now_ms
        if any(rows > fed for rows, fed in (self._groups[number] for number in steps)):
            return now_ms
        return max(now_ms, (run.gone_ms or now_ms) + gate.soak_ms)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be planned: a campaign by these routes, to whom, and what goes on beside it (None: as before)."""

    campaign: Campaign
    routes: tuple[Route, ...]
    audience: Uploaded | Listed | Headcount
    beside: tuple[Beside, ...] | None = None
    grant: Grant | None = None


def category_of(campaign: Campaign, route: Route, standing: Standing) -> Category:
    """As what a campaign's messages are judged: as its first template, by the standing's word or else the order's."""
    ref = campaign.variants[0].template.ref
    known = standing.template(route.waba, ref.name, ref.language)
    return (known.category if known else None) or campaign.category or Category.MARKETING


def as_running(standing: Standing, campaign: Campaign) -> Standing:
    """The standing in which the campaign was started, whatever stopped it."""
    of_it = CampaignStanding(campaign.campaign_id, "running", night=campaign.night, deadline_ms=campaign.deadline_ms)
    return replace(standing, campaigns={**standing.campaigns, campaign.campaign_id: of_it})


def mold_of(wanted: Wanted, category: Category, situation: Situation) -> Mold:
    """What all cohorts of the campaign have in common."""
    campaign, rules = wanted.campaign, situation.standing.rules
    budget = rules.budget
    priced = budget is not None and budget.mode is not Mode.OFF
    return Mold(
        standing=situation.standing,
        campaign=campaign.campaign_id,
        category=category,
        senders=tuple(Sender(route.waba, route.number) for route in wanted.routes),
        templates=[
            (variant.name, (variant.template.ref.name, variant.template.ref.language)) for variant in campaign.variants
        ],
        now_ms=situation.now_ms,
        expires_at_ms=campaign.deadline_ms,
        nights=nights_in_force(rules, category, campaign.night),
        card=budget.card(situation.now_ms) if budget is not None and priced else None,
        grant=wanted.grant,
    )


def count_heads(crowd: Crowd, campaign: Campaign, headcount: Headcount) -> None:
    """Put so many into the crowd as the headcount says."""
    places = [(crowd.place_of_zone(zone), count) for zone, count in headcount.zones.items()]
    places += [(crowd.place(prefix), count) for prefix, count in headcount.prefixes.items()]
    places.append((crowd.place(""), headcount.others))
    for place, count in places:
        for part, share in split(campaign, count).items():
            crowd.add_many(place, part, share)


def split(campaign: Campaign, count: int) -> dict[Part, int]:
    """So many recipients over the steps and variants of a campaign, by their shares; the last of each has the rest."""
    parts: dict[Part, int] = {}
    told = 0
    for step, ordered in enumerate(campaign.steps):
        upto = count if step == len(campaign.steps) - 1 else round(count * (ordered.share or 0))
        of_step, seen, share = upto - told, 0, 0.0
        told = upto
        for variant, one in enumerate(campaign.variants):
            share += one.share
            upto_variant = of_step if variant == len(campaign.variants) - 1 else round(of_step * share)
            parts[Part(step, variant)] = upto_variant - seen
            seen = upto_variant
    return parts
