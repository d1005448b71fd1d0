"""Arrivals at their own rate: never slowed by answers, counted from when they were due, and bounded."""

from __future__ import annotations

import asyncio

import pytest

from loadtest.open_loop import OpenLoop
from tests.virtual_loop import VirtualLoop, run_virtually


def test_answers_that_never_come_slow_no_arrival() -> None:
    seen: list[tuple[int, float, float]] = []

    async def main(loop: VirtualLoop) -> None:
        async def ask(arrival: int, due_s: float) -> None:
            seen.append((arrival, due_s, loop.time()))
            await asyncio.sleep(3_600)

        await OpenLoop(10, ask).run(5)
        assert loop.time() == pytest.approx(3_600.4)

    run_virtually(main)
    assert [arrival for arrival, _, _ in seen] == [0, 1, 2, 3, 4]
    assert [begun_s for _, _, begun_s in seen] == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])


def test_an_arrival_that_the_machine_is_late_with_counts_from_when_it_was_due() -> None:
    late_s: list[float] = []

    async def main(loop: VirtualLoop) -> None:
        async def ask(arrival: int, due_s: float) -> None:
            late_s.append(loop.time() - due_s)
            if arrival == 0:
                loop._now += 0.25  # the loop was held up

        await OpenLoop(10, ask).run(4)

    run_virtually(main)
    assert late_s == pytest.approx([0.0, 0.15, 0.05, 0.0])


def test_of_those_beyond_what_may_be_open_none_is_asked_for_and_all_are_counted() -> None:
    async def main(_loop: VirtualLoop) -> None:
        asked: list[int] = []

        async def ask(arrival: int, _due_s: float) -> None:
            asked.append(arrival)
            await asyncio.sleep(0.25)

        arrivals = OpenLoop(10, ask, most=2)
        await arrivals.run(6)
        assert (asked, arrivals.missed) == ([0, 1, 3, 4], 2)

    run_virtually(main)


def test_a_rate_of_nothing_brings_nobody() -> None:
    async def main(loop: VirtualLoop) -> None:
        async def ask(_arrival: int, _due_s: float) -> None:
            raise AssertionError("nobody was to come")

        await OpenLoop(0, ask).run()
        assert loop.time() == 0

    run_virtually(main)
