"""Allowances in the store: read, paid into, and rolled over from day to day."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from tests.factories import (
    DAY_MS,
    NOW_MS,
    NUMBER,
    PORTFOLIO,
    TEMPLATE,
    WABA,
    make_ask,
    make_case,
    make_ledger,
    make_rules,
    make_standing,
    make_terms,
    user,
)
from tests.waiting import until
from tidegate.clock import StoreClock
from tidegate.cloudapi.vocabulary import Quality
from tidegate.errors import StoreUnavailable
from tidegate.policy.money import LARGEST_MICROS
from tidegate.policy.standing import Change, Standing
from tidegate.policy.tallies import tallies_of
from tidegate.policy.warm_up import Ramp
from tidegate.policy.warming import Warming
from tidegate.store.keys import PortfolioKeys
from tidegate.store.leases import Leases
from tidegate.store.scripts import StoreClient
from tidegate.store.standing_history import StandingHistory
from tidegate.store.standings import Standings
from tidegate.store.tallies import Tallies
from tidegate.store.wallets import TopUp, Wallets
from tidegate.tasks import spawn
from tidegate.warm_ups import WarmUps

KEYS = PortfolioKeys(PORTFOLIO)
NUMBER_ID, TEMPLATE_ID = f"number:{NUMBER}", f"template:{WABA}:{TEMPLATE[1]}:{TEMPLATE[0]}"


async def test_tallies_are_read_by_name(store_client: StoreClient) -> None:
    await store_client.set(KEYS.tally("spend:a"), "9000000000000001")
    tallies = Tallies(store_client)

    assert await tallies.read(PORTFOLIO, ["warm:b", "spend:a"]) == (0, 9_000_000_000_000_001)
    assert await tallies.read(PORTFOLIO, []) == ()
    assert await tallies.begun(PORTFOLIO) == {}


# Wallets


async def top_up(client: StoreClient, reference: str, micros: int, waba: str = WABA) -> TopUp:
    return await Wallets(client).top_up(PORTFOLIO, waba, reference, micros, f"topped up by finance: {reference}")


async def wallets(client: StoreClient) -> dict[str, int]:
    return dict((await Standings(client, [make_standing()]).current(PORTFOLIO)).wallets)


async def test_what_is_paid_in_adds_up(store_client: StoreClient) -> None:
    assert await wallets(store_client) == {}

    first = await top_up(store_client, "INV-1", 1_000)
    second = await top_up(store_client, "INV-2", 500)
    await top_up(store_client, "INV-1", 30, waba="other")

    assert (first.applied, first.amount_micros, first.total_micros) == (True, 1_000, 1_000)
    assert (second.applied, second.total_micros, second.epoch) == (True, 1_500, first.epoch + 1)
    assert await wallets(store_client) == {WABA: 1_500, "other": 30}


async def test_a_reference_counts_once(store_client: StoreClient) -> None:
    first = await top_up(store_client, "INV-1", 1_000)

    for micros in (1_000, 7):
        again = await top_up(store_client, "INV-1", micros)
        assert again == TopUp(first.epoch, applied=False, amount_micros=1_000, total_micros=1_000)


async def test_payments_of_one_moment_all_count(client: StoreClient) -> None:
    done = await asyncio.gather(*(top_up(client, f"INV-{n % 7}", 10) for n in range(28)))

    assert sum(one.applied for one in done) == 7
    assert await wallets(client) == {WABA: 70}


async def test_a_wallet_holds_no_more_than_can_be_reckoned(store_client: StoreClient) -> None:
    assert (await top_up(store_client, "INV-1", LARGEST_MICROS - 1)).applied

    too_much = await top_up(store_client, "INV-2", 2)

    assert (too_much.applied, too_much.amount_micros, too_much.total_micros) == (False, None, LARGEST_MICROS - 1)
    assert (await top_up(store_client, "INV-2", 1)).total_micros == LARGEST_MICROS
    assert await wallets(store_client) == {WABA: LARGEST_MICROS}


async def test_a_payment_stands_in_the_history(store_client: StoreClient) -> None:
    await store_client.set(KEYS.clock, f"@{NOW_MS}")
    await top_up(store_client, "INV-1", 1_000)
    await top_up(store_client, "INV-2", 500)

    events, _ = await StandingHistory(store_client, [PORTFOLIO]).since(PORTFOLIO, 0, 10)

    assert [(event.kind, event.key, event.field, event.before, event.after, event.cause) for event in events] == [
        ("wallet", WABA, "topped_up_micros", 1_000, 1_500, "topped up by finance: INV-2"),
        ("wallet", WABA, "topped_up_micros", None, 1_000, "topped up by finance: INV-1"),
    ]


# Warm-ups


class Desk:
    """One node's duty, and its sends, at a clock that stands where it is put."""

    def __init__(self, client: StoreClient, **rule: Any) -> None:
        self.client = client
        rules = make_rules(warm_up={"scopes": ["number"]} | rule)
        self.standings = Standings(client, [make_standing(limit=2_000, rules=rules)])
        self.clock = StoreClock(monotonic=lambda: 0.0)
        self.duty = WarmUps(self.standings, Tallies(client), self.clock, Leases(client, "node"))
        self.grown: list[tuple[str, Sequence[str]]] = []
        self.duty.on_growth = lambda portfolio, reasons: self.grown.append((portfolio, reasons))
        self.sent = 0

    async def at(self, ms: int) -> None:
        await self.client.set(KEYS.clock, f"@{NOW_MS + ms}")
        self.clock.observe(NOW_MS + ms)

    async def send(self, count: int) -> int:
        """Sends to this many new recipients; how many went."""
        went = 0
        for _ in range(count):
            self.sent += 1
            standing = await self.standings.current(PORTFOLIO)
            tallies = tallies_of(make_case(), standing, self.clock.now_ms())
            terms = make_terms(epoch=standing.epoch, tallies=tallies)
            recipient = self.sent.to_bytes(16, "little")
            facts = await make_ledger(self.client).admit(make_ask(f"m{self.sent}", recipient, terms=terms))
            assert not facts.stale
            went += facts.taken
        return went

    async def rated(self, quality: Quality, ms: int) -> None:
        change = Change("number", NUMBER, {"quality": quality.value}, "graph", NOW_MS + ms, "a test")
        await self.standings.change(PORTFOLIO, [change])

    async def warming(self) -> Warming | None:
        return (await self.standings.current(PORTFOLIO)).warmings.get(NUMBER_ID)


@pytest.fixture
async def desk(client: StoreClient) -> Desk:
    made = Desk(client, start=4)
    await made.at(0)
    return made


async def test_a_warm_up_grows_by_days_of_its_own(desk: Desk) -> None:
    await desk.duty.roll(PORTFOLIO)
    assert await desk.warming() is None, "nothing was sent"
    await desk.at(5)
    assert await desk.send(5) == 4
    await desk.duty.roll(PORTFOLIO)
    assert await desk.warming() == Warming(NOW_MS + 5, 0, Ramp(4))
    assert await desk.send(1) == 0, "the same day, noted or not"
    assert desk.grown == []

    await desk.at(4 + DAY_MS)
    await desk.duty.roll(PORTFOLIO)
    assert await desk.send(1) == 0

    await desk.at(5 + DAY_MS)
    await desk.duty.roll(PORTFOLIO)
    assert desk.grown == [(PORTFOLIO, ("warm_up",))]
    assert await desk.send(10) == 8


async def test_a_day_that_nobody_rolled_over_allows_what_the_last_one_did(desk: Desk) -> None:
    await desk.send(4)
    await desk.duty.roll(PORTFOLIO)

    await desk.at(DAY_MS + 1)

    assert await desk.send(5) == 4
    await desk.duty.roll(PORTFOLIO)
    assert await desk.send(5) == 4, "and the rest of what it allows when somebody did"


async def test_days_that_were_missed_are_made_up_for(desk: Desk) -> None:
    await desk.send(4)
    await desk.duty.roll(PORTFOLIO)
    await desk.at(DAY_MS + 1)
    await desk.send(4)

    await desk.at(2 * DAY_MS + 1)
    await desk.duty.roll(PORTFOLIO)

    assert await desk.warming() == Warming(NOW_MS, 2, Ramp(16))


async def test_a_bad_rating_of_the_day_counts_though_it_got_better(desk: Desk) -> None:
    await desk.send(4)
    await desk.duty.roll(PORTFOLIO)
    await desk.rated(Quality.YELLOW, 10)
    await desk.duty.roll(PORTFOLIO)
    await desk.rated(Quality.GREEN, 20)
    await desk.duty.roll(PORTFOLIO)
    assert await desk.warming() == Warming(NOW_MS, 0, Ramp(4), Quality.YELLOW)

    await desk.at(DAY_MS + 1)
    await desk.duty.roll(PORTFOLIO)

    assert await desk.warming() == Warming(NOW_MS, 1, Ramp(4), Quality.GREEN)


async def test_what_is_rated_after_its_first_send_goes_on_warming_up(desk: Desk) -> None:
    await desk.send(1)
    await desk.rated(Quality.GREEN, 10)

    await desk.duty.roll(PORTFOLIO)

    assert await desk.send(9) == 3


async def test_of_two_nodes_that_roll_at_once_one_writes(desk: Desk) -> None:
    await desk.send(4)
    await desk.duty.roll(PORTFOLIO)
    other = Desk(desk.client, start=4)
    await desk.at(DAY_MS + 1)
    await other.at(DAY_MS + 1)

    await asyncio.gather(desk.duty.roll(PORTFOLIO), other.duty.roll(PORTFOLIO))

    await desk.standings.reload(PORTFOLIO, epoch=-1)
    assert await desk.warming() == Warming(NOW_MS, 1, Ramp(8))
    assert len(desk.grown + other.grown) == 1


async def test_a_node_that_is_behind_overwrites_nothing(desk: Desk) -> None:
    await desk.send(4)
    await desk.duty.roll(PORTFOLIO)
    behind = Desk(desk.client, start=4)
    await behind.at(0)
    await behind.standings.current(PORTFOLIO)
    await desk.rated(Quality.RED, 10)
    await desk.duty.roll(PORTFOLIO)
    await desk.rated(Quality.GREEN, 20)

    await behind.at(DAY_MS + 1)
    await behind.duty.roll(PORTFOLIO)
    assert behind.grown == []

    await behind.duty.roll(PORTFOLIO)
    assert await behind.warming() == Warming(NOW_MS, 1, Ramp(4), Quality.GREEN), "the day was a bad one"


async def test_many_are_written_in_parts(client: StoreClient) -> None:
    desk = Desk(client, start=4)
    await desk.at(0)
    await client.hset(KEYS.ramps, mapping={f"number:{n}": str(NOW_MS) for n in range(450)})

    await desk.duty.roll(PORTFOLIO)

    assert len((await desk.standings.current(PORTFOLIO)).warmings) == 450


async def test_nothing_is_written_when_nothing_changed(desk: Desk) -> None:
    await desk.send(4)
    await desk.duty.roll(PORTFOLIO)
    epoch = (await desk.standings.current(PORTFOLIO)).epoch

    await desk.duty.roll(PORTFOLIO)
    await desk.at(DAY_MS - 1)
    await desk.duty.roll(PORTFOLIO)

    assert (await desk.standings.reload(PORTFOLIO, epoch=-1)).epoch == epoch


async def test_where_it_is_off_nothing_is_rolled_over(client: StoreClient) -> None:
    desk = Desk(client, mode="off")
    await desk.at(0)
    assert await desk.send(60) == 60

    await desk.duty.roll(PORTFOLIO)

    assert await desk.warming() is None
    assert await Tallies(client).begun(PORTFOLIO) == {}


async def test_first_sends_of_one_moment_share_one_first_day(client: StoreClient) -> None:
    desk = Desk(client, start=4)
    await desk.at(0)
    standing = await desk.standings.current(PORTFOLIO)
    # Each node takes its own moment for the first one.
    asks = [
        make_ask(f"m{n}", user(n), terms=make_terms(tallies=tallies_of(make_case(), standing, NOW_MS + n)))
        for n in range(20)
    ]

    facts = await asyncio.gather(*map(make_ledger(client).admit, asks))

    assert sum(one.taken for one in facts) == 4
    assert await Tallies(client).begun(PORTFOLIO) == {NUMBER_ID: NOW_MS}


async def test_a_template_warms_up_beside_its_number(client: StoreClient) -> None:
    desk = Desk(client, start=4, scopes=["number", "template"])
    await desk.at(0)
    await desk.send(2)

    await desk.duty.roll(PORTFOLIO)

    assert set((await desk.standings.current(PORTFOLIO)).warmings) == {NUMBER_ID, TEMPLATE_ID}


async def test_one_node_looks_after_what_has_begun_until_it_is_stopped(client: StoreClient) -> None:
    desk, other = Desk(client, start=4), Desk(client, start=4)
    other.duty = WarmUps(other.standings, Tallies(client), other.clock, Leases(client, "another node"))
    await desk.at(0)
    await other.at(0)
    await desk.send(4)
    running = [spawn(one.duty.run(), "warm-ups") for one in (desk, other)]

    async def day(number: int) -> bool:
        await desk.standings.reload(PORTFOLIO, epoch=-1)
        warming = await desk.warming()
        return warming is not None and warming.day == number

    await until(lambda: day(0))
    for one in (desk, other):
        await one.at(DAY_MS + 1)
    await until(lambda: day(1))

    async def has_grown() -> bool:
        # It is told after it is written.
        return bool(desk.grown + other.grown)

    await until(has_grown)
    for task in running:
        task.cancel()
    await asyncio.wait(running)
    assert len(desk.grown + other.grown) == 1
    assert await client.get(KEYS.lease("warm_ups")) in (b"node", b"another node")


async def test_a_store_that_is_gone_ends_nothing(client: StoreClient, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(client, start=4)
    await desk.at(0)
    await desk.send(4)
    read, faults = desk.standings.current, 1

    async def current(portfolio: str) -> Standing:
        nonlocal faults
        if faults:
            faults -= 1
            raise StoreUnavailable("the store is unavailable")
        return await read(portfolio)

    monkeypatch.setattr(desk.standings, "current", current)
    running = spawn(desk.duty.run(), "warm-ups")

    async def is_noted() -> bool:
        return NUMBER_ID in (await read(PORTFOLIO)).warmings

    await until(is_noted)
    running.cancel()
    await asyncio.wait([running])
    assert faults == 0
