"""The clock that store and platform share."""

from __future__ import annotations

import asyncio

import pytest
from fakeredis import FakeStrictRedis

from loadtest.virtual_time import VirtualTime
from tidegate.store.keys import PortfolioKeys

DAY_MS = 86_400_000


@pytest.fixture
def store() -> FakeStrictRedis:
    return FakeStrictRedis()


def test_putting_it_forward_moves_the_platform_and_every_portfolio_of_the_store_alike(store: FakeStrictRedis) -> None:
    time = VirtualTime(store, ["one", "two"])
    before_ms = time()
    time.put_forward(DAY_MS)
    time.put_forward(1)
    assert time() - before_ms >= DAY_MS + 1
    assert [store.get(PortfolioKeys(portfolio).clock) for portfolio in ("one", "two")] == [b"86400001"] * 2


def test_a_step_back_is_refused_and_moves_nothing(store: FakeStrictRedis) -> None:
    time = VirtualTime(store, ["one"])
    with pytest.raises(ValueError, match="forward"):
        time.put_forward(-1)
    assert store.get(PortfolioKeys("one").clock) is None


async def test_a_sleeper_wakes_when_the_time_is_put_forward_to_its_alarm_and_not_before(store: FakeStrictRedis) -> None:
    time = VirtualTime(store, ["one"])
    alarm_ms = time() + DAY_MS
    sleeper = asyncio.create_task(time.sleep_until(alarm_ms))
    await asyncio.sleep(0)
    assert time.next_alarm_ms == alarm_ms

    time.put_forward(DAY_MS // 2)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not sleeper.done()

    time.put_forward(DAY_MS // 2)
    await sleeper
    assert time.next_alarm_ms is None


async def test_a_sleeper_that_is_cancelled_leaves_no_alarm(store: FakeStrictRedis) -> None:
    time = VirtualTime(store, ["one"])
    sleeper = asyncio.create_task(time.sleep_until(time() + DAY_MS))
    await asyncio.sleep(0)
    sleeper.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sleeper
    assert time.next_alarm_ms is None
