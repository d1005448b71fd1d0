"""`/campaigns/{campaign}/report`: what became of each variant's sends, compared, and what the gates said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tidegate.campaigns.gate_readings import counts_of
from tidegate.edge.calls import Call
from tidegate.edge.control.campaigns import find_campaign
from tidegate.edge.replies import Reply, json_reply
from tidegate.edge.times import write_time
from tidegate.policy.campaign.comparison import compared
from tidegate.policy.campaign.run import Run
from tidegate.policy.campaign.spec import Campaign
from tidegate.policy.warning_counts import Day


async def read_report(call: Call) -> Reply:
    """The rates of each variant, in all and by step, with their intervals."""
    record = await find_campaign(call)
    campaign, run = record.campaign, Run.from_json(record.progress)
    now_ms = (await call.books(campaign.portfolio)).now_ms
    began_ms = run.started_ms or now_ms
    counts = await counts_of(call.services.history.sent, campaign, began_ms, now_ms)
    steps = range(len(campaign.steps))
    return json_reply(
        {
            "id": campaign.campaign_id,
            "as_of": write_time(now_ms),
            "variants": _variants(campaign, {j: [counts[i, j] for i in steps] for j in _indices(campaign)}),
            "steps": [
                {
                    "name": step.name,
                    "verdict": run.verdicts.get(str(i)),
                    "variants": _variants(campaign, {j: [counts[i, j]] for j in _indices(campaign)}),
                }
                for i, step in enumerate(campaign.steps)
            ],
        }
    )


def _indices(campaign: Campaign) -> range:
    return range(len(campaign.variants))


def _variants(campaign: Campaign, counts: Mapping[int, Sequence[Mapping[int, Day]]]) -> list[dict[str, Any]]:
    control = next((variant.name for variant in campaign.variants if variant.is_control), None)
    rates = compared({variant.name: counts[j] for j, variant in enumerate(campaign.variants)}, control)
    return [
        {"name": variant.name, "control": variant.is_control, "rates": rates[variant.name]}
        for variant in campaign.variants
    ]
