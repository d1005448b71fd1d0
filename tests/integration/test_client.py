"""Clients on real servers: they give up early, say so in one way, never repeat themselves, and come back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import uvloop
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from tests.ports import free_port
from tests.waiting import until
from tidegate.errors import StoreUnavailable
from tidegate.store.client import connect
from tidegate.store.condition import Server, inspect
from tidegate.store.embedded import socket_url
from tidegate.store.faults import store_faults
from tidegate.store.pulse import NoConnection
from tidegate.store.scripts import Script, StoreClient
from tidegate.store.valkey_process import SOCKET_NAME, ValkeyProcess, server_binary

FORGETFUL = {"save": "", "appendonly": "no"}
LOOPBACK = {"bind": "127.0.0.1", "protected-mode": "no"}

ADD = """-- add: add to a number.
return redis.call('INCRBY', KEYS[1], ARGV[1])
"""
# Adds, then keeps the server busy for longer than any client waits.
ADD_SLOWLY = """-- add_slowly: add to a number, and take half a second.
local sum = redis.call('INCRBY', KEYS[1], ARGV[1])
local start = os.clock()
while os.clock() - start < 0.5 do end
return sum
"""


@dataclass(frozen=True)
class OwnServer:
    """A server of one test alone, which may break it."""

    process: ValkeyProcess
    url: str
    admin: Redis  #: patient, and connected before anything breaks


@asynccontextmanager
async def own_server(options: dict[str, str]) -> AsyncIterator[OwnServer]:
    with TemporaryDirectory(prefix="tidegate-test-") as directory:
        process = ValkeyProcess.spawn(Path(directory), FORGETFUL | options)
        socket_path = str(Path(directory, SOCKET_NAME))
        try:
            await process.ready(socket_path, timeout_s=10)
            async with Redis(unix_socket_path=socket_path, single_connection_client=True) as admin:
                await admin.ping()
                yield OwnServer(process, socket_url(socket_path), admin)
        finally:
            os.kill(process.pid, signal.SIGCONT)
            await process.stop(timeout_s=5)


async def ask(admin: Redis, *words: str | int) -> Any:
    return await admin.execute_command(*words)  # type: ignore[no-untyped-call]  # it has no hints


async def is_busy(admin: Redis) -> bool:
    try:
        return not await admin.ping()
    except ResponseError:
        return True


@pytest.fixture
async def server() -> AsyncIterator[OwnServer]:
    # A script that is slow on a machine with much to do is no script that hangs.
    async with own_server({"busy-reply-threshold": "60000"}) as started:
        yield started


@pytest.fixture
def lua(tmp_path: Path) -> Path:
    (tmp_path / "add.lua").write_text(ADD)
    (tmp_path / "add_slowly.lua").write_text(ADD_SLOWLY)
    return tmp_path


class TestAStoreInTrouble:
    @pytest.mark.parametrize(
        "trouble",
        [
            pytest.param(["CONFIG SET", "maxmemory", "1"], id="full"),
            pytest.param(["CONFIG SET", "min-replicas-to-write", "1"], id="too few replicas"),
            pytest.param(["REPLICAOF", "127.0.0.1", "1"], id="a replica"),
            pytest.param(["ACL SETUSER", "default", "-@all", "+hello", "+client"], id="no right to run scripts"),
            pytest.param(["CONFIG SET", "requirepass", "other"], id="another password"),
            pytest.param(["CONFIG SET", "maxclients", "1"], id="no connection left"),
        ],
    )
    async def test_a_script_says_that_the_store_is_unavailable(
        self, server: OwnServer, lua: Path, trouble: list[str]
    ) -> None:
        await ask(server.admin, *trouble)

        async with await connect(server.url) as connection:
            with pytest.raises(StoreUnavailable):
                await Script("add", lua)(connection.client, ["n"], [1])

    @pytest.mark.impatient
    async def test_a_server_busy_with_a_script_is_unavailable_until_it_ends(self, server: OwnServer, lua: Path) -> None:
        await server.admin.config_set("busy-reply-threshold", 1)
        (lua / "spin.lua").write_text("-- spin: for ever.\nwhile true do end\n")

        async with await connect(server.url) as connection:
            with pytest.raises(StoreUnavailable):
                await Script("spin", lua)(connection.client, ["n"], [])
            with pytest.raises(StoreUnavailable, match="BUSY"):
                await Script("add", lua)(connection.client, ["n"], [1])

            await ask(server.admin, "SCRIPT KILL")
            async with asyncio.timeout(10):
                while await is_busy(server.admin):
                    pass

            assert await Script("add", lua)(connection.client, ["n"], [1]) == 1

    async def test_nobody_listens(self, tmp_path: Path, lua: Path) -> None:
        async with await connect(socket_url(str(tmp_path / "none.sock"))) as connection:
            with pytest.raises(StoreUnavailable):
                await Script("add", lua)(connection.client, ["n"], [1])

    @pytest.mark.impatient
    async def test_a_hung_server_is_given_up_and_serves_again_when_it_wakes(self, server: OwnServer, lua: Path) -> None:
        add = Script("add", lua)
        async with await connect(server.url) as connection:
            await add(connection.client, ["n"], [1])
            os.kill(server.process.pid, signal.SIGSTOP)

            # On the connection that is there, then on one that must be made.
            for _ in range(2):
                with pytest.raises(StoreUnavailable):
                    await add(connection.client, ["other"], [1])

            os.kill(server.process.pid, signal.SIGCONT)
            assert await server.admin.ping()
            answers: list[Any] = []

            async def answers_again() -> bool:
                with contextlib.suppress(StoreUnavailable), store_faults:
                    answers.append(await connection.client.get("n"))
                return bool(answers)

            await until(answers_again)
            assert answers == [b"1"], "an answer must not go to the next question"

    @pytest.mark.impatient
    async def test_nobody_waits_for_a_store_that_is_away_and_one_call_at_a_time_finds_out_that_it_is_back(
        self, server: OwnServer
    ) -> None:
        async with await connect(server.url) as connection:
            await connection.client.ping()
            clients_before = await server.admin.info("clients")
            os.kill(server.process.pid, signal.SIGSTOP)

            async def ask() -> str:
                try:
                    with store_faults:
                        await connection.client.ping()
                except StoreUnavailable as fault:
                    return str(fault.__cause__)
                return "answered"

            async def is_known_to_be_away() -> bool:
                return "asked again in a moment" in await ask()

            await until(is_known_to_be_away)
            at_once = Counter(await asyncio.gather(*(ask() for _ in range(500))))
            assert at_once.total() - sum(n for told, n in at_once.items() if "in a moment" in told) <= 1

            os.kill(server.process.pid, signal.SIGCONT)

            async def is_back() -> bool:
                return await ask() == "answered"

            await until(is_back)
            clients = await server.admin.info("clients")
            assert clients["connected_clients"] <= clients_before["connected_clients"] + 1

    @pytest.mark.impatient
    async def test_a_hung_server_holds_up_more_calls_than_there_are_connections_no_longer(
        self, server: OwnServer
    ) -> None:
        async def ask(client: StoreClient) -> None:
            with store_faults:
                await client.get("n")

        async with await connect(server.url + "?max_connections=4") as connection:
            os.kill(server.process.pid, signal.SIGSTOP)
            outcomes = await asyncio.gather(*(ask(connection.client) for _ in range(40)), return_exceptions=True)

        assert all(isinstance(outcome, StoreUnavailable) for outcome in outcomes)
        # Those that have a connection wait for the server; the others did not wait for these to be done, in turn.
        waits = [str(outcome.__cause__) for outcome in outcomes if isinstance(outcome, StoreUnavailable)]
        assert waits.count("No connection available.") > len(waits) / 2

    @pytest.mark.impatient
    async def test_a_script_whose_answer_is_lost_is_not_run_again(self, server: OwnServer, lua: Path) -> None:
        async with await connect(server.url) as connection:
            with pytest.raises(StoreUnavailable):
                await Script("add_slowly", lua)(connection.client, ["n"], [1])

            # The server answers this when it is done with all that was asked of it before.
            assert await server.admin.get("n") == b"1"

    async def test_a_demoted_primary_is_left_for_a_new_connection(self, server: OwnServer, lua: Path) -> None:
        add = Script("add", lua)
        async with await connect(server.url + "") as connection:
            before = await connection.client.connection_pool.wire.call("CLIENT", "ID")
            await ask(server.admin, "REPLICAOF", "127.0.0.1", "1")
            with pytest.raises(StoreUnavailable):
                await add(connection.client, ["n"], [1])
            await ask(server.admin, "REPLICAOF", "NO", "ONE")

            assert await add(connection.client, ["n"], [1]) == 1
            assert await connection.client.connection_pool.wire.call("CLIENT", "ID") != before

    async def test_a_connection_that_broke_while_idle_is_replaced(self, server: OwnServer, lua: Path) -> None:
        add = Script("add", lua)
        async with await connect(server.url) as connection:
            await add(connection.client, ["n"], [1])
            await ask(server.admin, "CLIENT KILL", "TYPE", "normal", "SKIPME", "yes")

            assert await add(connection.client, ["n"], [1]) == 2


class TestOneServer:
    async def test_more_calls_than_connections_wait_for_their_turn(self, server: OwnServer, lua: Path) -> None:
        add = Script("add", lua)
        async with await connect(server.url + "?max_connections=4") as connection:
            sums = await asyncio.gather(*(add(connection.client, ["n"], [1]) for _ in range(200)))

        assert sorted(sums) == list(range(1, 201))

    @pytest.mark.parametrize("options", ["", "?protocol=2", "?protocol=3"])
    async def test_is_reached_over_tcp_with_a_password_and_a_database(self, options: str, lua: Path) -> None:
        port = free_port()
        async with own_server({"port": str(port), **LOOPBACK}) as server:
            await server.admin.config_set("requirepass", "p@ss")
            url = f"redis://:p%40ss@127.0.0.1:{port}/2{options}"
            async with await connect(url) as connection:
                assert await Script("add", lua)(connection.client, ["n"], [1]) == 1
                assert (await connection.client.client_info())["db"] == 2


class TestSentinel:
    @pytest.mark.parametrize("password", ["", "secret"])
    async def test_the_named_primary_is_found(self, password: str, lua: Path) -> None:
        port, sentinel_port = free_port(), free_port()
        async with (
            own_server({"port": str(port), **LOOPBACK}) as server,
            own_sentinel(sentinel_port, port, password),
        ):
            await server.admin.config_set("requirepass", password)
            user = f":{password}@" if password else ""
            hosts = f"127.0.0.1:1,127.0.0.1:{sentinel_port}"  # the first one is away
            async with await connect(f"redis+sentinel://{user}{hosts}/main/1") as connection:
                add = Script("add", lua)
                sums = await asyncio.gather(*(add(connection.client, ["n"], [1]) for _ in range(100)))

                assert sorted(sums) == list(range(1, 101))
                assert (await connection.client.client_info())["db"] == 1

    async def test_an_unknown_service_is_a_store_in_trouble(self, lua: Path) -> None:
        port, sentinel_port = free_port(), free_port()
        async with (
            own_server({"port": str(port), **LOOPBACK}),
            own_sentinel(sentinel_port, port, ""),
            await connect(f"redis+sentinel://127.0.0.1:{sentinel_port}/nobody") as connection,
        ):
            with pytest.raises(StoreUnavailable):
                await Script("add", lua)(connection.client, ["n"], [1])

    async def test_no_sentinel_listens(self, lua: Path) -> None:
        async with await connect("redis+sentinel://127.0.0.1:1/main") as connection:
            with pytest.raises(StoreUnavailable):
                await Script("add", lua)(connection.client, ["n"], [1])


class TestCluster:
    async def test_scripts_go_where_their_keys_are_and_a_lost_slot_is_a_store_in_trouble(self, lua: Path) -> None:
        # One test, because a cluster takes two seconds to find itself well.
        add = Script("add", lua)
        async with own_cluster() as server, await connect(server.url) as connection:
            assert await add(connection.client, ["{a}:n"], [1]) == 1
            await ask(server.admin, "SCRIPT FLUSH")
            assert await add(connection.client, ["{a}:n"], [1]) == 2
            assert await add(connection.client, ["{b}:n"], [1]) == 1

            condition = await inspect(connection.client)
            assert (condition.server, condition.writable, condition.durable) == (Server.VALKEY, True, False)
            assert condition.maxmemory_policy == "noeviction"

            await ask(server.admin, "CLUSTER DELSLOTSRANGE", 0, 16383)
            with pytest.raises(StoreUnavailable):
                await add(connection.client, ["{a}:n"], [1])

            async def takes_no_write() -> bool:
                try:
                    return not (await inspect(connection.client)).writable
                except StoreUnavailable:
                    return True

            await until(takes_no_write)

    async def test_nobody_listens(self, lua: Path) -> None:
        async with await connect("redis+cluster://127.0.0.1:1") as connection:
            with pytest.raises(StoreUnavailable):
                await Script("add", lua)(connection.client, ["n"], [1])


@asynccontextmanager
async def own_sentinel(port: int, primary_port: int, password: str) -> AsyncIterator[None]:
    """A Sentinel that watches over `main`."""
    with TemporaryDirectory(prefix="tidegate-test-") as directory:
        lines = [
            f"port {port}",
            "bind 127.0.0.1",
            "protected-mode no",
            f"unixsocket {SOCKET_NAME}",
            f"sentinel monitor main 127.0.0.1 {primary_port} 1",
            *([f"sentinel auth-pass main {password}"] if password else []),
        ]
        process = ValkeyProcess(_start_sentinel(directory, lines), Path(directory))
        try:
            await process.ready(str(Path(directory, SOCKET_NAME)), timeout_s=10)
            yield
        finally:
            await process.stop(timeout_s=5)


def _start_sentinel(directory: str, configuration: list[str]) -> subprocess.Popen[bytes]:
    Path(directory, "sentinel.conf").write_text("\n".join(configuration))
    command = [str(server_binary()), "sentinel.conf", "--sentinel"]
    with open(Path(directory, "valkey.log"), "ab") as log:
        return subprocess.Popen(command, cwd=directory, stdout=log, stderr=log)


@asynccontextmanager
async def own_cluster() -> AsyncIterator[OwnServer]:
    """A cluster of one node that has every slot."""
    port = free_port()
    options = {"port": str(port), "cluster-enabled": "yes", "cluster-port": str(free_port()), **LOOPBACK}
    async with own_server(options) as server:
        await ask(server.admin, "CLUSTER ADDSLOTSRANGE", 0, 16383)
        async with asyncio.timeout(10):
            while (await ask(server.admin, "CLUSTER INFO"))["cluster_state"] != "ok":
                # Its replicas' answers are awaited for this long, and it has none.
                await server.admin.wait(1, 50)
        yield OwnServer(server.process, f"redis+cluster://127.0.0.1:{port}", server.admin)


def test_a_connection_that_is_reset_while_it_is_written_to_is_not_used_again() -> None:
    async def resets() -> None:
        async with own_server({}) as server, await connect(server.url) as connection:
            await connection.client.ping()
            [known] = connection.client.connection_pool._available_connections
            known._writer.transport.abort()

            with pytest.raises(StoreUnavailable), store_faults:
                await connection.client.ping()
            assert await connection.client.ping()

    # The loop that a node runs on says in a RuntimeError what others say in an OSError.
    uvloop.run(resets())


async def test_whoever_is_cancelled_while_it_closes_leaves_nothing_open(valkey_socket: str) -> None:
    connection = await connect(socket_url(valkey_socket))
    await connection.client.ping()
    [known] = connection.client.connection_pool._available_connections
    closing = asyncio.create_task(connection.__aexit__(None, None, None))
    await asyncio.sleep(0)

    closing.cancel()

    async def is_closed() -> bool:
        return not known.is_connected

    await until(is_closed)
    with contextlib.suppress(asyncio.CancelledError):
        await closing


async def test_what_is_asked_while_the_way_is_closed_opens_nothing_that_stays_open(valkey_socket: str) -> None:
    connection = await connect(socket_url(valkey_socket))
    pool = connection.client.connection_pool
    asking = asyncio.create_task(connection.client.ping())
    await asyncio.sleep(0)
    [begun] = pool._in_use_connections
    assert not begun.is_connected

    await connection.aclose()

    for asked in (asking, connection.client.ping()):
        with pytest.raises(NoConnection):
            await asked
    assert not begun.is_connected
    assert [known for known in pool._available_connections if known.is_connected] == []


async def test_whoever_is_cancelled_while_it_gives_a_connection_back_loses_none(valkey_socket: str) -> None:
    async with await connect(socket_url(valkey_socket)) as connection:
        pool = connection.client.connection_pool
        taken = await pool.get_connection()
        async with pool._condition:
            giving = asyncio.create_task(pool.release(taken))
            await asyncio.sleep(0)
            giving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await giving

        async def is_given_back() -> bool:
            return pool._available_connections == [taken]

        await until(is_given_back)


async def test_a_way_beside_is_closed_with_the_one_that_it_is_beside(valkey_socket: str) -> None:
    async with await connect(socket_url(valkey_socket)) as connection:
        aside = connection.unwatched()
        async with connection.unwatched() as closed_before:
            await closed_before.client.ping()
        await aside.client.ping()
        [known] = aside.client.connection_pool._available_connections

    assert not known.is_connected


async def test_a_new_connection_reads_nothing_from_disk(valkey_socket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def read() -> str:
        raise AssertionError("the library's own metadata is read for a connection")

    monkeypatch.setattr("redis.utils.get_lib_version", read)

    async with await connect(socket_url(valkey_socket)) as connection:
        await asyncio.gather(*(connection.client.ping() for _ in range(3)))
