"""What the relay costs when nothing waits, and what it notices all the same."""

from __future__ import annotations

import asyncio

import pytest

from tests.factories import NOW_MS, make_seal
from tidegate.store.keys import PortfolioKeys
from tidegate.store.relay_looks import RelayLooks
from tidegate.store.relays import DEAD_KEPT_MS, DOWN_AFTER, Answer, Parcel, Relays, Room
from tidegate.store.scripts import StoreClient

PORTFOLIOS = ["lucky-shrub", "wind-and-wool"]
APPS = ["checkout", "shop"]
ROOM = Room(1_000, 1_000_000)


def parcel(app: str) -> Parcel:
    return Parcel(app, app.encode().rjust(12), "a line", 1, "messages", b"x")


async def stand_still(client: StoreClient, ms: int = NOW_MS) -> None:
    for portfolio in PORTFOLIOS:
        await client.set(PortfolioKeys(portfolio).clock, f"@{ms}")


@pytest.mark.parametrize("one_slot", [pytest.param(False, id="in one call"), pytest.param(True, id="a call for each")])
async def test_a_look_tells_what_waits_for_whom_in_which_portfolio(store_client: StoreClient, one_slot: bool) -> None:
    relays, looks = (
        Relays(store_client, PORTFOLIOS, make_seal()),
        RelayLooks(store_client, PORTFOLIOS, one_slot=one_slot),
    )
    await stand_still(store_client)
    await store_client.set(PortfolioKeys("wind-and-wool").clock, f"@{NOW_MS + 5}")
    await relays.take("wind-and-wool", [parcel("shop")], ROOM)
    await store_client.zadd(PortfolioKeys("lucky-shrub").relay("ended"), {"m1": 1})

    first, second = await asyncio.gather(*(looks.look(portfolio, APPS) for portfolio in PORTFOLIOS))

    assert (first.now_ms, first.has_ended, first.due_at_ms) == (NOW_MS, True, {})
    assert (second.now_ms, second.has_ended, second.due_at_ms) == (NOW_MS + 5, False, {"shop": NOW_MS + 5})


async def test_a_look_tells_when_what_is_claimed_held_or_dead_wants_a_hand(store_client: StoreClient) -> None:
    relays, looks = Relays(store_client, PORTFOLIOS, make_seal()), RelayLooks(store_client, PORTFOLIOS, one_slot=False)
    [portfolio, _] = PORTFOLIOS

    async def due() -> int | None:
        return (await looks.look(portfolio, APPS)).due_at_ms.get("shop")

    await stand_still(store_client)
    await relays.take(portfolio, [parcel("shop")], ROOM)
    [leased] = (await relays.claim(portfolio, "shop", 1, 30_000)).parcels
    assert await due() == NOW_MS + 30_000
    await relays.answer(Answer(portfolio, leased, "failed", "a test", wait_ms=2_000, hold_ms=9_000))
    assert await due() == NOW_MS + 9_000
    await stand_still(store_client, NOW_MS + 9_000)
    [leased] = (await relays.claim(portfolio, "shop", 1, 30_000)).parcels
    assert leased.failures < DOWN_AFTER
    await relays.answer(Answer(portfolio, leased, "dead", "a test"))
    assert await due() == NOW_MS + 9_000 + DEAD_KEPT_MS
    await stand_still(store_client, NOW_MS + 9_000 + DEAD_KEPT_MS)
    await relays.claim(portfolio, "shop", 1, 30_000)
    assert await due() is None
