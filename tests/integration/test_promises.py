"""Promised calls: each on a connection of its own, and none behind one that waits for replicas."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from tests.integration.test_client import OwnServer, own_server
from tidegate.errors import StoreUnavailable
from tidegate.store.client import StoreConnection, connect
from tidegate.store.promises import Promises
from tidegate.store.pulse import NoConnection

KEY = b"tidegate:{red}:clock"
#: The server has no replica: one is waited for in vain, and none is there at once.
IN_VAIN, AT_ONCE = 1, 0


@pytest.fixture
async def server() -> AsyncIterator[OwnServer]:
    async with own_server({}) as started:
        yield started


def promises_of(connection: StoreConnection) -> Promises:
    promises: Promises = connection.client.connection_pool.promises  # type: ignore[union-attr]  # a cluster has none
    return promises


async def connections(server: OwnServer) -> int:
    """Those that somebody else has."""
    return len(await server.admin.client_list()) - 1


async def test_one_goes_on_while_others_wait_for_replicas(server: OwnServer) -> None:
    async with await connect(server.url) as connection:
        promises = promises_of(connection)
        in_vain = [asyncio.ensure_future(promises.call(IN_VAIN, KEY, "ECHO", n)) for n in range(3)]
        goes_on = asyncio.ensure_future(promises.call(AT_ONCE, KEY, "ECHO", "goes on"))

        first, _ = await asyncio.wait([*in_vain, goes_on], return_when=asyncio.FIRST_COMPLETED)

        assert first == {goes_on}
        told = await asyncio.gather(*in_vain, return_exceptions=True)
        assert [str(one) for one in told] == ["the store is unavailable: 0 of 1 replicas hold what was written"] * 3
        assert await promises.call(AT_ONCE, KEY, "ECHO", "again") == b"again"


async def test_those_that_follow_each_other_share_a_connection(server: OwnServer) -> None:
    async with await connect(server.url) as connection:
        promises = promises_of(connection)

        ids = [await promises.call(AT_ONCE, KEY, "CLIENT", "ID") for _ in range(5)]

        assert len(set(ids)) == 1
        assert await connections(server) == 1


async def test_it_goes_in_this_step_where_a_connection_is_free(server: OwnServer) -> None:
    async with await connect(server.url) as connection:
        promises = promises_of(connection)
        told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        assert not promises.begin(AT_ONCE, KEY, ("ECHO", "first"), told.set_result)
        assert await promises.call(AT_ONCE, KEY, "ECHO", "opens one") == b"opens one"

        assert promises.begin(AT_ONCE, KEY, ("ECHO", "second"), told.set_result)
        assert not promises.begin(AT_ONCE, KEY, ("ECHO", "third"), told.set_result)

        assert await told == b"second"
        assert await connections(server) == 1


async def test_a_fault_of_the_command_is_its_own(server: OwnServer) -> None:
    async with await connect(server.url) as connection:
        with pytest.raises(ResponseError, match="unknown command"):
            await promises_of(connection).call(AT_ONCE, KEY, "NO-SUCH-COMMAND")


async def test_what_can_not_be_written_takes_no_connection_along(server: OwnServer) -> None:
    async with await connect(f"{server.url}?max_connections=1") as connection:
        promises = promises_of(connection)
        assert await promises.call(AT_ONCE, KEY, "ECHO", "opens one") == b"opens one"

        with pytest.raises(TypeError):
            promises.begin(AT_ONCE, KEY, ("ECHO", None), lambda answer: None)
        with pytest.raises(UnicodeEncodeError):
            await promises.call(AT_ONCE, KEY, "ECHO", "\ud83d")

        assert await promises.call(AT_ONCE, KEY, "ECHO", "again") == b"again"


async def test_there_is_something_to_wait_for_though_the_command_wrote_nothing(server: OwnServer) -> None:
    async with await connect(server.url) as connection:
        with pytest.raises(StoreUnavailable):
            await promises_of(connection).call(IN_VAIN, KEY, "ECHO", "nothing")

    assert 0 < await server.admin.pttl("tidegate:{red}:promise") <= 60_000


async def test_no_more_connections_are_opened_than_it_may_have(server: OwnServer) -> None:
    async with await connect(f"{server.url}?max_connections=2") as connection:
        promises = promises_of(connection)

        echoes = (promises.call(AT_ONCE, KEY, "ECHO", n) for n in range(20))

        assert await asyncio.gather(*echoes) == [b"%d" % n for n in range(20)]
        assert await connections(server) == 2


async def test_who_waits_too_long_for_a_connection_asked_nothing(
    server: OwnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidegate.store.client.TIMEOUT_S", 0.4)
    async with await connect(f"{server.url}?max_connections=1") as connection:
        promises = promises_of(connection)
        told = await asyncio.gather(
            *(promises.call(IN_VAIN, KEY, "INCR", "n") for _ in range(5)), return_exceptions=True
        )

        kinds = [type(one) for one in told]
        assert set(kinds) == {StoreUnavailable, NoConnection}
        assert await server.admin.get("n") == b"%d" % kinds.count(StoreUnavailable)
        assert await promises.call(AT_ONCE, KEY, "ECHO", "again") == b"again"


async def test_whoever_is_cancelled_leaves_its_connection_to_the_next(server: OwnServer) -> None:
    async with await connect(f"{server.url}?max_connections=1") as connection:
        promises = promises_of(connection)
        calls = [asyncio.ensure_future(promises.call(AT_ONCE, KEY, "ECHO", n)) for n in range(4)]
        await asyncio.sleep(0)
        # The first connects, the others wait for its connection.
        calls[0].cancel()
        calls[2].cancel()
        assert await calls[1] == b"1"

        asked = asyncio.ensure_future(promises.call(AT_ONCE, KEY, "ECHO", "asked"))
        await calls[3]
        await asyncio.sleep(0)
        asked.cancel()

        assert await promises.call(AT_ONCE, KEY, "ECHO", "again") == b"again"


@pytest.mark.impatient
async def test_a_call_without_an_answer_fails_and_its_connection_is_replaced(server: OwnServer) -> None:
    async with await connect(server.url) as connection:
        promises = promises_of(connection)
        await promises.call(AT_ONCE, KEY, "ECHO", "opens one")
        os.kill(server.process.pid, signal.SIGSTOP)

        with pytest.raises(RedisTimeoutError):
            await promises.call(AT_ONCE, KEY, "ECHO", 1)

        os.kill(server.process.pid, signal.SIGCONT)
        assert await promises.call(AT_ONCE, KEY, "ECHO", "again") == b"again"


async def test_those_that_are_closed_open_nothing(server: OwnServer) -> None:
    connection = await connect(server.url)
    promises = promises_of(connection)
    await promises.call(AT_ONCE, KEY, "ECHO", "opens one")
    os.kill(server.process.pid, signal.SIGSTOP)
    waits = asyncio.ensure_future(promises.call(AT_ONCE, KEY, "ECHO", 1))
    await asyncio.sleep(0)

    await connection.aclose()

    with pytest.raises(RedisConnectionError):
        await waits
    with pytest.raises(NoConnection):
        await promises.call(AT_ONCE, KEY, "ECHO", 1)
    assert not promises.begin(AT_ONCE, KEY, ("ECHO", 1), lambda answer: None)
