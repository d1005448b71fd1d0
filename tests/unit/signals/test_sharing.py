"""What many deliveries bring is handled together, in turns, and told to each."""

from __future__ import annotations

import asyncio

import pytest

from tests.waiting import until
from tidegate.errors import StoreNotAsked, StoreUnavailable
from tidegate.signals.sharing import AT_ONCE, ENOUGH, OF_EACH, ROUND_S, TOGETHER, Sharing


class Handler:
    """Handles rounds of words when it is let; those that begin with "less" leave less to be sent."""

    def __init__(self) -> None:
        self.rounds: list[list[str]] = []
        self.begun = asyncio.Event()
        self.let = asyncio.Event()
        self.let.set()
        self.fails: type[BaseException] | None = None

    async def __call__(self, items: list[str]) -> list[bool]:
        self.rounds.append(items)
        self.begun.set()
        await self.let.wait()
        await asyncio.sleep(0)
        if self.fails is not None:
            raise self.fails("the store is away")
        return [item.startswith("less") for item in items]


class Turns:
    """Handles each round when the future of it is set."""

    def __init__(self) -> None:
        self.waiting: list[asyncio.Future[None]] = []

    async def __call__(self, items: list[str]) -> list[bool]:
        self.waiting.append(asyncio.get_running_loop().create_future())
        await self.waiting[-1]
        return [False] * len(items)

    async def begun(self, rounds: int) -> None:
        """Return when so many have begun, and no more can."""

        async def are_begun() -> bool:
            return len(self.waiting) >= rounds

        await until(are_begun)
        await asyncio.sleep(0)
        assert len(self.waiting) == rounds


def words(delivery: str, count: int) -> list[str]:
    return [f"{delivery}{index}" for index in range(count)]


async def test_what_comes_in_one_moment_is_one_round_and_each_is_told_of_its_own() -> None:
    handler = Handler()
    sharing = Sharing(handler)

    told = await asyncio.gather(*(sharing.put(items) for items in (["a"], ["b", "less b"], ["c"])))

    assert (handler.rounds, told) == ([["a", "b", "less b", "c"]], [False, True, False])


async def test_a_small_delivery_is_not_behind_all_of_a_large_one() -> None:
    handler = Handler()
    sharing = Sharing(handler)
    handler.let.clear()
    first = sharing.put(["first"])
    await handler.begun.wait()
    large, small = sharing.put(words("large", 1_000)), sharing.put(["less small"])
    handler.let.set()

    assert await small
    assert not large.done()
    assert [await first, await large] == [False, False]
    assert handler.rounds[1] == [*words("large", OF_EACH), "less small"]
    assert [item for part in handler.rounds for item in part if item.startswith("large")] == words("large", 1_000)
    assert max(map(len, handler.rounds)) == TOGETHER


async def test_rounds_of_a_few_are_apart_and_one_of_many_is_not_waited_with() -> None:
    handler, loop = Handler(), asyncio.get_running_loop()
    sharing = Sharing(handler)
    await sharing.put(["first"])
    began_s = loop.time()
    few = [sharing.put([word]) for word in ("a", "b")]
    await asyncio.sleep(0)
    many = sharing.put(words("many", ENOUGH))

    await asyncio.gather(*few, many)

    assert handler.rounds == [["first"], ["a", "b", *words("many", OF_EACH)], words("many", ENOUGH)[OF_EACH:]]
    await sharing.put(["last"])
    assert loop.time() - began_s >= ROUND_S


async def test_one_delivery_alone_goes_in_full_rounds() -> None:
    handler = Handler()

    await Sharing(handler).put(words("only", TOGETHER + 1))

    assert [len(part) for part in handler.rounds] == [TOGETHER, 1]


async def test_a_round_without_an_answer_fails_all_who_wait_and_nobody_after() -> None:
    handler = Handler()
    sharing = Sharing(handler)
    handler.let.clear()
    handler.fails = StoreUnavailable
    first = sharing.put(["first"])
    await handler.begun.wait()
    second = sharing.put(["second"])
    handler.let.set()

    with pytest.raises(StoreUnavailable):
        await first
    with pytest.raises(StoreNotAsked):
        await second
    handler.fails = None
    assert await sharing.put(["less third"])
    assert handler.rounds == [["first"], ["less third"]]


async def test_who_gave_up_costs_the_others_nothing() -> None:
    handler = Handler()
    sharing = Sharing(handler)
    left, stays = sharing.put(["left"]), sharing.put(["less stays"])

    left.cancel()

    assert await stays


async def test_two_rounds_are_under_way_and_a_delivery_in_both_is_told_when_both_are_over() -> None:
    handler = Turns()
    sharing = Sharing(handler)
    only = sharing.put(words("only", 2 * TOGETHER + 1))
    await handler.begun(AT_ONCE)

    handler.waiting[1].set_result(None)
    await handler.begun(AT_ONCE + 1)
    handler.waiting[2].set_result(None)
    await asyncio.sleep(0)

    assert not only.done()
    handler.waiting[0].set_result(None)
    assert not await only


async def test_a_delivery_of_which_two_rounds_fail_is_told_once() -> None:
    handler = Turns()
    sharing = Sharing(handler)
    told: list[Exception | None] = []
    sharing.hand(words("only", 2 * TOGETHER), lambda _, fault: told.append(fault))
    await handler.begun(AT_ONCE)

    for waiting in handler.waiting:
        waiting.set_exception(StoreUnavailable("away"))
    for _ in range(5):
        await asyncio.sleep(0)
    after = sharing.put(["after"])
    await handler.begun(AT_ONCE + 1)
    handler.waiting[-1].set_result(None)

    assert not await after
    assert list(map(type, told)) == [StoreUnavailable]


async def test_who_cannot_be_told_costs_the_others_of_a_round_nothing() -> None:
    sharing, faults = Sharing(Handler()), list[str]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context["message"]))

    def breaks(_tightened: bool, _fault: Exception | None) -> None:
        raise ValueError

    sharing.hand(["broken"], breaks)

    assert await sharing.put(["less whole"])
    assert faults == ["a webhook could not be answered"]
