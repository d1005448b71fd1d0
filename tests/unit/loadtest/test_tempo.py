"""Time that leaps: to the next timer while there is work, else past the looks of duties to what comes next."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from fakeredis import FakeStrictRedis

from loadtest.leaping.tempo import EPOCH_MS, GRAIN_MS, Tempo
from tidegate.store.client import StoreConnection, connect
from tidegate.store.embedded import socket_url
from tidegate.store.keys import PortfolioKeys
from tidegate.store.wire import Wire

DAY_MS = 86_400_000


def run(main: Callable[[Tempo], Awaitable[None]]) -> None:
    tempo = Tempo()
    try:
        tempo.run_until_complete(main(tempo))
    finally:
        tempo.close()


def test_a_day_of_sleep_takes_no_time_and_ends_to_the_millisecond() -> None:
    async def main(tempo: Tempo) -> None:
        await asyncio.sleep(86_400)
        assert tempo.now_ms() == EPOCH_MS + DAY_MS

    run(main)


def test_the_shortest_leap_is_a_grain() -> None:
    async def main(tempo: Tempo) -> None:
        await asyncio.sleep(0.001)
        assert tempo.now_ms() == EPOCH_MS + GRAIN_MS

    run(main)


def test_no_time_passes_while_something_is_done_beside_the_loop() -> None:
    async def main(tempo: Tempo) -> None:
        seen: list[int] = []
        task = tempo.create_task(naps(1, seen, tempo))
        await asyncio.sleep(0.5)
        assert await asyncio.to_thread(sum, range(1_000_000)) == 499_999_500_000
        assert (seen, tempo.now_ms()) == ([], EPOCH_MS + 500)
        task.cancel()

    run(main)


async def looks(every_s: float, seen: list[int], tempo: Tempo) -> None:
    while True:
        try:
            async with asyncio.timeout(every_s):
                await asyncio.Event().wait()
        except TimeoutError:
            seen.append(tempo.now_ms() - EPOCH_MS)


async def naps(every_s: float, seen: list[int], tempo: Tempo) -> None:
    while True:
        await asyncio.sleep(every_s)
        seen.append(tempo.now_ms() - EPOCH_MS)


def test_with_work_in_hand_no_timer_is_passed_over() -> None:
    async def main(tempo: Tempo) -> None:
        seen: list[int] = []
        task = tempo.create_task(looks(0.25, seen, tempo))
        await asyncio.sleep(1.1)
        task.cancel()
        assert seen == [250, 500, 750, 1_000]

    run(main)


def test_without_work_the_looks_of_duties_are_passed_over_and_other_sleeps_are_not() -> None:
    async def main(tempo: Tempo) -> None:
        looked, dozed, slept = [], [], []
        tempo.lookers = frozenset({"duty"})
        tasks = [
            tempo.create_task(looks(0.25, looked, tempo)),
            tempo.create_task(naps(1, dozed, tempo), name="duty"),
            tempo.create_task(naps(40, slept, tempo), name="no duty"),
        ]
        await asyncio.sleep(0.02)
        tempo.has_work = lambda: False
        await asyncio.sleep(100)
        for task in tasks:
            task.cancel()
        assert (len(looked), len(dozed)) == (3, 3)
        assert [at_ms // 1_000 for at_ms in slept] == [40, 80]

    run(main)


def test_what_only_others_know_of_is_not_passed_over() -> None:
    async def main(tempo: Tempo) -> None:
        seen: list[int] = []
        task = tempo.create_task(looks(0.25, seen, tempo))
        await asyncio.sleep(0.02)
        tempo.has_work = lambda: False
        tempo.next_ms = lambda: EPOCH_MS + 7_000 if tempo.now_ms() < EPOCH_MS + 7_000 else None
        await asyncio.sleep(60)
        task.cancel()
        assert seen[0] == 7_000

    run(main)


def test_the_store_follows_and_then_stands_still_between_two_leaps() -> None:
    store = FakeStrictRedis()
    key = PortfolioKeys("acme").clock

    async def main(tempo: Tempo) -> None:
        tempo.lead(store, "acme")
        seconds, micros = store.time()
        shift_ms = int(store.get(key))
        assert abs(seconds * 1000 + micros // 1000 + shift_ms - EPOCH_MS) < 60_000
        tempo.freeze(store, "acme")
        assert store.get(key) == b"@%d" % (EPOCH_MS + 1_000)
        await asyncio.sleep(5)
        assert store.get(key) == b"@%d" % (EPOCH_MS + 6_000)

    run(main)


def wire_of(connection: StoreConnection) -> Wire:
    wire: Wire = connection.client.connection_pool.wire  # type: ignore[union-attr]  # a cluster has none
    return wire


def test_no_time_passes_while_the_store_owes_an_answer(valkey_socket: str) -> None:
    async def main(tempo: Tempo) -> None:
        async with await connect(socket_url(valkey_socket)) as connection:
            asked_ms = tempo.now_ms()
            assert await wire_of(connection).call("BLPOP", "nobody fills it", "0.2") is None
            assert tempo.now_ms() == asked_ms

    run(main)


def test_without_work_nobody_looks_whether_the_store_has_answered(valkey_socket: str) -> None:
    async def main(tempo: Tempo) -> None:
        leapt_from: list[int] = []

        def nothing_comes() -> None:
            leapt_from.append(tempo.now_ms() - EPOCH_MS)

        async with await connect(socket_url(valkey_socket)) as connection:
            assert await wire_of(connection).call("PING") == b"PONG"
            tempo.has_work, tempo.next_ms = lambda: False, nothing_comes
            await asyncio.sleep(100)
            assert leapt_from == [0]

    run(main)
