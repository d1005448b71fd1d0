"""Standings: each source in the order of its own time, the last to speak believed, an epoch for every real change."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tests.factories import NOW_MS, NUMBER, PORTFOLIO, TEMPLATE, WABA, make_standing
from tidegate.cloudapi.vocabulary import UNLIMITED, Category, NumberStatus, Quality, TemplateStatus
from tidegate.errors import StoreUnavailable
from tidegate.policy.breaker import Breaker, State
from tidegate.policy.reach import Action, Covers, Scope
from tidegate.policy.standing import Change, NumberStanding, Pause
from tidegate.policy.verdict import Reason
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient
from tidegate.store.standing_history import StandingHistory
from tidegate.store.standings import FORGET_MS, Standings, Swing

CONFIGURED = 2_000
KEYS = PortfolioKeys(PORTFOLIO)


class Desk:
    """One node's view of the standing, at a clock that stands where it is put."""

    def __init__(self, client: StoreClient) -> None:
        self.client = client
        self.standings = Standings(client, [make_standing(limit=CONFIGURED)])

    async def says(self, source: str, limit: int, since_ms: int = 0, *, arrives_ms: int | None = None) -> bool:
        """A source says what the limit is; whether that was news of its own."""
        if arrives_ms is not None:
            await self.client.set(KEYS.clock, f"@{NOW_MS + arrives_ms}")
        [applied] = await self.change("limit", "", {"limit": limit}, source, since_ms)
        return applied

    async def change(self, kind: str, key: str, values: dict[str, Any], source: str = "graph", since_ms: int = 0,
                     cause: str = "a test") -> list[bool]:  # fmt: skip
        change = Change(kind, key, values, source, NOW_MS + since_ms, cause)
        _, applied = await self.standings.change(PORTFOLIO, [change])
        return applied

    async def limit(self) -> int:
        return (await self.standings.current(PORTFOLIO)).limit

    async def epoch(self) -> int:
        return (await self.standings.current(PORTFOLIO)).epoch


@pytest.fixture
async def desk(store_client: StoreClient) -> Desk:
    await store_client.set(KEYS.clock, f"@{NOW_MS}")
    return Desk(store_client)


async def test_what_is_configured_is_in_force_until_somebody_says_otherwise(desk: Desk) -> None:
    standing = await desk.standings.current(PORTFOLIO)

    assert (standing.limit, standing.limit_source, standing.epoch) == (CONFIGURED, "config", 0)
    assert standing.number(NUMBER) == NumberStanding(NUMBER)


@pytest.mark.parametrize(
    ("first", "second", "applied", "limit"),
    [
        pytest.param((10_000, 5), (250, 6), True, 250, id="what became true later is news"),
        pytest.param((10_000, 5), (250, 4), False, 10_000, id="what was true before is none, though it arrives later"),
        pytest.param((10_000, 5), (250, 5), True, 250, id="of one instant the last to arrive is news"),
        pytest.param((10_000, 5), (10_000, 5), False, 10_000, id="the same again is none"),
        pytest.param((10_000, 5), (10_000, 6), True, 10_000, id="the same, later, is noted"),
        pytest.param((10_000, 5), (UNLIMITED, 6), True, UNLIMITED, id="no limit is a limit like any other"),
    ],
)
async def test_one_source_is_heard_in_the_order_of_its_own_time(
    desk: Desk, first: tuple[int, int], second: tuple[int, int], applied: bool, limit: int
) -> None:
    assert await desk.says("webhook", *first, arrives_ms=10)
    assert await desk.says("webhook", *second, arrives_ms=20) is applied

    assert await desk.limit() == limit


async def test_of_several_sources_the_last_to_speak_is_believed_whatever_its_own_time(desk: Desk) -> None:
    await desk.says("webhook", 10_000, 500, arrives_ms=1_000)
    await desk.says("graph", 250, 100, arrives_ms=2_000)
    assert await desk.limit() == 250

    await desk.says("webhook", 2_000, 501, arrives_ms=3_000)
    standing = await desk.standings.current(PORTFOLIO)
    assert (standing.limit, standing.limit_source) == (2_000, "webhook")
    assert standing.limit_changed_at_ms == NOW_MS + 3_000


async def test_a_source_that_repeats_itself_does_not_outvote_one_that_spoke_since(desk: Desk) -> None:
    await desk.says("webhook", 10_000, 500, arrives_ms=1_000)
    await desk.says("graph", 250, 600, arrives_ms=2_000)

    assert not await desk.says("webhook", 10_000, 500, arrives_ms=3_000)
    assert await desk.limit() == 250


@pytest.mark.parametrize(
    "order",
    [("webhook", "graph", "operator"), ("operator", "graph", "webhook"), ("graph", "operator", "webhook")],
    ids=" then ".join,
)
async def test_in_one_millisecond_the_operator_is_believed_before_graph_and_graph_before_webhooks(
    desk: Desk, order: tuple[str, ...]
) -> None:
    said = {"webhook": 250, "graph": 2_000, "operator": 10_000}
    for source in order:
        await desk.says(source, said[source])

    assert await desk.limit() == 10_000
    # The script agrees: it sees no change in what is believed already.
    epoch = await desk.epoch()
    await desk.says("operator", 10_000, 1)
    assert await desk.epoch() == epoch


async def test_the_epoch_moves_with_what_is_believed_and_with_nothing_else(desk: Desk) -> None:
    epochs = []
    for source, limit, since_ms in [
        ("graph", 2_000, 1),  # said for the first time
        ("graph", 2_000, 2),  # said again
        ("webhook", 2_000, 3),  # said by another
        ("webhook", 250, 2),  # out of date
        ("webhook", 250, 4),  # a change
        ("graph", 250, 5),  # confirmed
    ]:
        await desk.says(source, limit, since_ms, arrives_ms=since_ms)
        epochs.append(await desk.epoch())

    assert epochs == [1, 1, 1, 1, 2, 2]


async def test_changes_of_one_call_begin_one_epoch(desk: Desk) -> None:
    changes = [
        Change("number", NUMBER, {"quality": "RED", "throughput": 1_000}, "graph", NOW_MS, "a test"),
        Change("limit", "", {"limit": 250}, "graph", NOW_MS, "a test"),
    ]

    _, applied = await desk.standings.change(PORTFOLIO, changes)

    assert applied == [True, True, True]
    assert await desk.epoch() == 1


@pytest.mark.parametrize(
    ("under", "written"),
    [
        pytest.param(1, True, id="the epoch that it was decided under"),
        pytest.param(0, False, id="an epoch that is over"),
        pytest.param(2, False, id="an epoch that is not there"),
    ],
)
async def test_a_change_that_rests_on_an_epoch_is_written_under_no_other(desk: Desk, under: int, written: bool) -> None:
    await desk.says("graph", 2_000)
    change = Change("limit", "", {"limit": 250}, "graph", NOW_MS + 1, "a test")

    assert await desk.standings.change_under(PORTFOLIO, under, [change]) is written

    assert await desk.limit() == (250 if written else 2_000)
    assert await desk.epoch() == (2 if written else 1)


async def test_numbers_templates_and_pauses(desk: Desk) -> None:
    await desk.change("number", NUMBER, {"quality": "RED", "status": "CONNECTED", "throughput": 1_000})
    await desk.change("number", "2", {"quality": "YELLOW"})
    template = {"status": "PAUSED", "category": "utility", "quality": "YELLOW", "template_id": "77"}
    await desk.change("template", f"{WABA}:{TEMPLATE[1]}:{TEMPLATE[0]}", template)
    await desk.change("template", f"{WABA}:de:a|name:with@all", {"status": "APPROVED"})
    pause = {"scope": "number", "value": NUMBER, "reason": "complaints", "until_ms": None, "by": "ops"}
    await desk.change("pause", "p1", {"pause": pause}, "operator", since_ms=7)

    standing = await desk.standings.current(PORTFOLIO)

    number = standing.number(NUMBER)
    assert (number.quality, number.status, number.throughput) == (Quality.RED, NumberStatus.CONNECTED, 1_000)
    assert number.changed_at_ms == NOW_MS
    assert (standing.number("2").quality, standing.number("2").throughput) == (Quality.YELLOW, 80)
    known = standing.template(WABA, *TEMPLATE)
    assert known is not None
    assert (known.status, known.category) == (TemplateStatus.PAUSED, Category.UTILITY)
    assert (known.quality, known.template_id, known.changed_at_ms) == (Quality.YELLOW, "77", NOW_MS)
    odd = standing.template(WABA, "a|name:with@all", "de")
    assert odd is not None
    assert odd.status is TemplateStatus.APPROVED
    assert standing.pauses == (Pause("p1", "number", NUMBER, "complaints", NOW_MS + 7, None, "ops"),)

    await desk.change("pause", "p1", {"pause": None}, "operator", since_ms=8)
    assert (await desk.standings.current(PORTFOLIO)).pauses == ()


async def test_changes_of_two_nodes_at_once_are_all_seen_by_both(store_client: StoreClient) -> None:
    one, other = Desk(store_client), Desk(store_client)

    await asyncio.gather(
        *(
            (one, other)[n % 2].change("number", str(n), {"quality": "RED"}, since_ms=n)  #
            for n in range(20)
        )
    )

    for desk in (one, other):
        standing = await desk.standings.reload(PORTFOLIO, epoch=20)
        assert standing.epoch == 20
        assert all(standing.number(str(n)).quality is Quality.RED for n in range(20))


async def test_another_nodes_change_is_seen_once_the_epoch_is_known(store_client: StoreClient) -> None:
    one, other = Desk(store_client), Desk(store_client)
    assert await other.limit() == CONFIGURED

    await one.says("graph", 250)

    assert await other.limit() == CONFIGURED
    assert (await other.standings.reload(PORTFOLIO, epoch=1)).limit == 250
    assert await other.limit() == 250


async def test_who_has_read_an_epoch_does_not_read_it_again(desk: Desk) -> None:
    await desk.says("graph", 250)
    known = await desk.standings.current(PORTFOLIO)

    readings = await asyncio.gather(*(desk.standings.reload(PORTFOLIO, epoch=1) for _ in range(5)))

    assert all(reading is known for reading in readings)


async def test_the_history_tells_what_changed_and_why(desk: Desk, store_client: StoreClient) -> None:
    await desk.says("graph", 2_000, 1, arrives_ms=10)
    await desk.says("webhook", 2_000, 2, arrives_ms=20)
    await desk.change("limit", "", {"limit": 250}, "webhook", 3, cause="business_capability_update")

    events, more = await StandingHistory(store_client, [PORTFOLIO]).since(PORTFOLIO, from_ms=0, most=10)

    assert not more
    assert [(e.field, e.source, e.before, e.after) for e in events] == [
        ("limit", "webhook", 2_000, 250),
        ("limit", "graph", None, 2_000),
    ]
    assert (events[0].cause, events[0].since_ms, events[0].at_ms) == (
        "business_capability_update",
        NOW_MS + 3,
        NOW_MS + 20,
    )


@pytest.mark.parametrize(
    ("wanted", "most", "limits", "more"),
    [
        pytest.param(None, 3, [300, 200, 100], False, id="all that there are"),
        pytest.param(None, 2, [300, 200], True, id="the newest of more"),
        pytest.param(200, 3, [200], False, id="those that are wanted"),
        pytest.param(100, 2, [], True, id="one that is wanted, but too long ago to be looked at"),
    ],
)
async def test_the_history_is_looked_through_so_far_back(
    desk: Desk, store_client: StoreClient, wanted: int | None, most: int, limits: list[int], more: bool
) -> None:
    for nth, limit in enumerate((100, 200, 300)):
        await desk.says("graph", limit, nth, arrives_ms=10 + nth)
    history = StandingHistory(store_client, [PORTFOLIO])

    found = await history.since(PORTFOLIO, 0, most, None if wanted is None else lambda event: event.after == wanted)

    assert ([event.after for event in found[0]], found[1]) == (limits, more)


async def test_a_record_changed_when_the_last_of_its_fields_did(desk: Desk, store_client: StoreClient) -> None:
    key = f"{WABA}:en:{TEMPLATE[0]}"
    for arrives_ms, of_number, of_template in (
        (30, {"quality": "RED"}, {"quality": "RED"}),
        (20, {"throughput": 1_000}, {"category": "utility"}),
    ):
        await store_client.set(KEYS.clock, f"@{NOW_MS + arrives_ms}")
        await desk.change("number", NUMBER, of_number)
        await desk.change("template", key, of_template)

    standing = await desk.standings.current(PORTFOLIO)

    assert standing.number(NUMBER).changed_at_ms == NOW_MS + 30
    template = standing.template(WABA, TEMPLATE[0], "en")
    assert template is not None
    assert template.changed_at_ms == NOW_MS + 30


@pytest.mark.parametrize(
    ("then", "changed_ms"),
    [
        pytest.param([("graph", "RED")], 10, id="a poll that finds the same leaves it"),
        pytest.param([("graph", "RED"), ("graph", "RED")], 10, id="so does the next one"),
        pytest.param([("webhook", "RED"), ("graph", "RED")], 10, id="so does another source that says the same"),
        pytest.param([("graph", "RED"), ("graph", "YELLOW")], 30, id="a change moves it"),
        pytest.param([("webhook", "YELLOW"), ("graph", "RED")], 30, id="a change back moves it"),
        pytest.param([("webhook", "YELLOW"), ("webhook", "YELLOW")], 20, id="what is said again after a change, not"),
    ],
)
async def test_since_when_a_fact_stands_moves_with_the_fact_and_not_with_who_repeats_it(
    desk: Desk, store_client: StoreClient, then: list[tuple[str, str]], changed_ms: int
) -> None:
    for arrives_ms, (source, quality) in enumerate([("graph", "RED"), *then], start=1):
        await store_client.set(KEYS.clock, f"@{NOW_MS + arrives_ms * 10}")
        for kind, key in (("number", NUMBER), ("template", f"{WABA}:en:{TEMPLATE[0]}")):
            assert await desk.change(kind, key, {"quality": quality}, source, since_ms=arrives_ms) == [True]
        limit = {"RED": 250, "YELLOW": 2_000}[quality]
        assert await desk.says(source, limit, arrives_ms)
        assert await desk.change("account", WABA, {"review": quality}, source, since_ms=arrives_ms) == [True]

    standing = await desk.standings.reload(PORTFOLIO, epoch=-1)

    template = standing.template(WABA, TEMPLATE[0], "en")
    assert template is not None
    facts = (standing.number(NUMBER), template, standing.account(WABA))
    assert {fact.changed_at_ms for fact in facts} == {NOW_MS + changed_ms}
    assert standing.limit_changed_at_ms == NOW_MS + changed_ms
    assert standing.limit == {"RED": 250, "YELLOW": 2_000}[then[-1][1]]


async def test_the_portfolios_are_those_of_the_configuration(client: StoreClient) -> None:
    standings = Standings(client, [make_standing(portfolio="red"), make_standing(portfolio="blue")])

    assert standings.portfolios == ("red", "blue")


def breaker(event_at_ms: int, proven_at_ms: int = 0) -> Breaker:
    return Breaker(
        rule="a_rule",
        scope=Scope.NUMBER,
        value=NUMBER,
        covers=Covers.EVERYTHING,
        action=Action.STOP,
        reason=Reason.NUMBER_STANDING,
        state=State.CLOSED if proven_at_ms >= event_at_ms else State.OPEN,
        event_at_ms=event_at_ms,
        proven_at_ms=proven_at_ms,
    )


async def test_what_was_known_of_a_breaker_before_it_was_forgotten_overwrites_no_new_one(
    desk: Desk, store_client: StoreClient
) -> None:
    closed = breaker(NOW_MS, proven_at_ms=NOW_MS)
    await desk.standings.current(PORTFOLIO)
    assert await desk.standings.swing(PORTFOLIO, [Swing(None, closed)]) == [True]
    idle = Standings(store_client, [make_standing()])
    await idle.current(PORTFOLIO)

    later_ms = NOW_MS + 2 * FORGET_MS
    await store_client.set(KEYS.clock, f"@{later_ms}")
    other = replace(breaker(later_ms), rule="another_rule")
    assert await desk.standings.swing(PORTFOLIO, [Swing(None, other)]) == [True]
    assert (await desk.standings.current(PORTFOLIO)).breakers.get(closed.id) is None
    assert await desk.standings.swing(PORTFOLIO, [Swing(None, breaker(later_ms))]) == [True]

    again = breaker(NOW_MS, proven_at_ms=NOW_MS + 1)
    assert await idle.swing(PORTFOLIO, [Swing(State.CLOSED, again)]) == [False]
    kept = (await idle.current(PORTFOLIO)).breakers.get(closed.id)
    assert kept is not None
    assert kept.state is State.OPEN


async def test_who_lost_a_race_never_forgets_what_is_in_force(desk: Desk, store_client: StoreClient) -> None:
    await desk.says("graph", 10_000)
    slow = Standings(store_client, [make_standing(limit=CONFIGURED)])
    await slow.current(PORTFOLIO)
    assert await desk.standings.swing(PORTFOLIO, [Swing(None, breaker(NOW_MS))]) == [True]

    losing = asyncio.ensure_future(slow.swing(PORTFOLIO, [Swing(None, breaker(NOW_MS - 1))]))
    seen = set()
    while not losing.done():
        seen.add(slow.known(PORTFOLIO).limit)
        await asyncio.sleep(0)

    assert (losing.result(), seen) == ([False], {10_000})


@pytest.mark.parametrize(
    ("record", "told"),
    [
        pytest.param("number:1|weather@graph", '"FAIR"', id="a field"),
        pytest.param("number:1|status@graph", '"ENCHANTED"', id="a number's status"),
        pytest.param("number:1|quality@oracle", '"RED"', id="a source"),
        pytest.param("galaxy:1|quality@graph", '"RED"', id="a kind of record"),
    ],
)
async def test_what_only_a_newer_version_knows_keeps_nobody_from_reading_the_rest(
    desk: Desk, store_client: StoreClient, record: str, told: str
) -> None:
    await desk.says("graph", 10_000)
    await store_client.hset(KEYS.standing, record, f"1 1 {told}")

    assert (await Standings(store_client, [make_standing()]).current(PORTFOLIO)).limit == 10_000


async def test_a_template_of_whose_state_only_a_newer_version_knows_is_not_sent(
    desk: Desk, store_client: StoreClient
) -> None:
    key = f"template:{WABA}:{TEMPLATE[1]}:{TEMPLATE[0]}"
    await store_client.hset(KEYS.standing, f"{key}|status@graph", '1 1 "ENCHANTED"')
    await store_client.hset(KEYS.standing, f"{key}|category@graph", '1 1 "WHIMSY"')

    read = (await desk.standings.current(PORTFOLIO)).template(WABA, *TEMPLATE)

    assert read is not None
    assert (read.status, read.category) == (TemplateStatus.PAUSED, Category.MARKETING)


async def test_a_pause_of_which_a_newer_version_tells_more_stops_all_the_same(
    desk: Desk, store_client: StoreClient
) -> None:
    value = '{"scope":"portfolio","value":"x","reason":"r","until_ms":null,"by":"ops","mood":"grim"}'
    await store_client.hset(KEYS.standing, "pause:p1|pause@operator", f"1 1 {value}")

    assert [pause.pause_id for pause in (await desk.standings.current(PORTFOLIO)).pauses] == ["p1"]


@pytest.mark.parametrize(
    ("key", "field", "text"),
    [
        pytest.param(KEYS.standing, "limit|limit@graph", "1 1 {", id="a fact that is no JSON"),
        pytest.param(KEYS.standing, "limit|limit@graph", "1", id="a fact without its times"),
        pytest.param(KEYS.standing, "pause:p1|pause@operator", "1 1 {}", id="a pause of nothing"),
        pytest.param(KEYS.standing, "rules|rules@operator", "never", id="rules without their time"),
        pytest.param(KEYS.breakers, "a/b/c", "1 []", id="a breaker that is no object"),
        pytest.param(KEYS.breakers, "a/b/c", "grey", id="a breaker without its revision"),
    ],
)
async def test_a_damaged_record_is_a_fault_of_the_store(
    desk: Desk, store_client: StoreClient, key: str, field: str, text: str
) -> None:
    await store_client.hset(key, field, text)

    with pytest.raises(StoreUnavailable, match="can't be read"):
        await desk.standings.current(PORTFOLIO)
