"""A campaign from its start to its end, on real nodes before the simulated platform."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import aiohttp
import orjson
import pytest

from tests.integration.campaigns.floor import (
    APP,
    FIRST,
    KEY,
    PORTFOLIO,
    SECOND,
    WABA,
    Floor,
    a_template,
    pause,
    phone,
    platform,
)
from tests.waiting import until
from tidegate.campaigns.gate_readings import StepTimes
from tidegate.cloudapi.messages import Request, parse_send
from tidegate.cloudapi.vocabulary import Category
from tidegate.errors import StoreUnavailable
from tidegate.feed import Kind
from tidegate.gateway import Message, Route
from tidegate.policy.campaign.fate import Fate
from tidegate.policy.campaign.judgement import Judgement, Outcome
from tidegate.policy.campaign.part import Part
from tidegate.policy.campaign.phase import Event
from tidegate.policy.campaign.run import Run
from tidegate.policy.campaign.spec import Campaign
from tidegate.policy.consequences.signal import Signal, Source
from tidegate.policy.instant import write_time
from tidegate.policy.lifecycle import State
from tidegate.policy.reach import Subject
from tidegate.store.campaigns import CampaignRecord
from tidegate.store.fates import RowFate

#: Few messages a second by each number: there is time to stop what is queued.
SLOW = platform(throughput=16)


def everybody(rows: int) -> Counter[str]:
    return Counter({phone(row): 1 for row in range(1, rows + 1)})


async def test_each_row_gets_it_once_by_both_numbers_and_the_campaign_finishes(floor: Floor) -> None:
    await floor.campaign(120)
    await floor.move(Event.START)

    await floor.reaches("finished")

    await floor.come_to({Fate.DELIVERED: 120})
    assert floor.sent_to() == everybody(120)
    by_number = Counter(sent.number_id for sent in floor.simulator.world.book.accepted)
    assert by_number[FIRST] == by_number[SECOND] == 60
    standing = await floor.node.services.standings.reload(PORTFOLIO, epoch=-1)
    assert standing.campaigns == {}


async def test_steps_go_one_after_the_other_and_variants_side_by_side(floor: Floor) -> None:
    variants = [{"name": name, "share": 0.5, "template": a_template()} for name in ("a", "b")]
    await floor.campaign(40, template=None, variants=variants, steps=[{"share": 0.25}, {"share": 1}])
    await floor.move(Event.START)

    await floor.reaches("finished")

    await floor.come_to({Fate.DELIVERED: 40})
    rows = [int(sent.user[4:]) for sent in floor.simulator.world.book.accepted]
    steps = [(row % 4) // 2 for row in rows]
    assert steps == sorted(steps)
    counts = await floor.node.services.fates.counts(PORTFOLIO, "cmp-1")
    assert counts == {(group, Fate.DELIVERED): 10 for group in range(4)}


@pytest.mark.parametrize("floor", [SLOW], indirect=True, ids=["16 messages a second"])
async def test_what_is_paused_stays_in_the_queue_until_it_is_resumed_or_cancelled(floor: Floor) -> None:
    await floor.campaign(200)
    await floor.move(Event.START)

    async def are_some_sent() -> bool:
        return sum(floor.sent_to().values()) >= 2

    await until(are_some_sent)
    paused = await floor.move(Event.PAUSE, reason="wrong price", by="ops")
    sent = floor.sent_to()
    assert Run.from_json(paused.progress).reason == "wrong price"

    # The queue is asked, and gives nothing away.
    services = floor.node.services
    lanes = [lane for lane in services.dispatcher._lanes(PORTFOLIO) if lane.category.value == "marketing"]
    await services.queue.rouse(PORTFOLIO, lanes, ["campaign_halted", "scheduled"])
    await services.dispatcher.drain_once(PORTFOLIO)
    assert floor.sent_to() == sent

    await floor.move(Event.RESUME, by="ops")

    async def are_more_sent() -> bool:
        return sum(floor.sent_to().values()) > sum(sent.values())

    await until(are_more_sent)
    await floor.move(Event.CANCEL, by="ops")
    at_the_stop = sum(floor.sent_to().values())
    await floor.reaches("cancelled")
    fates = await floor.fates()
    gone = fates[Fate.DELIVERED] + fates[Fate.SENT] + fates[Fate.ACCEPTED] + fates[Fate.UNKNOWN]
    assert fates[Fate.CANCELLED] + fates[Fate.PENDING] == 200 - gone
    assert sum(floor.sent_to().values()) == at_the_stop == gone
    queued = await services.queue.ahead(PORTFOLIO, lanes, 10_000_000)
    assert queued == [(0, 0), (0, 0)]

    async def stands_so() -> bool:
        told = (await services.standings.reload(PORTFOLIO, -1)).campaigns["cmp-1"]
        return (told.state, told.stopped) == ("cancelled", True)

    await until(stands_so)


async def test_what_is_stopped_by_its_number_goes_by_the_other_one(floor: Floor) -> None:
    await floor.campaign(30)
    await pause(floor, FIRST)
    await floor.move(Event.START)

    await floor.reaches("finished")

    assert floor.sent_to() == everybody(30)
    assert {sent.number_id for sent in floor.simulator.world.book.accepted} == {SECOND}


async def test_a_message_that_goes_by_another_number_is_told_as_that_numbers(floor: Floor) -> None:
    services = floor.node.services
    await pause(floor, FIRST)
    body = {"messaging_product": "whatsapp", "to": phone(1), "type": "template", "template": a_template()}
    request = parse_send(orjson.dumps(body))
    assert isinstance(request, Request)
    message = Message(
        message_id=services.gateway.new_id(PORTFOLIO),
        app=APP,
        route=Route(PORTFOLIO, WABA, FIRST),
        request=request,
        raw_path=f"/v25.0/{FIRST}/messages",
        deadline_ms=services.clock.now_ms() + 60_000,
        category=Category.MARKETING,
        hold=True,
        alternatives=(Route(PORTFOLIO, WABA, SECOND),),
    )
    reader = services.feed.subscribe([PORTFOLIO], lambda event: event.kind is Kind.DECISION, whose="ops")
    assert reader is not None
    with reader:
        await reader.joined(20.0)

        await services.gateway.submit(message)
        [told] = await reader.next(20.0)

    assert (told.data["verdict"], told.data["number"]) == ("send", SECOND)
    assert [sent.number_id for sent in floor.simulator.world.book.accepted] == [SECOND]


async def turn_red(floor: Floor, number: str) -> None:
    """Have it read from Graph that a number's quality is low."""
    services = floor.node.services
    subject = Subject(PORTFOLIO, WABA, number)
    red = Signal("number.quality.RED", subject, services.clock.now_ms(), Source.GRAPH)
    await services.enforcement.consider([red])


@pytest.mark.parametrize("floor", [SLOW], indirect=True, ids=["16 messages a second"])
@pytest.mark.parametrize("stop", [turn_red, pause], ids=["it turns red", "somebody pauses it"])
async def test_a_number_that_is_stopped_hands_over_what_it_has_in_its_lane(
    floor: Floor, stop: Callable[[Floor, str], Awaitable[None]]
) -> None:
    await floor.campaign(24)
    await floor.move(Event.START)

    async def are_all_queued() -> bool:
        fates = await floor.fates()
        return bool(fates) and not fates[Fate.PENDING] and sum(floor.sent_to().values()) >= 2

    await until(are_all_queued)
    await stop(floor, FIRST)
    before = len(floor.simulator.world.book.accepted)

    await floor.reaches("finished")

    assert floor.sent_to() == everybody(24)
    assert {sent.number_id for sent in floor.simulator.world.book.accepted[before:]} == {SECOND}


async def test_the_deadline_ends_what_was_never_sent(floor: Floor) -> None:
    record = await floor.campaign(20)
    await pause(floor, FIRST)
    await floor.move(Event.START)
    services = floor.node.services
    assert services.steerable is not None
    await floor.move(Event.PAUSE, reason="wait", by="ops")

    now_ms = (await services.ledger.books(PORTFOLIO)).now_ms
    await services.steerable.advance(record.campaign.deadline_ms - now_ms + 1_000)

    ended = await floor.reaches("finished")
    assert sum(floor.sent_to().values()) == 0
    assert set(await floor.fates()) <= {Fate.PENDING, Fate.EXPIRED}
    assert Run.from_json(ended.progress).phase.value == "finished"


async def test_two_nodes_that_both_lead_send_to_each_row_once(floor: Floor) -> None:
    second = await floor.add_node()
    for node in (floor.node, second):
        leases: Any = LeasesOfAll()
        node.services.campaign_runner._leases = leases

    await floor.campaign(150)
    await floor.move(Event.START)

    await floor.reaches("finished")
    await floor.come_to({Fate.DELIVERED: 150})
    assert floor.sent_to() == everybody(150)


class LeasesOfAll:
    """A lease that everybody holds, as after a stall that was longer than it."""

    async def hold(self, portfolio: str, duty: str, ms: int) -> bool:
        return True


async def test_rows_that_were_fed_before_the_cursor_was_written_are_not_fed_again(floor: Floor) -> None:
    record = await floor.campaign(40)
    services = floor.node.services
    await services.fates.open(PORTFOLIO, "cmp-1", 40, record.campaign.deadline_ms)
    standing = await services.standings.current(PORTFOLIO)
    feeder, now_ms = services.campaign_runner._tending._feeder, services.clock.now_ms()

    first = await feeder.feed(record, Run(), standing, now_ms)
    await floor.come_to({Fate.DELIVERED: 40})
    again = await feeder.feed(record, Run(), standing, now_ms)

    assert first.cursor == again.cursor == (40,)
    assert again.is_all
    await floor.come_to({Fate.DELIVERED: 40})
    assert floor.sent_to() == everybody(40)


async def test_what_a_node_took_with_it_is_read_from_the_messages_themselves(floor: Floor) -> None:
    record = await floor.campaign(20)
    await floor.move(Event.START)
    await floor.reaches("finished")
    await floor.come_to({Fate.DELIVERED: 20})
    services = floor.node.services
    fates = services.fates
    await floor.node.services.fate_notes.ended(1)
    client: Any = fates._client
    for key in fates._names(PORTFOLIO, "cmp-1"):
        await client.delete(key)
    await fates.open(PORTFOLIO, "cmp-1", 20, record.campaign.deadline_ms)
    await fates.write(PORTFOLIO, "cmp-1", [RowFate(row, 0, Fate.QUEUED) for row in range(1, 21)])

    mended = await services.campaign_runner._mending.mend(await floor.record(), all_open=False)

    assert mended == 20
    await floor.come_to({Fate.DELIVERED: 20})


async def test_who_is_erased_while_rows_are_put_in_gets_nothing(floor: Floor) -> None:
    record = await floor.campaign(30)
    services = floor.node.services
    feeder = services.campaign_runner._tending._feeder
    await services.fates.open(PORTFOLIO, "cmp-1", 30, record.campaign.deadline_ms)
    standing = await services.standings.current(PORTFOLIO)
    # What the erasure of a row does whose message a node that has read the row is about to put in.
    erased = feeder.message_id(record.campaign, 7)
    await services.queue.end(PORTFOLIO, erased, State.CANCELLED.value, "erased", forestall=True)
    await services.fates.write(PORTFOLIO, "cmp-1", [RowFate(7, 0, Fate.CANCELLED)])

    await feeder.feed(record, Run(), standing, services.clock.now_ms())

    await floor.come_to({Fate.DELIVERED: 29, Fate.CANCELLED: 1})
    assert floor.sent_to()[phone(7)] == 0


async def test_one_message_that_is_cancelled_is_told_of_its_row(floor: Floor) -> None:
    record = await floor.campaign(10)
    await pause(floor, FIRST)
    await pause(floor, SECOND)
    services = floor.node.services
    await services.fates.open(PORTFOLIO, "cmp-1", 10, record.campaign.deadline_ms)
    feeder = services.campaign_runner._tending._feeder
    standing = replace(await services.standings.current(PORTFOLIO), pauses=())
    await feeder.feed(record, Run(), standing, services.clock.now_ms())
    host, port = floor.node.address
    url = f"http://{host}:{port}/gateway/v1/messages/{feeder.message_id(record.campaign, 3)}"

    keyed = aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"})
    async with keyed as session, session.delete(url) as answer:
        assert answer.status == 200

    await floor.come_to({Fate.QUEUED: 9, Fate.CANCELLED: 1})


async def test_it_goes_on_when_the_store_has_been_away(floor: Floor) -> None:
    record = await floor.campaign(40)
    await floor.move(Event.START)
    runner: Any = floor.node.services.campaign_runner
    kept, away = runner._campaigns, [3]

    class Away:
        """The campaigns of a store that does not answer at first."""

        async def get(self, *asked: Any) -> CampaignRecord | None:
            if away[0]:
                away[0] -= 1
                raise StoreUnavailable("it is away")
            return await kept.get(*asked)

        def __getattr__(self, name: str) -> Any:
            return getattr(kept, name)

    runner._campaigns = Away()

    await floor.reaches("finished")

    assert away == [0]
    assert floor.sent_to() == everybody(record.audience.rows if record.audience else 0)


async def test_fates_are_written_in_any_order_and_the_last_that_counts_stays(floor: Floor) -> None:
    record = await floor.campaign(2)
    services = floor.node.services
    await services.fates.open(PORTFOLIO, "cmp-1", 2, record.campaign.deadline_ms)
    notes = services.fate_notes
    for row, states in ((1, (State.DELIVERED, State.SENT)), (2, (State.ACCEPTED, State.FAILED))):
        for state in states:
            notes.note(PORTFOLIO, Part("cmp-1", row, 0, "all", "all"), state)

    await notes.ended(5)

    await floor.come_to({Fate.DELIVERED: 1, Fate.FAILED: 1})


async def test_a_campaign_waits_for_its_time(floor: Floor) -> None:
    services = floor.node.services
    assert services.steerable is not None
    now_ms = (await services.ledger.books(PORTFOLIO)).now_ms
    record = await floor.campaign(10, schedule={"start_at": write_time(now_ms + 3_600_000)})
    assert record.campaign.start_at_ms is not None
    await floor.move(Event.START)
    await services.campaign_runner._look(PORTFOLIO)
    assert (await floor.record()).state == "scheduled"

    await services.steerable.advance(3_700_000)

    await floor.reaches("finished")
    assert floor.sent_to() == everybody(10)


class Gates:
    """Gates that say `unsure` for as long as a step sends, and then what they were told to."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.asked: list[int] = []
        self.taken: list[int] = []

    async def judge(self, campaign: Campaign, step: int, times: StepTimes) -> Judgement:
        self.asked.append(step)
        self.taken.append(times.taken)
        return Judgement(Outcome.UNSURE if times.gone_at_ms is None else self.outcome, "a test")


STEPS = [{"share": 0.25, "gate": True}, {"share": 1}]


async def test_a_gate_that_passes_lets_the_next_step_go(floor: Floor) -> None:
    gates: Any = Gates(Outcome.PASS)
    floor.node.services.campaign_runner._tending._gates = gates
    await floor.campaign(20, steps=STEPS)
    await floor.move(Event.START)

    ended = await floor.reaches("finished")

    assert floor.sent_to() == everybody(20)
    verdicts = Run.from_json(ended.progress).verdicts
    assert {step: verdict["outcome"] for step, verdict in verdicts.items()} == {"0": "pass"}
    assert set(gates.asked) == {0}
    # So it knows how many sends there are to be counted; while they go it does not ask.
    assert gates.taken[-1] == 10


async def test_a_gate_that_fails_halts_it_with_the_evidence_and_nobody_else_gets_it(floor: Floor) -> None:
    gates: Any = Gates(Outcome.FAIL)
    floor.node.services.campaign_runner._tending._gates = gates
    await floor.campaign(20, steps=STEPS)
    await floor.move(Event.START)

    halted = await floor.reaches("halted")

    assert Run.from_json(halted.progress).evidence["outcome"] == "fail"
    assert sum(floor.sent_to().values()) == 10

    async def is_stopped() -> bool:
        standing = await floor.node.services.standings.reload(PORTFOLIO, -1)
        return standing.campaigns["cmp-1"].stopped

    await until(is_stopped)

    # Whoever lets it go on has taken over from the gate.
    await floor.move(Event.RESUME, by="ops", reason="it is the season")
    ended = await floor.reaches("finished")
    assert floor.sent_to() == everybody(20)
    assert Run.from_json(ended.progress).verdicts["0"] == {"outcome": "waived", "by": "ops"}


async def test_a_gate_that_is_unsure_keeps_the_next_step_waiting(floor: Floor) -> None:
    await floor.campaign(20, steps=STEPS)
    await floor.move(Event.START)

    await floor.reaches("waiting")

    await floor.node.services.campaign_runner._look(PORTFOLIO)
    assert (await floor.record()).state == "waiting"
    assert sum(floor.sent_to().values()) == 10
