"""Turns are given in the order of asking; a store that fails one fails all that wait, at once."""

from __future__ import annotations

import asyncio

import pytest

from tidegate.errors import StoreUnavailable
from tidegate.signals.gate import Gate, parts


async def test_whoever_asks_first_goes_first_and_no_more_at_a_time_than_there_are_turns() -> None:
    gate, order, inside = Gate(turns=2), list[int](), [0]

    async def one(number: int) -> None:
        async with gate.turn():
            inside[0] += 1
            assert inside[0] <= 2
            order.append(number)
            await asyncio.sleep(0)
            inside[0] -= 1

    await asyncio.gather(*map(one, range(10)))

    assert order == list(range(10))


async def test_a_store_that_fails_one_fails_all_that_wait_and_nobody_who_comes_later() -> None:
    gate, go_on, began = Gate(turns=1), asyncio.Event(), list[int]()

    async def one(number: int) -> None:
        async with gate.turn():
            began.append(number)
            await go_on.wait()
            raise StoreUnavailable("gone")

    waiting = [asyncio.create_task(one(number)) for number in range(5)]
    await asyncio.sleep(0)
    go_on.set()
    ends = await asyncio.gather(*waiting, return_exceptions=True)

    assert [type(end) for end in ends] == [StoreUnavailable] * 5
    assert began == [0]
    with pytest.raises(StoreUnavailable):
        await one(9)
    assert began == [0, 9], "it was let in, and failed by itself"


async def test_another_fault_is_nobody_elses() -> None:
    gate = Gate(turns=1)

    async def one(fault: bool) -> str:
        async with gate.turn():
            await asyncio.sleep(0)
            if fault:
                raise ValueError("x")
            return "done"

    first, second = await asyncio.gather(one(True), one(False), return_exceptions=True)

    assert isinstance(first, ValueError)
    assert second == "done"


@pytest.mark.parametrize(("many", "sizes"), [(0, []), (1, [1]), (4, [4]), (9, [4, 4, 1])])
def test_parts_keep_the_order_and_lose_nothing(many: int, sizes: list[int]) -> None:
    items = list(range(many))

    assert [len(part) for part in parts(items, 4)] == sizes
    assert [item for part in parts(items, 4) for item in part] == items
