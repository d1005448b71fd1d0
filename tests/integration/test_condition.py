"""What the store says of itself, and what follows from it for a gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from redis.asyncio import Redis

from tidegate.errors import StoreUnavailable
from tidegate.store.client import connect
from tidegate.store.condition import Server, StoreCondition, inspect
from tidegate.store.embedded import socket_url
from tidegate.store.valkey_process import SOCKET_NAME, ValkeyProcess


def a_condition(
    server: Server = Server.VALKEY,
    version: str = "9.1.2",
    durable: bool = True,
    appendfsync: str | None = "always",
    maxmemory_policy: str = "noeviction",
    replicas: int = 0,
    writable: bool = True,
) -> StoreCondition:
    return StoreCondition(server, version, durable, appendfsync, maxmemory_policy, replicas, writable)


@pytest.fixture
async def admin() -> AsyncIterator[Redis]:
    """A server of one test alone, durable, which the test may change."""
    with TemporaryDirectory(prefix="tidegate-test-") as directory:
        options = {"save": "", "appendonly": "yes", "appendfsync": "always"}
        process = ValkeyProcess.spawn(Path(directory), options)
        socket_path = str(Path(directory, SOCKET_NAME))
        try:
            await process.ready(socket_path, timeout_s=10)
            async with Redis(unix_socket_path=socket_path, single_connection_client=True) as client:
                yield client
        finally:
            await process.stop(timeout_s=5)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param([], {}, id="as the embedded store is set"),
        pytest.param(["CONFIG SET", "appendonly", "no"], {"durable": False}, id="no append-only file"),
        pytest.param(["CONFIG SET", "appendfsync", "everysec"], {"appendfsync": "everysec"}, id="every second"),
        pytest.param(
            ["CONFIG SET", "appendfsync", "no"],
            {"appendfsync": "no", "durable": False},
            id="when the system likes",
        ),
        pytest.param(
            ["CONFIG SET", "maxmemory-policy", "allkeys-lru"],
            {"maxmemory_policy": "allkeys-lru"},
            id="evicting",
        ),
        pytest.param(["REPLICAOF", "127.0.0.1", "1"], {"writable": False}, id="a replica"),
        pytest.param(["CONFIG SET", "maxmemory", "1"], {"writable": False}, id="full"),
        pytest.param(
            ["ACL SETUSER", "default", "-config"],
            {"appendfsync": None},
            id="where we may not ask for settings",
        ),
    ],
)
async def test_the_store_is_asked(admin: Redis, change: list[str], expected: dict[str, bool | str | None]) -> None:
    if change:
        await admin.execute_command(*change)  # type: ignore[no-untyped-call]  # it has no hints

    found = await inspect(admin)

    for name in ("durable", "appendfsync", "maxmemory_policy", "writable"):
        assert getattr(found, name) == expected.get(name, getattr(a_condition(), name)), name
    assert found.server is Server.VALKEY


async def test_a_store_that_does_not_answer_has_no_condition(tmp_path: Path) -> None:
    async with await connect(socket_url(str(tmp_path / "none.sock"))) as connection:
        with pytest.raises(StoreUnavailable):
            await inspect(connection.client)


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        pytest.param(a_condition(), [], id="fit"),
        pytest.param(a_condition(maxmemory_policy="volatile-ttl"), ["noeviction"], id="forgets when it is full"),
        pytest.param(a_condition(Server.REDIS, "6.0.16"), ["too old"], id="Redis 6.0"),
        pytest.param(a_condition(Server.REDIS, "6.2.0"), [], id="Redis 6.2"),
        pytest.param(a_condition(Server.REDIS, "10.0.1"), [], id="Redis 10: versions are no texts"),
        pytest.param(a_condition(Server.REDIS, "unknown"), ["too old"], id="a version that is none"),
        pytest.param(a_condition(durable=False), ["appendonly yes"], id="forgets when it is started again"),
        pytest.param(a_condition(appendfsync="everysec"), [], id="may forget a second"),
        pytest.param(a_condition(writable=False), [], id="takes no writes now"),
        pytest.param(
            a_condition(Server.REDIS, "5.0", durable=False, maxmemory_policy="allkeys-lfu"),
            ["noeviction", "too old", "appendonly yes"],
            id="all of it",
        ),
    ],
)
def test_a_store_that_breaks_promises_is_refused(condition: StoreCondition, says: list[str]) -> None:
    refusals = condition.refusals()

    assert len(refusals) == len(says)
    assert all(word in refusal for word, refusal in zip(says, refusals, strict=True))


@pytest.mark.parametrize(
    ("replicas_ack", "allowed", "is_refused"),
    [
        pytest.param(0, False, True, id="nobody else keeps it"),
        pytest.param(1, False, False, id="a replica keeps it"),
        pytest.param(0, True, False, id="the risk is taken"),
        pytest.param(1, True, False, id="both"),
    ],
)
def test_a_store_that_forgets_is_refused_unless_somebody_else_keeps_it(
    replicas_ack: int, allowed: bool, is_refused: bool
) -> None:
    forgets, evicts = a_condition(durable=False), a_condition(durable=False, maxmemory_policy="allkeys-lru")

    refusals = forgets.refusals(replicas_ack, undurable_allowed=allowed)
    assert bool(refusals) is is_refused
    assert not refusals or all(word in refusals[0] for word in ("appendonly", "replicas_ack", "store.undurable"))
    assert any("noeviction" in one for one in evicts.refusals(replicas_ack, undurable_allowed=allowed))


@pytest.mark.parametrize(
    ("condition", "replicas_ack", "says"),
    [
        pytest.param(a_condition(), 0, [], id="fit"),
        pytest.param(a_condition(writable=False), 0, ["no writes"], id="takes no writes"),
        pytest.param(a_condition(durable=False, appendfsync="everysec"), 0, ["appendonly"], id="keeps nothing"),
        pytest.param(a_condition(appendfsync="everysec"), 0, ["power loss"], id="keeps all but a second"),
        pytest.param(a_condition(replicas=1), 1, [], id="replicas enough"),
        pytest.param(a_condition(replicas=1), 2, ["2 replicas"], id="a replica too few"),
    ],
)
def test_what_it_can_not_promise_is_said(condition: StoreCondition, replicas_ack: int, says: list[str]) -> None:
    warnings = condition.warnings(replicas_ack)

    assert len(warnings) == len(says)
    assert all(word in warning for word, warning in zip(says, warnings, strict=True))
