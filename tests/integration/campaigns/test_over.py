"""Campaigns that are stopped or over: what is still done for them, and what no longer is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.campaigns.floor import PORTFOLIO, Floor
from tests.integration.campaigns.test_races import put
from tests.waiting import until
from tidegate.policy.campaign.fate import Fate
from tidegate.policy.campaign.phase import Event, Phase
from tidegate.policy.campaign.run import Run
from tidegate.store.campaigns import CampaignRecord, Campaigns
from tidegate.store.fates import RowFate

DAY_MS = 86_400_000


@pytest.fixture
async def floor(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> Floor:
    """With a node that looks after campaigns when it is asked to, and not by itself."""
    runner = floor.node.services.campaign_runner
    monkeypatch.setattr(runner, "_has_work", lambda portfolio, now_ms: False)

    async def is_idle() -> bool:
        return not runner.busy

    await until(is_idle)
    return floor


async def look(floor: Floor) -> None:
    """Have the node look after its campaigns once."""
    await floor.node.services.campaign_runner._look(PORTFOLIO)


async def now(floor: Floor) -> int:
    return (await floor.node.services.ledger.books(PORTFOLIO)).now_ms


async def advance(floor: Floor, to_ms: int) -> None:
    steerable = floor.node.services.steerable
    assert steerable is not None
    await steerable.advance(to_ms - await now(floor))
    floor.node.services.clock.observe(await now(floor))


async def stopped(floor: Floor, phase: Phase, ago_ms: int = 0) -> CampaignRecord:
    """A campaign that has come to this phase so long ago, in the standing too."""
    record = await floor.campaign(4)
    await floor.node.services.fates.open(PORTFOLIO, "cmp-1", 4, record.campaign.deadline_ms + DAY_MS)
    record = await put(floor, Run(phase, since_ms=await now(floor) - ago_ms, by="ops", reason="a test"))
    await floor.node.services.steering.mirror(PORTFOLIO, "cmp-1")
    return record


async def is_stopped(floor: Floor) -> bool:
    standing = await floor.node.services.standings.reload(PORTFOLIO, epoch=-1)
    return "cmp-1" in standing.campaigns and standing.campaigns["cmp-1"].stopped


async def test_a_cancelled_campaign_is_not_read_at_each_look_until_its_deadline(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It is mended again when it has been cancelled for twice as long.
    record = await stopped(floor, Phase.CANCELLED, ago_ms=3_600_000)
    await look(floor)
    read: list[str] = []
    get = Campaigns.get

    async def noted(self: Campaigns, portfolio: str, campaign_id: str) -> CampaignRecord | None:
        read.append(campaign_id)
        return await get(self, portfolio, campaign_id)

    monkeypatch.setattr(Campaigns, "get", noted)
    for _ in range(3):
        await look(floor)
    assert read == []

    await advance(floor, record.campaign.deadline_ms)
    await look(floor)

    assert set(read) == {"cmp-1"}
    assert not await is_stopped(floor)


async def test_what_is_long_over_is_not_mended_again(floor: Floor) -> None:
    await stopped(floor, Phase.FINISHED)
    services = floor.node.services
    await services.fates.write(PORTFOLIO, "cmp-1", [RowFate(1, 0, Fate.QUEUED)])

    await advance(floor, await now(floor) + 8 * DAY_MS + 1)
    await look(floor)
    assert (await floor.fates())[Fate.QUEUED] == 1
    # A node that has only just come to lead knows no better, and leaves it as well.
    services.campaign_runner._done.clear()
    await look(floor)
    assert (await floor.fates())[Fate.QUEUED] == 1


async def test_what_is_over_for_days_is_still_mended(floor: Floor) -> None:
    await stopped(floor, Phase.FINISHED)
    await floor.node.services.fates.write(PORTFOLIO, "cmp-1", [RowFate(1, 0, Fate.QUEUED)])

    await advance(floor, await now(floor) + 7 * DAY_MS)
    await look(floor)

    assert (await floor.fates())[Fate.UNKNOWN] == 1


@pytest.mark.parametrize("phase", [Phase.PAUSED, Phase.HALTED, Phase.CANCELLING])
async def test_a_stop_lasts_ten_seconds_longer_than_the_messages(
    floor: Floor, phase: Phase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nodes know the store's time to within less than that: one that is behind sends until then."""
    record = await stopped(floor, phase)
    await floor.node.services.fates.write(PORTFOLIO, "cmp-1", [RowFate(1, 0, Fate.SENDING)])

    async def nobody_knows(*_: Any, **__: Any) -> int:
        return 1

    # Whatever keeps it from being swept.
    monkeypatch.setattr(type(floor.node.services.campaign_runner._tending._mending), "cancel", nobody_knows)
    await advance(floor, record.campaign.deadline_ms + 9_000)
    await look(floor)
    assert ((await floor.record()).state, await is_stopped(floor)) == (phase.value, True)

    await advance(floor, record.campaign.deadline_ms + 10_000)
    await look(floor)

    over = "cancelled" if phase is Phase.CANCELLING else "finished"
    assert ((await floor.record()).state, await is_stopped(floor)) == (over, False)


async def test_one_that_is_swept_before_its_deadline_is_cancelled_and_stays_stopped(floor: Floor) -> None:
    record = await stopped(floor, Phase.CANCELLING)

    await look(floor)

    assert ((await floor.record()).state, await is_stopped(floor)) == ("cancelled", True)
    run = Run.from_json((await floor.record()).progress)
    assert (run.by, run.reason) == ("ops", "a test")
    assert await floor.node.services.steering.move(record, Event.DEADLINE) is None
