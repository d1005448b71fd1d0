"""The store's time as a node sees it."""

import asyncio

from tests.virtual_loop import VirtualLoop, run_virtually
from tidegate.clock import StoreClock


def test_time_goes_on_from_what_the_store_told() -> None:
    seconds = [10.0]
    clock = StoreClock(monotonic=lambda: seconds[0])
    clock.observe(5_000)
    seconds[0] = 12.5
    assert clock.now_ms() == 7_500
    clock.observe(100_000)
    assert clock.now_ms() == 100_000


def test_a_sleeper_wakes_at_the_stores_time() -> None:
    async def main(loop: VirtualLoop) -> float:
        clock = StoreClock(monotonic=loop.time)
        clock.observe(1_000)
        await clock.sleep_until(4_000)
        return loop.time()

    assert run_virtually(main) == 3.0


def test_a_sleeper_looks_again_when_the_stores_time_jumps() -> None:
    async def main(loop: VirtualLoop) -> float:
        clock = StoreClock(monotonic=loop.time)
        clock.observe(1_000)
        sleeper = asyncio.ensure_future(clock.sleep_until(90_000_000))
        await asyncio.sleep(2)
        clock.observe(91_000_000)
        await sleeper
        return loop.time()

    assert run_virtually(main) == 2.0


def test_jumps_are_counted_and_small_steps_are_none() -> None:
    seconds = [10.0]
    clock = StoreClock(monotonic=lambda: seconds[0])
    clock.observe(50_000)
    before = clock.jumps
    clock.observe(50_400)
    seconds[0] = 11.0
    clock.observe(51_100)
    assert clock.jumps == before
    clock.observe(60_000)
    assert clock.jumps == before + 1
