"""The embedded store on real processes: it keeps what it took, has one owner, and dies with it."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import stat
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tidegate.errors import StoreUnavailable
from tidegate.store.client import connect
from tidegate.store.data_directory import SERVER_LOCK, DirectoryInUse
from tidegate.store.embedded import EmbeddedStore, running_url

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")

# A node of its own: starts the store, says where, and waits to be killed.
NODE = """
import asyncio, pathlib, sys
from tidegate.store.embedded import EmbeddedStore

async def main():
    store = EmbeddedStore(pathlib.Path(sys.argv[1]))
    await store.start()
    print(store.pid, store.url, flush=True)
    await store.ended()

asyncio.run(main())
"""


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EmbeddedStore]:
    embedded = EmbeddedStore(tmp_path / "data")
    await embedded.start()
    yield embedded
    await embedded.stop()


async def run_node(directory: Path) -> tuple[asyncio.subprocess.Process, int, str]:
    """Start a node in another process; that process, its server's id and url."""
    node = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", NODE, str(directory)),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert node.stdout is not None
    pid, url = (await node.stdout.readline()).decode().split()
    return node, int(pid), url


def wait_for_end(process: int) -> None:
    """Wait until a process that is not our child has ended; its descriptor becomes readable then."""
    readable, _, _ = select.select([process], [], [], 20)
    assert readable, "the server still runs"


class TestOneNode:
    async def test_answers_on_its_url_until_it_is_stopped(self, store: EmbeddedStore) -> None:
        async with Redis.from_url(store.url) as client:
            assert await client.ping()

        await store.stop()

        assert await running_url(store.directory) is None

    async def test_keeps_what_it_took(self, store: EmbeddedStore) -> None:
        async with Redis.from_url(store.url) as client:
            await client.set("k", "v")
        await store.stop()

        await store.start()

        async with Redis.from_url(store.url) as client:
            assert await client.get("k") == b"v"

    async def test_keeps_what_it_took_when_the_server_is_killed(self, store: EmbeddedStore) -> None:
        async with Redis.from_url(store.url) as client:
            await client.set("k", "v")
        os.kill(store.pid, signal.SIGKILL)
        assert await store.ended() == -signal.SIGKILL
        await store.stop()

        await store.start()

        async with Redis.from_url(store.url) as client:
            assert await client.get("k") == b"v"

    async def test_is_set_to_keep_all_and_forget_nothing(self, store: EmbeddedStore) -> None:
        async with Redis.from_url(store.url) as client:
            settings = await client.config_get("*")

        expected = {
            "appendonly": "yes",
            "appendfsync": "always",
            "maxmemory-policy": "noeviction",
            "save": "",
            "rdbcompression": "no",
            "port": "0",
        }
        assert {name: settings[name] for name in expected} == expected

    async def test_is_open_to_nobody_else(self, store: EmbeddedStore) -> None:
        assert stat.S_IMODE(store.directory.stat().st_mode) == 0o700
        assert stat.S_IMODE((store.directory / "valkey.sock").stat().st_mode) == 0o700

    async def test_a_ctrl_c_in_the_terminal_does_not_reach_it(self, store: EmbeddedStore) -> None:
        assert os.getsid(store.pid) != os.getsid(0)

    async def test_a_directory_with_a_long_path_works(self, tmp_path: Path) -> None:
        store = EmbeddedStore(tmp_path / ("d" * 120))
        await store.start()
        try:
            async with Redis.from_url(store.url) as client:
                assert await client.ping()
            assert await running_url(tmp_path / ("d" * 120)) == store.url
        finally:
            await store.stop()

    async def test_stopping_twice_and_before_any_start_is_harmless(self, tmp_path: Path) -> None:
        store = EmbeddedStore(tmp_path / "data")
        await store.stop()
        await store.start()
        await store.stop()
        await store.stop()

    @needs_linux
    async def test_a_hung_server_is_ended_by_force(self, store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("tidegate.store.embedded._STOP_TIMEOUT_S", 0.05)
        process = os.pidfd_open(store.pid)
        os.kill(store.pid, signal.SIGSTOP)

        await store.stop()

        wait_for_end(process)
        os.close(process)

    async def test_a_server_that_can_not_start_says_why_and_lets_go(self, tmp_path: Path) -> None:
        directory = tmp_path / "data"
        (directory / "appendonlydir").mkdir(parents=True)
        manifest = directory / "appendonlydir" / "appendonly.aof.manifest"
        manifest.write_text("no manifest\n")
        directory.chmod(0o700)
        store = EmbeddedStore(directory)

        with pytest.raises(StoreUnavailable, match="manifest"):
            await store.start()

        manifest.unlink()
        await store.start()
        await store.stop()

    def test_is_refused_to_a_thread_that_could_end_before_the_node(self, tmp_path: Path) -> None:
        with ThreadPoolExecutor(1) as threads, pytest.raises(RuntimeError, match="main thread"):
            threads.submit(lambda: asyncio.run(EmbeddedStore(tmp_path / "data").start())).result()


class TestASecondNode:
    async def test_in_the_same_process_is_refused_with_the_remedy(self, store: EmbeddedStore) -> None:
        with pytest.raises(DirectoryInUse, match="redis://"):
            await EmbeddedStore(store.directory).start()

        async with Redis.from_url(store.url) as client:
            assert await client.ping()

    async def test_in_another_process_is_refused_with_the_remedy(self, tmp_path: Path) -> None:
        node, _, _ = await run_node(tmp_path / "data")
        try:
            with pytest.raises(DirectoryInUse, match=f"process {node.pid}"):
                await EmbeddedStore(tmp_path / "data").start()
        finally:
            node.kill()
            await node.communicate()

    async def test_may_look_at_the_store_if_it_asks_to(self, store: EmbeddedStore) -> None:
        async with await connect(f"embedded:{store.directory}", adopt=True) as looking:
            assert looking.embedded is None
            assert looking.url == store.url
            assert await looking.client.ping()

        async with Redis.from_url(store.url) as client:
            assert await client.ping(), "leaving must not end what another node runs"


@needs_linux
class TestAKilledNode:
    async def test_takes_its_server_with_it_and_loses_nothing(self, tmp_path: Path) -> None:
        node, server_pid, url = await run_node(tmp_path / "data")
        async with Redis.from_url(url) as client:
            await client.set("k", "v")
        server = os.pidfd_open(server_pid)

        node.kill()
        await node.communicate()

        wait_for_end(server)
        os.close(server)
        async with await connect(f"embedded:{tmp_path / 'data'}") as connection:
            assert await connection.client.get("k") == b"v"

    async def test_its_successor_waits_for_a_server_that_still_holds_the_data(self, tmp_path: Path) -> None:
        node, old_pid, _ = await run_node(tmp_path / "data")
        old = os.pidfd_open(old_pid)
        os.kill(old_pid, signal.SIGSTOP)
        node.kill()
        await node.communicate()
        successor = EmbeddedStore(tmp_path / "data")

        starting = asyncio.create_task(successor.start())
        await asyncio.sleep(0)
        assert not select.select([old], [], [], 0)[0]
        os.kill(old_pid, signal.SIGCONT)
        await starting

        try:
            assert select.select([old], [], [], 0)[0], "two servers on one file"
        finally:
            os.close(old)
            await successor.stop()

    async def test_its_successor_gives_up_on_a_server_that_does_not_end(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tidegate.store.embedded._ORPHAN_TIMEOUT_S", 0.1)
        node, old_pid, _ = await run_node(tmp_path / "data")
        old = os.pidfd_open(old_pid)
        os.kill(old_pid, signal.SIGSTOP)
        node.kill()
        await node.communicate()

        try:
            with pytest.raises(StoreUnavailable, match=SERVER_LOCK):
                await EmbeddedStore(tmp_path / "data").start()
        finally:
            os.kill(old_pid, signal.SIGCONT)
            wait_for_end(old)
            os.close(old)
