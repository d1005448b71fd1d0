"""The wire: calls that follow each other on one connection, each with its own answer."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvloop
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from tests.integration.test_client import OwnServer, own_server
from tidegate.store.client import StoreConnection, connect
from tidegate.store.embedded import socket_url
from tidegate.store.pulse import NoConnection
from tidegate.store.wire import Wire
from tidegate.store.witness import Witness, identify


def wire_of(connection: StoreConnection) -> Wire:
    wire: Wire = connection.client.connection_pool.wire  # type: ignore[union-attr]  # a cluster has none
    return wire


@pytest.fixture
async def wire(valkey_socket: str) -> AsyncIterator[Wire]:
    async with await connect(socket_url(valkey_socket)) as connection:
        await connection.client.flushall()
        yield wire_of(connection)


async def test_each_gets_its_own_answer_though_nobody_waits_for_the_others(wire: Wire) -> None:
    echoes = [wire.call("ECHO", f"word {number}") for number in range(500)]

    assert await asyncio.gather(*echoes) == [f"word {number}".encode() for number in range(500)]


async def test_all_go_by_one_connection(wire: Wire) -> None:
    assert len(set(await asyncio.gather(*(wire.call("CLIENT", "ID") for _ in range(20))))) == 1


async def test_what_is_large_comes_whole(wire: Wire) -> None:
    large = os.urandom(3_000_000)

    assert (await asyncio.gather(wire.call("ECHO", large), wire.call("ECHO", b"small"))) == [large, b"small"]


async def test_an_error_is_told_to_the_one_who_made_it(wire: Wire) -> None:
    before, wrong, after = await asyncio.gather(
        wire.call("ECHO", 1), wire.call("NO-SUCH-COMMAND"), wire.call("ECHO", 2), return_exceptions=True
    )

    assert (before, type(wrong), after) == (b"1", ResponseError, b"2")


async def test_whoever_is_cancelled_loses_no_answer_but_its_own(wire: Wire) -> None:
    await wire.call("PING")
    first, second = (asyncio.ensure_future(wire.call("ECHO", word)) for word in ("first", "second"))
    await asyncio.sleep(0)

    first.cancel()

    assert await second == b"second"


async def test_whoever_is_cancelled_while_it_connects_leaves_the_others_their_connection(wire: Wire) -> None:
    first, second = (asyncio.ensure_future(wire.call("ECHO", word)) for word in ("first", "second"))
    await asyncio.sleep(0)

    first.cancel()

    assert await second == b"second"


async def test_what_gets_no_answer_in_time_takes_all_along_that_wait_behind_it() -> None:
    async with own_server({}) as server, await connect(server.url) as connection:
        wire = wire_of(connection)
        await wire.call("PING")
        os.kill(server.process.pid, signal.SIGSTOP)

        told = await asyncio.gather(*(wire.call("INCR", "n") for _ in range(3)), return_exceptions=True)

        assert [type(one) for one in told] == [RedisTimeoutError] * 3
        os.kill(server.process.pid, signal.SIGCONT)
        # The server answers this when it is done with all that was asked of it before.
        assert await server.admin.get("n") == b"3"
        assert await wire.call("ECHO", "again") == b"again"


@pytest.mark.parametrize("run", [uvloop.run, asyncio.run], ids=["on a node's loop", "on the loop of others"])
def test_a_connection_that_is_lost_is_told_to_whoever_waits_and_replaced(run: Any) -> None:
    async def lose(server: OwnServer, connection: StoreConnection) -> None:
        wire = wire_of(connection)
        await wire.call("PING")
        waits = asyncio.ensure_future(wire.call("BLPOP", "nothing", 0))
        await server.admin.execute_command("CLIENT KILL", "TYPE", "normal", "SKIPME", "yes")  # type: ignore[no-untyped-call]  # it has no hints

        with pytest.raises(RedisConnectionError):
            await waits
        assert await wire.call("ECHO", "again") == b"again"

    async def with_server() -> None:
        async with own_server({}) as server, await connect(server.url) as connection:
            await lose(server, connection)

    run(with_server())


async def test_a_wire_that_is_closed_opens_nothing(valkey_socket: str) -> None:
    connection = await connect(socket_url(valkey_socket))
    wire = wire_of(connection)
    await wire.call("PING")
    waits = asyncio.ensure_future(wire.call("BLPOP", "nothing", 0))
    await asyncio.sleep(0)

    await connection.aclose()

    with pytest.raises(RedisConnectionError):
        await waits
    with pytest.raises(NoConnection):
        await wire.call("PING")


async def test_a_server_that_is_not_trusted_any_more_is_asked_nothing(valkey_socket: str) -> None:
    witness = Witness()
    async with await connect(socket_url(valkey_socket), witness=witness) as connection:
        async with connection.unwatched() as aside:
            witness.trust((await identify(aside.client)).run_id)
        wire = wire_of(connection)
        assert await wire.call("ECHO", "trusted") == b"trusted"

        witness.doubt()

        with pytest.raises(NoConnection):
            await wire.call("ECHO", "doubted")
