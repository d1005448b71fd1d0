"""A crew does what it is given, each piece as if it had a task of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tidegate.edge.door.crew import Crew


async def until(check: Callable[[], bool]) -> None:
    """Return as soon as it is so: within a few turns of the loop."""
    for _ in range(100):
        if check():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not come true")


@pytest.fixture
def crew() -> Crew:
    return Crew("work")


async def test_what_comes_later_is_done_by_the_same_task(crew: Crew) -> None:
    seen: list[asyncio.Task[Any] | None] = []

    async def work() -> None:
        seen.append(asyncio.current_task())

    for _ in range(3):
        task = crew.begin(work())
        before = len(seen)
        await until(lambda before=before: len(seen) > before and len(crew._idle) == 1)
        assert seen[-1] is task
    assert len(set(seen)) == 1


async def test_pieces_that_wait_do_not_wait_for_each_other(crew: Crew) -> None:
    goes_on, done = asyncio.Event(), []

    async def work(number: int) -> None:
        if number == 0:
            await goes_on.wait()
        done.append(number)

    for number in range(3):
        crew.begin(work(number))
    await until(lambda: done == [1, 2])
    goes_on.set()
    await until(lambda: done == [1, 2, 0])


async def test_a_failure_is_told_and_the_next_piece_is_done(crew: Crew) -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    done: list[int] = []

    async def fails() -> None:
        raise ValueError("a bug")

    async def works() -> None:
        done.append(1)

    crew.begin(fails())
    await until(lambda: len(crew._idle) == 1)
    crew.begin(works())
    await until(lambda: done == [1])

    assert [(context["message"], str(context["exception"])) for context in told] == [("work failed", "a bug")]


async def test_work_that_is_cancelled_ends_at_once_and_the_next_is_done(crew: Crew) -> None:
    begun, ended, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def waits() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def works() -> None:
        done.set()

    task = crew.begin(waits())
    await begun.wait()
    task.cancel()
    await ended.wait()
    assert crew.begin(works()) is not task
    await done.wait()


@pytest.mark.filterwarnings("error")
async def test_work_that_is_cancelled_before_it_began_is_never_begun(crew: Crew) -> None:
    async def works() -> None:
        raise AssertionError("begun")

    async def nothing() -> None:
        pass

    crew.begin(nothing())
    await until(lambda: len(crew._idle) == 1)
    task = crew.begin(works())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_whoever_was_cancelled_while_idle_is_given_nothing(crew: Crew) -> None:
    done = asyncio.Event()

    async def nothing() -> None:
        pass

    async def works() -> None:
        done.set()

    idle = crew.begin(nothing())
    await until(lambda: len(crew._idle) == 1)
    idle.cancel()
    await until(idle.done)
    crew.begin(works())
    await done.wait()


async def test_after_the_end_nobody_is_left_behind(crew: Crew) -> None:
    goes_on = asyncio.Event()

    async def waits() -> None:
        await goes_on.wait()

    async def nothing() -> None:
        pass

    tasks = {crew.begin(nothing()), crew.begin(waits())}
    await until(lambda: len(crew._idle) == 1)
    crew.end()
    goes_on.set()
    await asyncio.wait(tasks, timeout=5)

    assert all(task.done() for task in tasks)
    assert not crew._hands
