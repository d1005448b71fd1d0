"""Campaigns when a node says late what another one has said, or done, long ago."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from tests.factories import make_template
from tests.integration.campaigns.floor import FIRST, PORTFOLIO, SECOND, WABA, Floor, a_template, pause, platform
from tests.waiting import until
from tidegate.cloudapi.vocabulary import TemplateStatus
from tidegate.policy.campaign.fate import Fate
from tidegate.policy.campaign.phase import Event, Phase
from tidegate.policy.campaign.run import Run
from tidegate.store.campaigns import CampaignRecord
from tidegate.store.fates import RowFate
from tidegate.store.keys import PortfolioKeys


class LeasesOfNobody:
    """A lease that another node holds."""

    async def hold(self, portfolio: str, duty: str, ms: int) -> bool:
        return False


class LeasesOfAll:
    """A lease that this node holds."""

    async def hold(self, portfolio: str, duty: str, ms: int) -> bool:
        return True


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


async def test_rows_whose_messages_are_forgotten_are_not_fed_again(floor: Floor) -> None:
    """A node died before it wrote how far it was, the campaign was paused, and resumed after the records' 8 days."""
    record = await floor.campaign(40)
    services = floor.node.services
    await services.fates.open(PORTFOLIO, "cmp-1", 40, record.campaign.deadline_ms)
    standing = await services.standings.current(PORTFOLIO)
    feeder, now_ms = services.campaign_runner._tending._feeder, services.clock.now_ms()
    await feeder.feed(record, Run(), standing, now_ms)
    await floor.come_to({Fate.DELIVERED: 40})
    client: Any = services.fates._client
    for row in range(1, 41):
        await client.delete(PortfolioKeys(PORTFOLIO).message(feeder.message_id(record.campaign, row)))

    again = await feeder.feed(record, Run(), standing, now_ms)

    assert (again.cursor, again.is_all) == ((40,), True)
    ids = [feeder.message_id(record.campaign, row) for row in range(1, 41)]
    assert await services.fates.states(PORTFOLIO, ids) == [None] * 40
    assert sum(floor.sent_to().values()) == 40


async def queued(floor: Floor, rows: int, **order: Any) -> CampaignRecord:
    """A campaign of which this many rows are queued, each for a number that may not send."""
    for number in (FIRST, SECOND):
        await pause(floor, number)
    record = await floor.campaign(rows, **order)
    services = floor.node.services
    await services.fates.open(PORTFOLIO, "cmp-1", rows, record.campaign.deadline_ms)
    standing = replace(await services.standings.current(PORTFOLIO), pauses=())
    await services.campaign_runner._tending._feeder.feed(record, Run(), standing, services.clock.now_ms())
    return record


async def test_a_row_in_hand_whose_message_is_gone_is_told_as_unknown_and_keeps_nobody_waiting(floor: Floor) -> None:
    """As when all nodes were away for longer than a message is kept."""
    variants = [{"name": name, "share": 0.5, "template": a_template()} for name in ("a", "b")]
    record = await queued(floor, 6, template=None, variants=variants)
    services = floor.node.services
    client: Any = services.fates._client
    mending, message_id = services.campaign_runner._mending, services.campaign_runner._tending._feeder.message_id
    for row in (2, 3):
        await client.delete(PortfolioKeys(PORTFOLIO).message(message_id(record.campaign, row)))
    # One that was ended before it came has a message that does not tell whose it was.
    ended = PortfolioKeys(PORTFOLIO).message(message_id(record.campaign, 5))
    await client.delete(ended)
    await client.hset(ended, mapping={"state": "cancelled", "attempt": 0, "about": ""})

    assert await mending.mend(record, all_open=True) == 3

    await floor.come_to({Fate.QUEUED: 3, Fate.UNKNOWN: 2, Fate.CANCELLED: 1})
    counts = await services.fates.counts(PORTFOLIO, "cmp-1")
    assert counts == {
        (0, Fate.QUEUED): 2,
        (0, Fate.UNKNOWN): 1,
        (1, Fate.QUEUED): 1,
        (1, Fate.UNKNOWN): 1,
        (1, Fate.CANCELLED): 1,
    }
    assert await mending.in_hand(record.campaign) == 3
    # What its webhook says after all is heard, and of rows that are not in hand no message is missed.
    await services.fates.write(PORTFOLIO, "cmp-1", [RowFate(2, 0, Fate.DELIVERED)])
    assert await mending.mend(record, all_open=True) == 0
    await floor.come_to({Fate.QUEUED: 3, Fate.UNKNOWN: 1, Fate.DELIVERED: 1, Fate.CANCELLED: 1})


async def test_rows_whose_audience_can_not_be_read_any_more_are_left_as_they_are(floor: Floor) -> None:
    record = await queued(floor, 4)
    client: Any = floor.node.services.fates._client
    runner = floor.node.services.campaign_runner
    await client.delete(PortfolioKeys(PORTFOLIO).message(runner._tending._feeder.message_id(record.campaign, 2)))
    await client.delete(PortfolioKeys(PORTFOLIO).campaign("rows", "cmp-1", "u1", 0))

    assert await runner._mending.mend(record, all_open=False) == 0

    await floor.come_to({Fate.QUEUED: 4})


@pytest.mark.parametrize("phase", [Phase.RUNNING, Phase.CANCELLING], ids=["runs", "is cancelled"])
async def test_nothing_is_said_of_messages_while_the_books_may_miss_some(floor: Floor, phase: Phase) -> None:
    """A store that has lost its data is written anew by the nodes, and is whole after that."""
    record = await queued(floor, 4)
    services = floor.node.services
    client: Any = services.fates._client
    runner = services.campaign_runner
    await client.delete(PortfolioKeys(PORTFOLIO).message(runner._tending._feeder.message_id(record.campaign, 2)))
    record = await put(floor, Run(phase, cursor=(4,), since_ms=1))
    await client.hset(PortfolioKeys(PORTFOLIO).ledger, "held_until", services.clock.now_ms() + 60_000)
    await services.standings.reload(PORTFOLIO, epoch=-1)

    await runner._mended(record, Run.from_json(record.progress))
    assert await runner._tending.tend(record, Run.from_json(record.progress)) is None

    await floor.come_to({Fate.QUEUED: 4})


async def test_room_before_a_number_that_a_variant_may_not_go_by_is_no_room(floor: Floor) -> None:
    variants = [{"name": name, "share": 0.5, "template": a_template(name=name)} for name in ("a", "b")]
    record = await floor.campaign(40, template=None, variants=variants)
    services = floor.node.services
    await services.fates.open(PORTFOLIO, "cmp-1", 40, record.campaign.deadline_ms)
    feeder, now_ms = services.campaign_runner._tending._feeder, services.clock.now_ms()
    # The second number is of another account, which has template b only, and the first one's has a only.
    feeder._routes = {**feeder._routes, SECOND: structs.replace(feeder._routes[SECOND], waba="2")}
    standing = await services.standings.current(PORTFOLIO)
    off = [
        make_template(waba=waba, name=name, status=TemplateStatus.REJECTED) for waba, name in ((WABA, "b"), ("2", "a"))
    ]
    # There is room before the second one only.
    numbers = {**standing.numbers, FIRST: replace(standing.number(FIRST), throughput=0)}
    standing = replace(standing, templates={template.key: template for template in off}, numbers=numbers)

    fed = await feeder.feed(record, Run(cursor=(0, 20)), standing, now_ms)

    assert (fed.any, fed.is_all, fed.cursor) == (False, False, (0, 20))


async def test_a_stop_is_in_force_though_the_stores_clock_went_back(floor: Floor) -> None:
    """As when another machine becomes the store: its clock may be behind the one before."""
    await floor.campaign(4)
    services = floor.node.services
    assert services.steerable is not None
    await services.steerable.advance(10_000)
    await floor.move(Event.START)
    client: Any = services.fates._client
    await client.set(PortfolioKeys(PORTFOLIO).clock, 0)

    await floor.move(Event.PAUSE, by="ops", reason="wrong price")

    standing = await services.standings.reload(PORTFOLIO, epoch=-1)
    assert standing.campaigns["cmp-1"].stopped


@pytest.mark.parametrize("floor", [platform(throughput=16)], indirect=True, ids=["16 messages a second"])
async def test_a_look_puts_in_some_of_one_campaign_and_then_it_is_the_next_ones_turn(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = floor.node.services.campaign_runner
    monkeypatch.setattr(runner, "_has_work", lambda portfolio, now_ms: False)

    async def is_idle() -> bool:
        return not runner.busy

    for name in ("cmp-1", "cmp-2"):
        await floor.campaign(600, name)
        await floor.move(Event.START, name)
    # One look, of this test's: the node's own would be another one.
    await until(is_idle)
    leases: Any = LeasesOfAll()
    runner._leases = leases

    await runner._look(PORTFOLIO)

    for name in ("cmp-1", "cmp-2"):
        assert 0 < (await floor.fates(name))[Fate.PENDING] < 600
