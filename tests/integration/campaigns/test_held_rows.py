"""A campaign of whose recipients one may not be written to."""

from __future__ import annotations

import pytest

from tests.integration.campaigns import floor as floors
from tests.integration.campaigns.floor import FIRST, PORTFOLIO, Floor, phone
from tests.waiting import until
from tidegate.campaigns.wanted import Uploaded
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.campaign.fate import Fate
from tidegate.policy.campaign.phase import Event
from tidegate.policy.campaign.run import Run
from tidegate.policy.instant import write_time
from tidegate.store.keys import PortfolioKeys
from tidegate.store.send_queue import Lane

DAY_MS = 86_400_000
#: A number of Russia's mobiles: where it is day from the first to the last of its zones is not known, and never before
#: and after nine hours in all of them.
NOBODY_KNOWS_WHERE = "79161234567"


async def test_a_campaign_whose_recipients_sleep_is_not_put_into_the_queue_as_a_whole(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidegate.campaigns.feeder._MOST_HELD", 20)
    monkeypatch.setattr(floors, "phone", lambda row: f"12125550{row:03}")
    services = floor.node.services
    assert services.steerable is not None
    now_ms = (await services.ledger.books(PORTFOLIO)).now_ms
    # Eight in the morning, UTC: the night of New York, which ends within the same day.
    await services.steerable.advance((8 * 3_600_000 - now_ms) % DAY_MS)
    await services.dispatcher.stop()
    await floor.campaign(50, numbers=[FIRST], quiet_hours={"from": "21:00", "to": "09:00"})
    await floor.move(Event.START)
    await floor.come_to({Fate.QUEUED: 20, Fate.PENDING: 30})
    assert (await services.queue.ahead(PORTFOLIO, [Lane(FIRST, Category.MARKETING)], 0))[0].all == 20

    await floor.add_node()
    await services.steerable.advance(DAY_MS // 4)

    await floor.come_to({Fate.DELIVERED: 50})


async def test_who_is_awake_does_not_wait_behind_so_many_who_sleep_that_the_queue_takes_no_more_of_them(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidegate.campaigns.feeder._MOST_HELD", 20)
    # Every eighth is in India, where it is early in the afternoon; the others are in New York, before dawn.
    monkeypatch.setattr(floors, "phone", lambda row: f"9198765{row:05}" if row % 8 == 0 else f"1212555{row:04}")
    services = floor.node.services
    assert services.steerable is not None
    now_ms = (await services.ledger.books(PORTFOLIO)).now_ms
    await services.steerable.advance((8 * 3_600_000 - now_ms) % DAY_MS)
    await floor.campaign(200, numbers=[FIRST], quiet_hours={"from": "21:00", "to": "09:00"})
    await floor.move(Event.START)

    await floor.come_to({Fate.DELIVERED: 25, Fate.QUEUED: 20, Fate.PENDING: 155})

    assert all(user.startswith("91") for user in floor.sent_to())
    pages = Uploaded(await floor.record()).pages(services.audiences, services.fates)
    assert sum([len(page) async for page in pages]) == 155, "a plan is of those who are left"
    await services.steerable.advance(DAY_MS // 4)
    await floor.come_to({Fate.DELIVERED: 200})
    assert set(floor.sent_to().values()) == {1}


async def test_who_may_never_be_written_to_keeps_no_later_step_from_being_sent(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(floors, "phone", lambda row: NOBODY_KNOWS_WHERE if row == 2 else phone(row))
    services = floor.node.services
    assert services.steerable is not None
    now_ms = (await services.ledger.books(PORTFOLIO)).now_ms
    # Eight in the evening, UTC: noon in California.
    await services.steerable.advance((20 * 3_600_000 - now_ms) % DAY_MS)
    now_ms = (await services.ledger.books(PORTFOLIO)).now_ms
    await floor.campaign(
        20,
        steps=[{"share": 0.5}, {"share": 1}],
        quiet_hours={"from": "17:00", "to": "08:00"},
        schedule={"deadline": write_time(now_ms + 10 * DAY_MS)},
    )
    await floor.move(Event.START)
    await floor.come_to({Fate.DELIVERED: 9, Fate.QUEUED: 1, Fate.PENDING: 10})
    assert Run.from_json((await floor.record()).progress).step == 0

    await services.steerable.advance(DAY_MS)

    await floor.come_to({Fate.DELIVERED: 19, Fate.QUEUED: 1})
    run = Run.from_json((await floor.record()).progress)
    assert (run.phase.value, run.step) == ("running", 1)

    async def is_over() -> bool:
        return (await floor.record()).state == "finished"

    await services.steerable.advance(10 * DAY_MS)
    await until(is_over)
    assert sum(floor.sent_to().values()) == 19


async def test_a_campaign_that_is_long_over_leaves_nothing_for_nodes_to_read(floor: Floor) -> None:
    services = floor.node.services
    assert services.steerable is not None
    client = floor.node.connection.client
    await floor.campaign(3)
    await floor.move(Event.START)
    await floor.reaches("finished")

    async def said() -> list[bytes]:
        fields: list[bytes] = await client.hkeys(PortfolioKeys(PORTFOLIO).standing)
        return [field for field in fields if field.startswith(b"campaign:")]

    assert await said() == [b"campaign:cmp-1|campaign@operator"]

    async def is_forgotten() -> bool:
        return not await said()

    await services.steerable.advance(9 * DAY_MS)
    await until(is_forgotten)
