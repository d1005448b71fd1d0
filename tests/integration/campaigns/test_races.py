"""Campaigns when a node says late what another one has said, or done, long ago."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.integration.campaigns.floor import PORTFOLIO, Floor
from tidegate.policy.campaign.phase import Event, Phase
from tidegate.policy.campaign.run import Run
from tidegate.store.campaigns import CampaignRecord


class LeasesOfNobody:
    """A lease that another node holds."""

    async def hold(self, portfolio: str, duty: str, ms: int) -> bool:
        return False


@pytest.fixture
def floor(floor: Floor) -> Floor:
    """With a node that looks after no campaign."""
    leases: Any = LeasesOfNobody()
    floor.node.services.campaign_runner._leases = leases
    return floor


async def put(floor: Floor, run: Run) -> CampaignRecord:
    """The campaign as it is once it has come so far."""

    def changed(known: CampaignRecord) -> CampaignRecord:
        return replace(known, progress=run.to_json())

    record = await floor.node.services.campaigns.change(PORTFOLIO, "cmp-1", changed)
    assert record is not None
    return record


@pytest.mark.parametrize(
    ("event", "phase"),
    [(Event.STEP_GONE, Phase.RUNNING), (Event.PASSED, Phase.WAITING), (Event.FAILED, Phase.RUNNING)],
    ids=["that its rows are gone", "that its gate passed", "that its gate failed"],
)
async def test_what_a_stalled_node_says_of_a_step_is_not_taken_for_the_next_one(
    floor: Floor, event: Event, phase: Phase
) -> None:
    await floor.campaign(4, steps=[{"share": 0.5}, {"share": 1}])
    seen = await put(floor, Run(phase, step=0, cursor=(2,)))
    now = await put(floor, Run(phase, step=1))

    assert await floor.node.services.steering.move(seen, event, step=1, cursor=()) is None

    assert (await floor.record()).progress == now.progress
    assert await floor.node.services.steering.move(now, event) is not None


async def test_who_stops_a_campaign_stops_it_whichever_step_they_saw(floor: Floor) -> None:
    await floor.campaign(4, steps=[{"share": 0.5}, {"share": 1}])
    seen = await put(floor, Run(Phase.RUNNING, step=0))
    await put(floor, Run(Phase.RUNNING, step=1))

    moved = await floor.node.services.steering.move(seen, Event.PAUSE, by="ops", reason="wrong price")

    assert moved is not None
    assert (await floor.record()).state == "paused"
