"""The loop and the network of deterministic runs."""

from __future__ import annotations

import asyncio

import pytest

from tests.deterministic.corpus import Entry, read_corpus
from tests.deterministic.loop import PROCESS, Deadlock, DeterministicLoop, run
from tests.deterministic.network import Address, MemoryNetwork

HERE = Address("10.0.0.1", 80)


def test_a_day_takes_no_time_and_timers_fire_in_their_order() -> None:
    async def main(loop: DeterministicLoop) -> tuple[list[str], float]:
        fired: list[str] = []
        loop.call_later(86_400, fired.append, "a day")
        loop.call_later(1, fired.append, "a second")
        began = loop.time()
        await asyncio.sleep(86_401)
        return fired, loop.time() - began

    assert run(1, main) == (["a second", "a day"], 86_401)


def test_a_killed_process_never_runs_again_not_even_its_finally_blocks() -> None:
    async def main(loop: DeterministicLoop) -> list[str]:
        MemoryNetwork(loop, 1)
        said: list[str] = []

        async def work() -> None:
            try:
                await asyncio.sleep(2)
                said.append("went on")
            finally:
                said.append("cleaned up")

        loop.spawn("a", work())
        await asyncio.sleep(1)
        loop.kill("a")
        await asyncio.sleep(60)
        return list(said)

    assert run(1, main) == []


def test_a_stopped_process_goes_on_later_and_finds_its_timers_due() -> None:
    async def main(loop: DeterministicLoop) -> float:
        MemoryNetwork(loop, 1)
        began = loop.time()

        async def work() -> float:
            await asyncio.sleep(1)
            return loop.time() - began

        task = loop.spawn("a", work())
        await asyncio.sleep(0.5)
        loop.stop_process("a")
        await asyncio.sleep(30)
        loop.continue_process("a")
        return await task

    assert run(1, main) == 30.5


def test_tasks_that_a_process_begins_are_its_own() -> None:
    async def main(loop: DeterministicLoop) -> str:
        async def inner() -> str:
            return PROCESS.get()

        async def work() -> str:
            return await asyncio.create_task(inner())

        return await loop.spawn("a", work())

    assert run(1, main) == "a"


def test_processes_take_turns_by_the_seed_and_each_keeps_its_own_order() -> None:
    def order(seed: int) -> list[str]:
        async def main(loop: DeterministicLoop) -> list[str]:
            said: list[str] = []

            async def work(name: str) -> None:
                for step in range(8):
                    said.append(f"{name}{step}")
                    await asyncio.sleep(0)

            await asyncio.gather(loop.spawn("a", work("a")), loop.spawn("b", work("b")))
            return said

        return run(seed, main)

    assert order(1) == order(1)
    assert len({tuple(order(seed)) for seed in range(8)}) > 1
    assert all([step for step in order(seed) if step[0] == "a"] == [f"a{i}" for i in range(8)] for seed in range(8))


def test_a_wait_for_what_nobody_will_do_is_told() -> None:
    async def main(loop: DeterministicLoop) -> None:
        await loop.create_future()

    with pytest.raises(Deadlock):
        run(1, main)


async def _echo(loop: DeterministicLoop, network: MemoryNetwork) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        await reader.read()
        writer.close()

    async def listen() -> None:
        await asyncio.start_server(serve, *HERE)

    await loop.spawn("server", listen())


def test_what_is_written_arrives_at_the_other_end() -> None:
    async def main(loop: DeterministicLoop) -> bytes:
        await _echo(loop, MemoryNetwork(loop, 1))
        reader, writer = await asyncio.open_connection(*HERE)
        writer.write(b"Hello\n")
        answer = await reader.readline()
        writer.close()
        return answer

    assert run(1, main) == b"Hello\n"


def test_who_talks_to_a_killed_process_gets_a_reset_and_then_nobody_listens() -> None:
    async def main(loop: DeterministicLoop) -> None:
        await _echo(loop, MemoryNetwork(loop, 1))
        reader, _ = await asyncio.open_connection(*HERE)
        loop.kill("server")
        with pytest.raises(ConnectionResetError):
            await reader.read()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*HERE)

    run(1, main)


def test_a_cut_keeps_what_is_written_until_it_is_mended() -> None:
    async def main(loop: DeterministicLoop) -> float:
        network = MemoryNetwork(loop, 1)
        await _echo(loop, network)

        async def ask() -> float:
            reader, writer = await asyncio.open_connection(*HERE)
            network.cut("client", "server")
            began = loop.time()
            writer.write(b"Hello\n")
            assert await reader.readline() == b"Hello\n"
            writer.close()
            return loop.time() - began

        asking = loop.spawn("client", ask())
        await asyncio.sleep(5)
        network.mend("client", "server")
        return await asking

    assert 4.9 < run(1, main) < 5.1


def test_the_corpus_is_read_with_its_reasons() -> None:
    assert read_corpus("# said\n\n7 faults  # it lost one\n") == (Entry(7, "faults", "it lost one"),)


@pytest.mark.parametrize("line", ["7 faults", "7 earthquakes # shook", "x faults # why", "7 # why"])
def test_a_line_of_the_corpus_without_seed_profile_or_reason_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="has to be"):
        read_corpus(line)
