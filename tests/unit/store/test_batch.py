"""What arrives together goes together; what goes wrong is told to everybody concerned, and to nobody else."""

from __future__ import annotations

import asyncio

import pytest

from tests.waiting import until
from tidegate.errors import StoreNotAsked, StoreUnavailable
from tidegate.store.batch import Batch, Shards, is_any_busy


class Line:
    """A trip that is made when it is told to; it answers an item with ten times as much."""

    def __init__(self) -> None:
        self.trips: list[list[int]] = []
        self._departures: asyncio.Queue[asyncio.Future[None]] = asyncio.Queue()

    async def run(self, items: list[int]) -> list[int]:
        self.trips.append(items)
        arrival: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._departures.put_nowait(arrival)
        await arrival
        return [10 * item for item in items]

    async def departs(self) -> asyncio.Future[None]:
        """The next trip that is under way, to be told that it has arrived."""
        return await asyncio.wait_for(self._departures.get(), 5)


async def echo(items: list[int]) -> list[int]:
    return [10 * item for item in items]


async def test_who_comes_in_one_tick_goes_in_one_trip_and_gets_its_own_answer() -> None:
    trips: list[list[int]] = []

    async def run(items: list[int]) -> list[int]:
        trips.append(items)
        return await echo(items)

    batch = Batch(run)

    assert await asyncio.gather(*map(batch, range(5))) == [0, 10, 20, 30, 40]
    assert trips == [[0, 1, 2, 3, 4]]


async def test_who_comes_while_a_trip_is_under_way_goes_together_in_the_next() -> None:
    line = Line()
    batch = Batch(line.run)
    first = asyncio.create_task(batch(1))
    trip = await line.departs()
    others = [asyncio.create_task(batch(n)) for n in (2, 3)]
    await asyncio.sleep(0)
    assert line.trips == [[1]]

    trip.set_result(None)
    (await line.departs()).set_result(None)

    assert await asyncio.gather(first, *others) == [10, 20, 30]
    assert line.trips == [[1], [2, 3]]


async def test_no_trip_carries_more_than_the_most() -> None:
    sizes: list[int] = []

    async def run(items: list[int]) -> list[int]:
        sizes.append(len(items))
        return await echo(items)

    answers = await asyncio.gather(*map(Batch(run, most=3), range(7)))

    assert (sizes, answers) == ([3, 3, 1], [0, 10, 20, 30, 40, 50, 60])


async def test_an_item_that_breaks_its_trip_fails_alone() -> None:
    async def run(items: list[int]) -> list[int]:
        if 2 in items:
            raise ValueError("broken")
        return await echo(items)

    batch = Batch(run, most=8)

    answers = await asyncio.gather(*map(batch, range(10)), return_exceptions=True)

    assert isinstance(answers.pop(2), ValueError)
    assert answers == [0, 10, *range(30, 100, 10)]
    assert await batch(9) == 90


async def test_a_store_that_does_not_answer_fails_all_that_were_in_the_trip_and_all_that_came_meanwhile() -> None:
    line = Line()
    batch = Batch(line.run, most=2)
    in_it = [asyncio.create_task(batch(n)) for n in (1, 2)]
    trip = await line.departs()
    meanwhile = [asyncio.create_task(batch(n)) for n in (3, 4, 5)]
    await asyncio.sleep(0)

    trip.set_exception(StoreUnavailable("gone"))

    answers = await asyncio.gather(*in_it, *meanwhile, return_exceptions=True)
    # Of those that came meanwhile it is certain that the store was asked nothing.
    assert [type(answer) for answer in answers] == [StoreUnavailable] * 2 + [StoreNotAsked] * 3
    assert line.trips == [[1, 2]]
    afterwards = asyncio.create_task(batch(9))
    (await line.departs()).set_result(None)
    assert await afterwards == 90


async def test_of_those_that_nobody_waits_for_it_is_told_once_a_call_how_it_ended() -> None:
    line = Line()
    told: list[tuple[list[int], type[Exception] | None]] = []
    batch = Batch(line.run, ended=lambda items, fault: told.append((items, type(fault) if fault is not None else None)))

    batch.in_passing(1)
    batch.in_passing(2)
    trip = await line.departs()
    batch.in_passing(3)
    waits = batch.put(4)
    batch.in_passing(5)
    trip.set_result(None)
    second = await line.departs()
    batch.in_passing(6)
    second.set_result(None)
    (await line.departs()).set_exception(StoreUnavailable("gone"))

    async def all_are_told() -> bool:
        return not batch.is_busy

    await until(all_are_told)

    assert await waits == 40
    assert told == [([1, 2], None), ([3, 5], None), ([6], StoreUnavailable)]
    assert line.trips == [[1, 2], [4, 3, 5], [6]]


@pytest.mark.parametrize("waited_for", [0, 1, 4, 5])
async def test_what_is_too_much_for_one_trip_goes_on_being_waited_for_or_not(waited_for: int) -> None:
    told: list[int] = []
    batch = Batch(echo, most=2, ended=lambda items, fault: told.extend(items))

    for n in range(5 - waited_for):
        batch.in_passing(100 + n)
    waits = [batch.put(n) for n in range(waited_for)]

    async def all_are_told() -> bool:
        return not batch.is_busy

    await until(all_are_told)

    assert [wait.result() for wait in waits] == [10 * n for n in range(waited_for)]
    assert told == [100 + n for n in range(5 - waited_for)]


async def test_where_not_all_fit_into_one_trip_those_of_a_kind_go_together_and_each_kind_in_its_turn() -> None:
    line, told = Line(), list[int]()
    batch = Batch(line.run, most=3, ended=lambda items, fault: told.extend(items), kind=lambda n: b"%d" % (n % 10))

    def come(*numbers: int) -> None:
        for n in numbers:
            batch.in_passing(n)

    async def all_are_told() -> bool:
        return not batch.is_busy

    come(11, 22, 33)
    waits = batch.put(99)
    come(12, 21)
    first = await line.departs()
    come(41, 42, 43, 51)
    last_waits = batch.put(98)
    first.set_result(None)
    second = await line.departs()
    assert line.trips == [[99, 11, 21], [98, 22, 12]]
    come(61, 62)
    second.set_result(None)
    for _ in range(3):
        (await line.departs()).set_result(None)
    await until(all_are_told)
    assert line.trips[2:] == [[33, 43, 41], [42, 62, 51], [61]]
    assert (await waits, await last_waits) == (990, 980)
    assert told == [n for trip in line.trips for n in trip if n < 98]


async def test_a_kind_of_which_more_come_all_the_time_keeps_no_other_waiting() -> None:
    line = Line()
    batch = Batch(line.run, most=3, kind=lambda n: b"%d" % (n % 10))

    batch.in_passing(12)
    for numbers in ((11, 21, 31), (41, 51, 61), (71, 81)):
        for n in numbers:
            batch.in_passing(n)
        (await line.departs()).set_result(None)

    assert line.trips == [[11, 21, 31], [12, 41, 51], [61, 71, 81]]


async def test_where_all_fit_into_one_trip_they_go_as_they_came() -> None:
    line = Line()
    batch = Batch(line.run, most=3, kind=lambda n: b"%d" % n)

    for numbers in ((5, 1, 3, 2), (9, 4), (8, 6, 7)):
        for n in numbers:
            batch.in_passing(n)
        (await line.departs()).set_result(None)

    assert line.trips == [[1, 2, 3], [5, 9, 4], [8, 6, 7]]


async def test_a_call_that_lingers_waits_anew_for_each_next_one() -> None:
    line = Line()
    batch = Batch(line.run, most=2, linger_s=0.001)
    first = batch.put(1)
    trip = await line.departs()
    second = batch.put(2)
    trip.set_result(None)
    await first
    third = batch.put(3)

    (await line.departs()).set_result(None)

    assert await asyncio.gather(second, third) == [20, 30]
    assert line.trips == [[1], [2, 3]]


async def test_a_caller_that_is_cancelled_loses_its_answer_and_not_the_work_of_others() -> None:
    line = Line()
    batch = Batch(line.run)
    tasks = [asyncio.create_task(batch(n)) for n in (1, 2)]
    trip = await line.departs()

    tasks[0].cancel()
    await asyncio.sleep(0)
    trip.set_result(None)

    assert await tasks[1] == 20
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]


async def test_a_caller_that_is_cancelled_before_the_trip_is_carried_all_the_same() -> None:
    line = Line()
    batch = Batch(line.run)
    tasks = [asyncio.create_task(batch(n)) for n in (1, 2)]
    await asyncio.sleep(0)
    tasks[0].cancel()

    (await line.departs()).set_result(None)

    assert await tasks[1] == 20
    assert line.trips == [[1, 2]]


async def test_a_trip_that_is_ended_from_outside_leaves_nobody_waiting() -> None:
    async def run(items: list[int]) -> list[int]:
        raise asyncio.CancelledError

    batch = Batch(run, most=1)

    async with asyncio.timeout(5):
        answers = await asyncio.gather(*map(batch, range(3)), return_exceptions=True)

    assert [type(answer) for answer in answers] == [RuntimeError] * 3


async def test_one_that_is_ended_from_outside_while_it_goes_by_halves_leaves_nobody_waiting() -> None:
    told: list[int] = []

    async def run(items: list[int]) -> list[int]:
        if len(items) > 2:
            raise ValueError("broken")
        if 2 in items:
            raise asyncio.CancelledError
        return await echo(items)

    batch = Batch(run, ended=lambda items, fault: told.extend(items) if isinstance(fault, RuntimeError) else None)
    waits = [batch.put(n) for n in range(8)]
    batch.in_passing(8)
    batch.in_passing(9)

    async with asyncio.timeout(5):
        answers = await asyncio.gather(*waits, return_exceptions=True)

    assert [answer if isinstance(answer, int) else type(answer) for answer in answers] == [0, 10, *[RuntimeError] * 6]
    assert told == [8, 9]


async def test_too_few_answers_leave_nobody_waiting() -> None:
    async def run(items: list[int]) -> list[int]:
        return []

    async with asyncio.timeout(5):
        answers = await asyncio.gather(*map(Batch(run), range(3)), return_exceptions=True)

    assert [type(answer) for answer in answers] == [ValueError] * 3


async def test_portfolios_share_a_trip_unless_each_is_of_a_slot_of_its_own() -> None:
    for one_slot, expected in ((False, [[1, 2, 3]]), (True, [[1, 3], [2]])):
        trips: list[list[int]] = []

        async def run(items: list[int], trips: list[list[int]] = trips) -> list[int]:
            trips.append(items)
            return await echo(items)

        shards = Shards(run, one_slot)

        answers = await asyncio.gather(shards["red"](1), shards["blue"](2), shards["red"](3))

        assert answers == [10, 20, 30]
        assert sorted(trips) == expected


def test_what_a_loop_left_behind_is_nothing_that_the_next_one_waits_for() -> None:
    batch = Batch(echo, linger_s=60)

    async def leave() -> bool:
        batch.in_passing(1)
        return is_any_busy()

    async def look() -> bool:
        return is_any_busy()

    assert asyncio.run(leave())
    assert batch.is_busy
    assert not asyncio.run(look())
