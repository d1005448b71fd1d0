"""When a store counts as away, and who may still ask it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.virtual_loop import run_virtually
from tidegate.store.pulse import Pulse

Story = Callable[[Pulse], Awaitable[bool]]


async def calls_that_are_late_at_one_moment(pulse: Pulse) -> bool:
    for _ in range(100):
        pulse.failed()
    return pulse.may_ask()


async def calls_that_fail_again_and_again(pulse: Pulse) -> bool:
    for _ in range(3):
        pulse.failed()
        await asyncio.sleep(0.1)
    return not pulse.may_ask()


async def an_answer_in_between(pulse: Pulse) -> bool:
    for _ in range(10):
        pulse.failed()
        await asyncio.sleep(0.1)
        pulse.answered()
    return pulse.may_ask()


async def one_probe_at_a_time(pulse: Pulse) -> bool:
    await calls_that_fail_again_and_again(pulse)
    await asyncio.sleep(0.25)
    first, second = pulse.may_ask(), pulse.may_ask()
    pulse.failed()
    await asyncio.sleep(0.1)
    third = pulse.may_ask()
    await asyncio.sleep(0.25)
    return (first, second, third, pulse.may_ask()) == (True, False, False, True)


async def a_probe_that_is_answered(pulse: Pulse) -> bool:
    await one_probe_at_a_time(pulse)
    pulse.answered()
    return all(pulse.may_ask() for _ in range(10))


@pytest.mark.parametrize(
    "story",
    [
        pytest.param(calls_that_are_late_at_one_moment, id="a stalled machine is no store that is away"),
        pytest.param(calls_that_fail_again_and_again, id="three failures in a row are"),
        pytest.param(an_answer_in_between, id="not where it answers in between"),
        pytest.param(one_probe_at_a_time, id="one call every quarter of a second finds out"),
        pytest.param(a_probe_that_is_answered, id="an answer lets everybody ask again"),
    ],
)
def test_a_pulse(story: Story) -> None:
    assert run_virtually(lambda _loop: story(Pulse()))
