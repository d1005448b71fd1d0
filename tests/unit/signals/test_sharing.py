"""What many deliveries bring is handled together, in turns, and told to each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from tests.waiting import until
from tidegate.errors import StoreNotAsked, StoreUnavailable
from tidegate.signals.sharing import AT_ONCE, ENOUGH, OF_EACH, ROUND_S, TOGETHER, Ended, Sharing
from tidegate.tasks import spawn


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


class Settled:
    """Awaited before somebody is told that less may be sent."""

    def __init__(self) -> None:
        self.times = 0

    async def __call__(self) -> None:
        self.times += 1


def sharing_by(handle: Callable[[list[str]], Awaitable[list[bool]]], settled: Settled | None = None) -> Sharing[str]:
    """One whose rounds are tasks."""

    async def carried(items: list[str], ended: Ended) -> None:
        told: list[bool] | Exception
        try:
            told = await handle(items)
        except Exception as fault:
            told = fault
        ended(told)

    def begin(items: list[str], ended: Ended) -> None:
        spawn(carried(items, ended), "a round")

    return Sharing(begin, settled or Settled())


def words(delivery: str, count: int) -> list[str]:
    return [f"{delivery}{index}" for index in range(count)]


async def test_what_comes_in_one_moment_is_one_round_and_each_is_told_of_its_own() -> None:
    handler, settled, told = Handler(), Settled(), list[tuple[str, int]]()
    sharing = sharing_by(handler, settled)

    def tell(name: str, fault: Exception | None) -> None:
        assert fault is None
        told.append((name, settled.times))

    for items in (["a"], ["b", "less b"], ["c"]):
        sharing.hand(items, partial(tell, items[0]))
    await sharing.put(["d"])

    # Who brought what stops others is told once that is so everywhere, and keeps nobody waiting for that.
    async def are_told() -> bool:
        return len(told) == 3

    await until(are_told)
    assert (handler.rounds, told) == ([["a", "b", "less b", "c", "d"]], [("a", 0), ("c", 0), ("b", 1)])


async def test_a_small_delivery_is_not_behind_all_of_a_large_one() -> None:
    handler = Handler()
    sharing = sharing_by(handler)
    handler.let.clear()
    first = sharing.put(["first"])
    await handler.begun.wait()
    large, small = sharing.put(words("large", 1_000)), sharing.put(["less small"])
    handler.let.set()

    await small
    assert not large.done()
    await asyncio.gather(first, large)
    assert handler.rounds[1] == words("large", TOGETHER)
    assert handler.rounds[2] == [*words("large", TOGETHER + OF_EACH)[TOGETHER:], "less small"]
    assert [item for part in handler.rounds for item in part if item.startswith("large")] == words("large", 1_000)
    assert max(map(len, handler.rounds)) == TOGETHER


async def test_rounds_of_a_few_are_apart_and_one_of_many_is_not_waited_with() -> None:
    handler, loop = Handler(), asyncio.get_running_loop()
    sharing = sharing_by(handler)
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

    await sharing_by(handler).put(words("only", TOGETHER + 1))

    assert [len(part) for part in handler.rounds] == [TOGETHER, 1]


async def test_a_round_without_an_answer_fails_all_who_wait_and_nobody_after() -> None:
    handler = Handler()
    sharing = sharing_by(handler)
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
    await sharing.put(["less third"])
    assert handler.rounds == [["first"], ["less third"]]


async def test_who_gave_up_costs_the_others_nothing() -> None:
    handler = Handler()
    sharing = sharing_by(handler)
    left, stays = sharing.put(["left"]), sharing.put(["less stays"])

    left.cancel()

    await stays


async def test_two_rounds_are_under_way_and_a_delivery_in_both_is_told_when_both_are_over() -> None:
    handler = Turns()
    sharing = sharing_by(handler)
    only = sharing.put(words("only", 2 * TOGETHER + 1))
    await handler.begun(AT_ONCE)

    handler.waiting[1].set_result(None)
    await handler.begun(AT_ONCE + 1)
    handler.waiting[2].set_result(None)
    await asyncio.sleep(0)

    assert not only.done()
    handler.waiting[0].set_result(None)
    await only


async def test_a_delivery_of_which_two_rounds_fail_is_told_once() -> None:
    handler = Turns()
    sharing = sharing_by(handler)
    told: list[Exception | None] = []
    sharing.hand(words("only", 2 * TOGETHER), told.append)
    await handler.begun(AT_ONCE)

    for waiting in handler.waiting:
        waiting.set_exception(StoreUnavailable("away"))
    for _ in range(5):
        await asyncio.sleep(0)
    after = sharing.put(["after"])
    await handler.begun(AT_ONCE + 1)
    handler.waiting[-1].set_result(None)

    await after
    assert list(map(type, told)) == [StoreUnavailable]


async def test_who_cannot_be_told_costs_the_others_of_a_round_nothing() -> None:
    sharing, faults = sharing_by(Handler()), list[str]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context["message"]))

    def breaks(_fault: Exception | None) -> None:
        raise ValueError

    sharing.hand(["broken"], breaks)

    await sharing.put(["less whole"])
    assert faults == ["a webhook could not be answered"]


async def test_a_stop_that_was_not_told_to_all_is_told_as_a_fault() -> None:
    async def fails() -> None:
        raise StoreUnavailable("away")

    def begin(items: list[str], ended: Ended) -> None:
        asyncio.get_running_loop().call_soon(ended, [True] * len(items))

    with pytest.raises(StoreUnavailable):
        await Sharing(begin, fails).put(["less"])


async def test_a_fault_that_is_known_at_once_is_told_after_the_handing_over() -> None:
    told: list[Exception | None] = []

    def begin(_: list[str], ended: Ended) -> None:
        ended(StoreUnavailable("reset"))

    sharing = Sharing(begin, Settled())
    sharing.hand(words("many", ENOUGH), told.append)

    assert not told
    with pytest.raises(StoreNotAsked):
        await sharing.put(["late"])
    assert list(map(type, told)) == [StoreUnavailable]


async def test_a_round_that_cannot_be_begun_fails_its_own_and_no_others() -> None:
    def begin(items: list[str], ended: Ended) -> None:
        if "bad" in items:
            raise ValueError("a bug")
        asyncio.get_running_loop().call_soon(ended, [False] * len(items))

    sharing = Sharing(begin, Settled())
    with pytest.raises(ValueError, match="a bug"):
        await sharing.put(["bad"])
    await sharing.put(["good"])


async def test_enough_of_them_are_begun_in_the_step_in_which_the_last_one_comes() -> None:
    rounds: list[list[str]] = []

    def begin(items: list[str], ended: Ended) -> None:
        rounds.append(items)
        asyncio.get_running_loop().call_soon(ended, [False] * len(items))

    sharing = Sharing(begin, Settled())
    futures = [sharing.put([word]) for word in words("one", ENOUGH)]

    assert rounds == [words("one", ENOUGH)]
    await asyncio.gather(*futures)
