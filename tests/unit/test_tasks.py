"""Background work: what runs for as long as the node does outlives its own faults, and no cancellation."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tidegate.tasks import lasting


class Duty:
    """Fails so many times, then goes on until it is told to end."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.begun = 0
        self.runs = asyncio.Event()
        self.ends = asyncio.Event()

    async def __call__(self) -> None:
        self.begun += 1
        if self.begun <= self.failures:
            raise ValueError("a record that nobody can bear")
        self.runs.set()
        await self.ends.wait()


async def test_a_duty_that_fails_is_told_and_begun_again_until_it_ends_by_itself() -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    duty = Duty(failures=2)
    duty.ends.set()

    await lasting(duty, "a duty", pause_s=0)

    assert duty.begun == 3
    assert [context["message"] for context in told] == ["a duty failed, and is begun again"] * 2
    assert all(isinstance(context["exception"], ValueError) for context in told)


async def test_a_duty_that_is_cancelled_is_over() -> None:
    duty = Duty(failures=0)
    task = asyncio.ensure_future(lasting(duty, "a duty", pause_s=0))
    await duty.runs.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert duty.begun == 1
