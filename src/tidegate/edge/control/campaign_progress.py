"""How far a campaign is: its rows by what became of them, its steps, what stopped it, and when it will be done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from tidegate.cloudapi.vocabulary import Category
from tidegate.edge.calls import Call
from tidegate.edge.times import write_time, write_time_up
from tidegate.policy.campaign.eta import Pace, done_at_ms
from tidegate.policy.campaign.fate import Fate, final
from tidegate.policy.campaign.phase import OVER, Phase
from tidegate.policy.campaign.run import Run
from tidegate.policy.campaign.spec import Campaign
from tidegate.policy.capacity import category_places
from tidegate.policy.standing import Standing
from tidegate.store.campaigns import CampaignRecord

#: What callers count, in the order of a row's life. What Meta took is `sent`, whether or not its webhook came.
FATES: Final = (
    "pending",
    "queued",
    "sending",
    "unknown",
    "sent",
    "delivered",
    "read",
    "failed",
    "expired",
    "cancelled",
)
_LEFT: Final = ("pending", "queued", "sending")


async def told_progress(call: Call, record: CampaignRecord) -> dict[str, Any]:
    """What is added to a campaign as it is told: `progress`, `steps`, `eta`, `halted`, `stopped`."""
    campaign, run = record.campaign, Run.from_json(record.progress)
    counts = await call.services.fates.counts(campaign.portfolio, campaign.campaign_id)
    groups = [_group(record, group, counts, run.phase) for group in range(campaign.groups)]
    books = await call.books(campaign.portfolio)
    standing = await call.standing(campaign.portfolio, books)
    in_all = _sum(groups)
    eta_ms = _eta_ms(campaign, run, in_all, standing, books.used, books.now_ms)
    return {
        "progress": in_all,
        "step_progress": [_step(campaign, run, step, groups) for step in range(len(campaign.steps))],
        "started_at": write_time(run.started_ms) if run.started_ms else None,
        "since": write_time(run.since_ms) if run.since_ms else None,
        "eta": None if eta_ms is None else write_time_up(eta_ms),
        "halted": _stop(run, {"evidence": dict(run.evidence)}) if run.phase is Phase.HALTED else None,
        "stopped": _stop(run, {}) if run.phase in _BY_HAND else None,
    }


_BY_HAND: Final = (Phase.PAUSED, Phase.CANCELLING, Phase.CANCELLED)


def _stop(run: Run, more: Mapping[str, Any]) -> dict[str, Any]:
    return {"at": write_time(run.since_ms), "by": run.by or None, "reason": run.reason or None, **more}


def _step(campaign: Campaign, run: Run, step: int, groups: list[dict[str, int]]) -> dict[str, Any]:
    of_step = [groups[campaign.group(step, variant)] for variant in range(len(campaign.variants))]
    began_ms, gone_ms = (run.step_began_ms, run.gone_ms) if step == run.step else (0, 0)
    return {
        "name": campaign.steps[step].name,
        "state": _step_state(run, step),
        "began_at": write_time(began_ms) if began_ms else None,
        "gone_at": write_time(gone_ms) if gone_ms else None,
        "progress": _sum(of_step),
        "variants": {variant.name: counts for variant, counts in zip(campaign.variants, of_step, strict=True)},
        "verdict": run.verdicts.get(str(step)),
    }


def _step_state(run: Run, step: int) -> str:
    if step < run.step or run.phase is Phase.FINISHED:
        return "passed" if step <= run.step else "pending"
    if step > run.step or run.phase in (Phase.DRAFT, Phase.SCHEDULED):
        return "pending"
    return run.phase.value


def _group(record: CampaignRecord, group: int, counts: Counter[tuple[int, Fate]], phase: Phase) -> dict[str, int]:
    rows = 0 if record.audience is None else record.audience.groups[group].rows
    known = {fate: count for (of, fate), count in counts.items() if of == group}
    told = dict.fromkeys(FATES, 0)
    for fate, count in {**known, Fate.PENDING: max(0, rows - sum(known.values()))}.items():
        word = "sent" if fate is Fate.ACCEPTED else final(fate, phase).word
        told[word] += count
    return told


def _sum(groups: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total = dict.fromkeys(FATES, 0)
    for counts in groups:
        for word, count in counts.items():
            total[word] += count
    return total


def _eta_ms(
    campaign: Campaign, run: Run, counts: Mapping[str, int], standing: Standing, used: int, now_ms: int
) -> int | None:
    if run.phase in OVER or run.phase in (Phase.DRAFT, Phase.PAUSED, Phase.HALTED, Phase.CANCELLING):
        return None
    left = sum(counts[word] for word in _LEFT)
    places = category_places(standing.limit, campaign.category or Category.MARKETING, standing.rules)
    ahead = campaign.steps[run.step : -1]
    pace = Pace(
        left=left,
        gone=sum(counts.values()) - left,
        elapsed_ms=now_ms - run.started_ms if run.started_ms else 0,
        per_second=sum(standing.number(number).throughput for number in campaign.numbers),
        free=places - used,
        a_day=places,
        soak_ms=sum(step.gate.soak_ms for step in ahead if step.gate is not None),
    )
    return done_at_ms(pace, max(now_ms, campaign.start_at_ms or 0))
