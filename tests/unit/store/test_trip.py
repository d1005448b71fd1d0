"""Trips: a batched call that goes, and whose answers are told, without a task; and what becomes of it otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from tidegate.errors import StoreUnavailable
from tidegate.metrics import Metrics
from tidegate.store.batch import Batch, is_any_busy
from tidegate.store.client import connect
from tidegate.store.embedded import socket_url
from tidegate.store.scripts import Script, StoreClient, time_scripts
from tidegate.store.trip import Trip

ADD_ALL = """-- add_all: add to numbers.
--
-- KEYS     the numbers
-- ARGV     how much to each
--
-- Returns the sums.
local sums = {}
for i, key in ipairs(KEYS) do sums[i] = redis.call('INCRBY', key, ARGV[i]) end
return sums
"""
Item = tuple[str, int]
AddAll = Trip[Item, int]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    (tmp_path / "add_all.lua").write_text(ADD_ALL)
    return Script("add_all", tmp_path)


def ask(items: list[Item]) -> tuple[list[bytes], list[Any]]:
    return [name.encode() for name, _ in items], [much for _, much in items]


def read(items: list[Item], answer: list[int]) -> list[int]:
    return answer


async def warm(client: StoreClient, script: Script) -> None:
    """Have the wire open, and the script known."""
    await script(client, ["warm"], [1])


def tasks() -> int:
    return len(asyncio.all_tasks())


async def test_a_call_goes_and_is_answered_without_a_task(client: StoreClient, script: Script) -> None:
    await warm(client, script)
    batch = Batch(AddAll(client, script, ask, read))
    before = tasks()

    answers = [batch.put(("n", 1)), batch.put(("n", 2)), batch.put(("m", 5))]
    seen = set()
    while not all(answer.done() for answer in answers):
        seen.add(tasks())
        await asyncio.sleep(0)

    assert [answer.result() for answer in answers] == [1, 3, 5]
    assert seen == {before}


async def test_who_comes_while_it_is_under_way_goes_in_the_next(client: StoreClient, script: Script) -> None:
    await warm(client, script)
    asked: list[int] = []

    def noted(items: list[Item]) -> tuple[list[bytes], list[Any]]:
        asked.append(len(items))
        return ask(items)

    batch = Batch(AddAll(client, script, noted, read), most=2)
    first = batch.put(("n", 1))
    await asyncio.sleep(0)
    others = [batch.put(("n", 1)) for _ in range(3)]

    assert await asyncio.gather(first, *others) == [1, 2, 3, 4]
    assert asked == [1, 2, 1]


async def test_who_has_left_is_told_of_in_that_step_before_anything_is_answered(
    client: StoreClient, script: Script
) -> None:
    await warm(client, script)
    steps: list[Any] = []

    def noted(items: list[Item], answer: list[int]) -> list[int]:
        steps.append(answer)
        return answer

    batch = Batch(AddAll(client, script, ask, noted, steps.append), most=1)
    answers = [batch.put(("n", 1)), batch.put(("m", 5))]
    await asyncio.sleep(0)

    assert steps == [[("n", 1)]]
    assert await asyncio.gather(*answers) == [1, 5]
    assert steps == [[("n", 1)], [1], [("m", 5)], [5]]


async def test_of_what_did_not_leave_nobody_is_told(script: Script) -> None:
    left: list[list[Item]] = []
    async with await connect("redis://127.0.0.1:1") as nowhere:
        batch = Batch(AddAll(nowhere.client, script, ask, read, left.append))
        with pytest.raises(StoreUnavailable):
            await batch(("n", 1))

    assert left == []


async def test_it_is_told_that_what_nobody_waits_for_was_carried_out(client: StoreClient, script: Script) -> None:
    await warm(client, script)
    told: list[tuple[list[Item], Exception | None]] = []
    batch = Batch(AddAll(client, script, ask, read), ended=lambda *what: told.append(what))

    batch.in_passing(("n", 3))
    assert await batch(("n", 1)) == 1

    assert told == [([("n", 3)], None)]


async def test_a_fault_is_told_as_well(script: Script) -> None:
    told: list[tuple[list[Item], Exception | None]] = []
    async with await connect("redis://127.0.0.1:1") as nowhere:
        batch = Batch(AddAll(nowhere.client, script, ask, read), ended=lambda *what: told.append(what))
        batch.in_passing(("n", 3))
        with pytest.raises(StoreUnavailable):
            await batch(("n", 1))

    ((items, fault),) = told
    assert items == [("n", 3)]
    assert isinstance(fault, StoreUnavailable)


async def test_a_server_that_forgot_the_script_is_told_it_again(client: StoreClient, script: Script) -> None:
    await warm(client, script)
    batch = Batch(AddAll(client, script, ask, read))
    await client.execute_command("SCRIPT FLUSH")

    assert await asyncio.gather(batch(("n", 1)), batch(("n", 1))) == [1, 2]


async def test_an_item_that_breaks_the_script_fails_alone(client: StoreClient, script: Script) -> None:
    await warm(client, script)
    assert isinstance(client, Redis)
    await client.rpush("list", "a")
    batch = Batch(AddAll(client, script, ask, read))

    answers = await asyncio.gather(*(batch((name, 0)) for name in "ab"), batch(("list", 1)), return_exceptions=True)

    assert answers[:2] == [0, 0]
    assert isinstance(answers[2], ResponseError)


@pytest.mark.parametrize("breaks", ["ask", "read"])
async def test_an_item_that_can_not_be_asked_for_or_read_fails_alone(
    client: StoreClient, script: Script, breaks: str
) -> None:
    await warm(client, script)

    def guarded(how: str, then: Callable[..., Any]) -> Callable[..., Any]:
        def guard(items: list[Item], *rest: Any) -> Any:
            if how == breaks and ("bad", 0) in items:
                raise ValueError("bad")
            return then(items, *rest)

        return guard

    batch = Batch(AddAll(client, script, guarded("ask", ask), guarded("read", read)))

    answers = await asyncio.gather(batch(("n", 0)), batch(("bad", 0)), batch(("m", 0)), return_exceptions=True)

    assert [answers[0], answers[2]] == [0, 0]
    assert isinstance(answers[1], ValueError)


async def test_too_few_answers_leave_nobody_waiting(client: StoreClient, script: Script) -> None:
    await warm(client, script)
    batch = Batch(AddAll(client, script, ask, lambda items, answer: answer[:1] if len(items) > 1 else answer))

    async with asyncio.timeout(5):
        assert await asyncio.gather(batch(("n", 0)), batch(("m", 0))) == [0, 0]


async def test_what_is_still_to_be_done_for_the_answers_is_waited_for(client: StoreClient, script: Script) -> None:
    await warm(client, script)
    begun, done = asyncio.Event(), asyncio.Event()

    def slowly(items: list[Item], answer: list[int]) -> Awaitable[list[int]]:
        async def wait() -> list[int]:
            begun.set()
            await done.wait()
            return answer

        return wait()

    batch = Batch(AddAll(client, script, ask, slowly))
    first = batch.put(("n", 1))
    await begun.wait()
    later = batch.put(("n", 1))
    assert not first.done()

    done.set()

    assert (await first, await later) == (1, 2)


async def test_a_lost_call_is_made_once_more(valkey_socket: str, script: Script) -> None:
    async with await connect(socket_url(valkey_socket)) as connection:
        client = connection.client
        assert isinstance(client, Redis)
        await client.flushall()
        await warm(client, script)
        batch, metrics = Batch(AddAll(client, script, ask, read)), Metrics()
        time_scripts(client, metrics)
        waits = batch.put(("n", 1))
        await asyncio.sleep(0)
        async with Redis(unix_socket_path=valkey_socket) as other:
            # It is read after the call or before it; either way its connection is gone.
            await other.execute_command("CLIENT KILL", "TYPE", "normal", "SKIPME", "yes")  # type: ignore[no-untyped-call]  # it has no hints

        assert await waits in (1, 2)
        assert await batch(("m", 1)) == 1
        assert b'tidegate_store_seconds_count{script="add_all"}' in metrics.exposition()


async def test_what_a_begun_call_meets_is_what_any_call_would_raise_and_is_counted_so(
    client: StoreClient, tmp_path: Path
) -> None:
    full, metrics = "return redis.error_reply('OOM command not allowed when used memory > maxmemory')", Metrics()
    (tmp_path / "add_all.lua").write_text(f"-- add_all: find the store full.\n{full}\n")
    script = Script("add_all", tmp_path)
    time_scripts(client, metrics)
    with pytest.raises(StoreUnavailable):
        await warm(client, script)

    with pytest.raises(StoreUnavailable, match="OutOfMemoryError"):
        await Batch(AddAll(client, script, ask, read))(("n", 1))

    told = metrics.exposition()
    # Once when it was made known, and twice when it was asked.
    assert b'tidegate_store_failures_total{script="add_all"} 3.0' in told
    assert b'tidegate_store_seconds_count{script="add_all"} 0.0' in told


async def test_a_begun_call_is_timed(client: StoreClient, script: Script) -> None:
    await warm(client, script)
    metrics = Metrics()
    time_scripts(client, metrics)

    assert await Batch(AddAll(client, script, ask, read))(("n", 1)) == 1

    assert b'tidegate_store_seconds_count{script="add_all"} 1.0' in metrics.exposition()


async def test_it_is_known_whether_a_call_is_under_way(client: StoreClient, script: Script) -> None:
    await warm(client, script)
    batch = Batch(AddAll(client, script, ask, read), linger_s=0.005)

    waits = batch.put(("n", 1))
    assert batch.is_busy
    assert is_any_busy()
    await waits
    await asyncio.sleep(0)

    assert not batch.is_busy
