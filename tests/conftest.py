"""Stores for tests: fakeredis, and a real Valkey of the run's own. No other server is ever touched."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import structlog
from fakeredis import FakeAsyncRedis, FakeServer

from tests import lua_struct
from tests.ports import free_port
from tidegate.store.client import connect
from tidegate.store.embedded import socket_url
from tidegate.store.scripts import StoreClient
from tidegate.store.valkey_process import SOCKET_NAME, ValkeyProcess

lua_struct.install()

# The least that a node starts on. Most tests ask what the store does, not what it keeps.
KEEPING = {
    "save": "",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "maxmemory-policy": "noeviction",
    "enable-debug-command": "local",
}


@pytest.fixture(scope="session")
def valkey_socket() -> Iterator[str]:
    """The unix socket of a real server that lives as long as the session; each xdist worker has its own."""
    # Not pytest's tmp_path: a socket's path may be 107 bytes long, and that one often is longer.
    with TemporaryDirectory(prefix="tidegate-test-") as directory:
        process = ValkeyProcess.spawn(Path(directory), KEEPING)
        socket_path = str(Path(directory, SOCKET_NAME))
        # A loop of its own: this fixture outlives the loop of any test.
        loop = asyncio.new_event_loop()
        try:
            loop.run_until_complete(process.ready(socket_path, timeout_s=10))
            yield socket_path
        finally:
            loop.run_until_complete(process.stop(timeout_s=5))
            loop.close()


@pytest.fixture(autouse=True)
def patience(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no broken store, except where a test is about how soon a hung one is noticed."""
    if request.node.get_closest_marker("impatient") is None:
        monkeypatch.setattr("tidegate.store.client.TIMEOUT_S", 5.0)


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """A command that is run in a test says how much is logged, for the whole process."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def unused_tcp_port() -> int:
    """One that nobody takes before it is used, as one of those that the system gives to any might be."""
    return free_port()


@pytest.fixture
async def client(valkey_socket: str) -> AsyncIterator[StoreClient]:
    """A client of the real server, which is empty."""
    async with await connect(socket_url(valkey_socket)) as connection:
        await connection.client.flushall()
        yield connection.client


@pytest.fixture(params=["fake", "real"])
def store_socket(request: pytest.FixtureRequest) -> str | None:
    """Where the store under test listens; None: nowhere, it is fakeredis. Starts no server for fakeredis."""
    return None if request.param == "fake" else request.getfixturevalue("valkey_socket")


@pytest.fixture
async def store_client(store_socket: str | None) -> AsyncIterator[StoreClient]:
    """The same test on two stores: fakeredis, then the real server. Both are empty."""
    if store_socket is None:
        async with FakeAsyncRedis(server=FakeServer()) as fake:
            yield fake
    else:
        async with await connect(socket_url(store_socket)) as connection:
            await connection.client.flushall()
            yield connection.client


#: What takes a worker longest (10 to 150 s each), the longest first. An order, and nothing else: whatever is not here
#: follows.
LONGEST = (
    "simulation/test_seven_days.py",
    "chaos/test_chaos.py",
    "deterministic/test_seeds.py",
    "consequences/test_table.py",
    "deterministic/test_sweep.py",
    "system/test_time_to_stop.py",
    "deterministic/test_variants.py",
    "clients/test_table.py",
    "badinput/test_schema.py",
    "simulation/test_restart.py",
    "simulation/test_limit_moves.py",
    "system/test_demo.py",
    "browser/test_dashboard.py",
    "browser/test_accessibility.py",
    "system/test_new_user.py",
    "alerts/test_alerts.py",
    "simulation/test_rollout.py",
    "property/test_counted_once.py",
    "property/test_ledger_model.py",
    "property/test_send_queue_model.py",
    "property/test_prepaid_law.py",
    "property/test_early_warning.py",
    "property/test_night.py",
    "system/test_port.py",
    "system/test_canaries.py",
    "mutants/test_mutants.py",
    "badinput/test_fuzz.py",
    "badinput/test_bodies.py",
    "integration/relay/test_outage.py",
    "integration/edge/test_deliveries.py",
    "integration/test_replicas.py",
    "integration/test_recovery.py",
    "integration/test_client.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, then the most: no worker is left alone with a long file at the end.

    xdist would begin with the files of most tests, so that those of a single long one came last: `make test` tells it
    to leave the order (`--no-loadscope-reorder`).
    """
    here = Path(__file__).parent
    turns = {here / name: turn for turn, name in enumerate(LONGEST)}
    sizes = Counter(item.path for item in items)
    items.sort(key=lambda item: (turns.get(item.path, len(turns)), -sizes[item.path]))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Name what failed at once: a run that is cut short never comes to its summary."""
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        print(f"\nFAILED {report.nodeid} ({report.when})\n{report.longreprtext[-600:]}", flush=True)
