"""The waiting room of a number: the urgent first, the rate kept, nobody starved, nobody forgotten."""

import asyncio

from tests.virtual_loop import VirtualLoop, run_virtually
from tidegate.clock import StoreClock
from tidegate.pacer import FLOOR_EVERY, Pacer, Room

EMISSION_MS = 12.5
CODE, REPLY, CAMPAIGN = 0, 4, 6


def a_room(loop: VirtualLoop) -> tuple[Room, StoreClock]:
    clock = StoreClock(monotonic=loop.time)
    clock.observe(1_000_000)
    return Pacer(clock).room("106540352242922"), clock


async def turn(room: Room, clock: StoreClock, priority: int, turns: list[tuple[int, int]], limit_ms: float) -> bool:
    has_turn = await room.wait(priority, clock.monotonic_ms(), None, EMISSION_MS, limit_ms)
    if has_turn:
        turns.append((priority, clock.now_ms()))
    return has_turn


def test_turns_come_at_the_rate_and_in_order_of_arrival() -> None:
    async def main(loop: VirtualLoop) -> list[tuple[int, int]]:
        room, clock = a_room(loop)
        turns: list[tuple[int, int]] = []
        opens = room.wait(CAMPAIGN, clock.monotonic_ms(), clock.now_ms() + 50, EMISSION_MS, 10_000)
        await asyncio.gather(opens, *(turn(room, clock, CAMPAIGN, turns, 10_000) for _ in range(80)))
        return turns

    turns = run_virtually(main)
    assert len(turns) == 80
    assert turns[-1][1] - 1_000_000 == 50 + 80 * EMISSION_MS, "the first when the room opens, 80 intervals for 80 more"


def test_who_came_first_goes_first_however_late_they_wait() -> None:
    async def main(loop: VirtualLoop) -> list[str]:
        room, clock = a_room(loop)
        turns: list[str] = []

        async def waits(name: str, came_ms: float) -> None:
            if await room.wait(CAMPAIGN, came_ms, clock.now_ms() + 50, EMISSION_MS, 10_000):
                turns.append(name)

        now_ms = clock.monotonic_ms()
        await asyncio.gather(waits("later", now_ms), waits("same time", now_ms), waits("earlier", now_ms - 1))
        return turns

    assert run_virtually(main) == ["earlier", "later", "same time"]


def test_a_code_that_arrives_last_goes_next() -> None:
    async def main(loop: VirtualLoop) -> list[tuple[int, int]]:
        room, clock = a_room(loop)
        turns: list[tuple[int, int]] = []
        waiting = [asyncio.ensure_future(turn(room, clock, CAMPAIGN, turns, 10_000)) for _ in range(40)]
        await asyncio.sleep(0.1)
        before = len(turns)
        await turn(room, clock, CODE, turns, 10_000)
        assert turns[before][0] == CODE
        await asyncio.gather(*waiting)
        return turns

    assert len(run_virtually(main)) == 41


def test_a_campaign_keeps_a_floor_under_endless_codes() -> None:
    async def main(loop: VirtualLoop) -> list[int]:
        room, clock = a_room(loop)
        turns: list[tuple[int, int]] = []
        crowd = [turn(room, clock, CODE, turns, 100_000) for _ in range(FLOOR_EVERY * 4)]
        campaign = [turn(room, clock, CAMPAIGN, turns, 100_000) for _ in range(3)]
        await asyncio.gather(*crowd, *campaign)
        return [priority for priority, _ in turns]

    order = run_virtually(main)
    assert order.index(CAMPAIGN) == FLOOR_EVERY - 1
    assert order[: FLOOR_EVERY * 3].count(CAMPAIGN) == 3


def test_whoever_waits_too_long_leaves_without_a_turn_and_blocks_nobody() -> None:
    async def main(loop: VirtualLoop) -> tuple[list[bool], int]:
        room, clock = a_room(loop)
        turns: list[tuple[int, int]] = []
        impatient = [turn(room, clock, CODE, turns, 30) for _ in range(10)]
        patient = [turn(room, clock, CAMPAIGN, turns, 10_000)]
        got = await asyncio.gather(*impatient, *patient)
        return list(got), turns[-1][0]

    got, last = run_virtually(main)
    assert 2 <= sum(got[:10]) <= 4, "those whose turn came within 30 ms"
    assert got[10], "the patient one got its turn"
    assert last == CAMPAIGN


def test_an_empty_room_keeps_nobody_waiting_for_others() -> None:
    async def main(loop: VirtualLoop) -> int | None:
        room, _ = a_room(loop)
        return room.turn_at_ms(CODE)

    assert run_virtually(main) is None


def test_the_expected_turn_counts_only_those_who_go_before() -> None:
    async def main(loop: VirtualLoop) -> tuple[int | None, int | None]:
        room, clock = a_room(loop)
        turns: list[tuple[int, int]] = []
        opens = asyncio.ensure_future(room.wait(REPLY, clock.monotonic_ms(), clock.now_ms() + 100, EMISSION_MS, 1_000))
        others = [asyncio.ensure_future(turn(room, clock, CAMPAIGN, turns, 1_000)) for _ in range(7)]
        await asyncio.sleep(0)
        expected = room.turn_at_ms(CODE), room.turn_at_ms(CAMPAIGN)
        await asyncio.gather(opens, *others)
        return expected

    code, campaign = run_virtually(main)
    assert code is None, "nobody goes before a code"
    assert campaign == 1_000_000 + 100 + 8 * EMISSION_MS
