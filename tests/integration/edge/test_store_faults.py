"""A store in trouble, of every kind: each face says so in its own shape, soon; nothing is sent; it passes by itself."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.integration.edge.callers import (
    ANN,
    BOB,
    NUMBER,
    PORTFOLIO,
    WABA,
    Answer,
    Caller,
    Recorder,
    signed,
    template,
)
from tests.integration.edge.own_store import OwnStore, node_on, own_store
from tests.waiting import until
from tidegate.store.valkey_process import SOCKET_NAME

pytestmark = pytest.mark.impatient

#: Half a second is promised; a busy machine is given more, and a client's usual patience is far beyond it.
SOON_S = 3.0


@dataclass(frozen=True)
class Trouble:
    """How a store breaks, and how it is mended."""

    begins: Callable[[OwnStore], Awaitable[None]]
    ends: Callable[[OwnStore], Awaitable[None]]


def said(begins: tuple[str | int, ...], ends: tuple[str | int, ...], *, cut: bool = False) -> Trouble:
    """Trouble by an operator's command; `cut`: it concerns only connections that are made from now on."""

    async def begin(store: OwnStore) -> None:
        await store.ask(*begins)
        if cut:
            await store.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    async def end(store: OwnStore) -> None:
        await store.ask(*ends)

    return Trouble(begin, end)


async def stop(store: OwnStore) -> None:
    store.send_signal(signal.SIGSTOP)


async def go_on(store: OwnStore) -> None:
    store.send_signal(signal.SIGCONT)


async def kill(store: OwnStore) -> None:
    store.send_signal(signal.SIGKILL)
    await store.process.ended()


async def restart(store: OwnStore) -> None:
    await store.begin_again()


async def keep_busy(store: OwnStore) -> None:
    """A script of somebody's that loops."""
    other = Redis(unix_socket_path=str(store.directory / SOCKET_NAME), socket_timeout=60)
    store.looping = asyncio.create_task(_loop(other))

    async def is_busy() -> bool:
        try:
            await store.ask("PING")
        except RedisError as error:
            return str(error).startswith("BUSY") or "busy" in str(error)
        return False

    await until(is_busy)


async def _loop(other: Redis) -> None:
    with contextlib.suppress(RedisError):
        await other.eval("while true do end", 0)
    await other.aclose()


async def end_script(store: OwnStore) -> None:
    await store.ask("SCRIPT", "KILL")
    assert store.looping is not None
    await store.looping


async def fail_to_save(store: OwnStore) -> None:
    """A snapshot can't be written, and the server was told to take no writes then."""
    (store.directory / "dump.rdb").mkdir()
    await store.ask("CONFIG", "SET", "save", "3600 1")
    await store.ask("BGSAVE")

    async def has_failed() -> bool:
        told: dict[str, str] = await store.ask("INFO", "persistence")
        return told["rdb_last_bgsave_status"] == "err"

    await until(has_failed)


async def load_slowly(store: OwnStore) -> None:
    """It has ended, and is reading for long what it kept."""
    await store.ask("MSET", *(word for i in range(400) for word in (f"other:{i}", "x" * 100)))
    await store.ask("BGREWRITEAOF")

    async def is_rewritten() -> bool:
        told: dict[str, int] = await store.ask("INFO", "persistence")
        return not told["aof_rewrite_in_progress"] and not told["aof_rewrite_scheduled"]

    await until(is_rewritten)
    await kill(store)
    slowly = {"key-load-delay": "50000", "loading-process-events-interval-bytes": "1024"}
    await store.begin_again(**slowly)

    async def is_loading() -> bool:
        try:
            await store.ask("PING")
        except RedisError as error:
            return "loading" in str(error).lower()
        return False

    await until(is_loading)


async def load_fast(store: OwnStore) -> None:
    await store.ask("CONFIG", "SET", "key-load-delay", "0")


TROUBLES = [
    pytest.param(Trouble(stop, go_on), id="it hangs"),
    pytest.param(Trouble(kill, restart), id="it is gone, and comes back with what it kept"),
    pytest.param(Trouble(keep_busy, end_script), id="a script keeps it busy"),
    pytest.param(said(("CONFIG", "SET", "maxmemory", 1), ("CONFIG", "SET", "maxmemory", 0)), id="its memory is full"),
    pytest.param(
        Trouble(fail_to_save, said((), ("CONFIG", "SET", "stop-writes-on-bgsave-error", "no")).ends),
        id="it can't write its snapshot",
    ),
    pytest.param(said(("REPLICAOF", "127.0.0.1", 1), ("REPLICAOF", "NO", "ONE")), id="it has become a replica"),
    pytest.param(Trouble(load_slowly, load_fast), id="it loads what it kept"),
    pytest.param(
        said(("CONFIG", "SET", "min-replicas-to-write", 1), ("CONFIG", "SET", "min-replicas-to-write", 0)),
        id="it has too few replicas",
    ),
    pytest.param(
        said(("CONFIG", "SET", "maxclients", 1), ("CONFIG", "SET", "maxclients", 1_000), cut=True),
        id="it takes no more connections",
    ),
    pytest.param(
        said(("CONFIG", "SET", "requirepass", "other"), ("CONFIG", "SET", "requirepass", ""), cut=True),
        id="its password was changed",
    ),
    pytest.param(
        said(("ACL", "SETUSER", "default", "-@write", "-@scripting"), ("ACL", "SETUSER", "default", "+@all")),
        id="it allows no writes",
    ),
]


@pytest.fixture
async def store() -> AsyncIterator[OwnStore]:
    async with own_store(**{"busy-reply-threshold": "50"}) as made:
        yield made


@pytest.fixture
async def call(
    store: OwnStore, graph: Recorder, session: aiohttp.ClientSession, tmp_path: Path
) -> AsyncIterator[Caller]:
    async with node_on(store.url, graph.url, tmp_path) as node:
        yield Caller.of(node, session)


async def webhook(call: Caller) -> Answer:
    """Meta tells that a message was delivered, which no node here has sent, and that a user writes."""
    metadata = {"phone_number_id": NUMBER}
    now_s = str(int(time.time()))
    message = {"id": "wamid.in", "from": BOB[1:], "timestamp": now_s, "type": "text", "text": {"body": "Hi"}}
    status = {"id": "wamid.out", "status": "delivered", "timestamp": now_s, "recipient_id": ANN[1:]}
    value = {"messaging_product": "whatsapp", "metadata": metadata, "messages": [message], "statuses": [status]}
    changes = [{"field": "messages", "value": value}]
    raw = json.dumps({"object": "whatsapp_business_account", "entry": [{"id": WABA, "changes": changes}]}).encode()
    return await call("POST", "/webhooks/whatsapp", None, data=raw, headers=signed(raw))


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_every_face_says_so_and_it_passes_by_itself(
    store: OwnStore, call: Caller, graph: Recorder, trouble: Trouble
) -> None:
    assert (await call.send(template())).status == 200
    sent = len(graph.requests)
    await trouble.begins(store)

    began = time.monotonic()
    answers = await asyncio.gather(
        call.send(template(BOB)),
        call.send(template(BOB), Idempotency_Key="order-1"),
        call("PUT", f"/gateway/v1/recipients/{ANN[1:]}/consent", json={"marketing": True, "source": "a form"}),
        webhook(call),
        call("GET", "/readyz", None),
        call("GET", "/healthz", None),
    )
    took_s = time.monotonic() - began

    bare, keyed, control, told = answers[:4]
    assert [answer.status for answer in answers] == [503, 503, 503, 503, 503, 200]
    for refused in (bare, keyed):
        assert (refused.error["code"], refused.error["is_transient"]) == (2, True)
        assert (refused["Tidegate-Verdict"], refused["Tidegate-Reason"]) == ("reject", "store_unavailable")
        assert refused["Tidegate-Id"]
        assert 1 <= int(refused["Retry-After"] or 0) <= 30
    assert (control["Content-Type"], control.body["code"]) == ("application/problem+json", "store_unavailable")
    assert told.raw == b""
    assert took_s < SOON_S
    assert len(graph.requests) == sent

    await trouble.ends(store)

    async def is_over() -> bool:
        said = [await call.send(template(BOB), Idempotency_Key="order-1"), await webhook(call)]
        return [answer.status for answer in [*said, await call("GET", "/readyz", None)]] == [200, 200, 200]

    await until(is_over)


async def test_a_server_that_forgot_its_scripts_is_no_trouble(store: OwnStore, call: Caller, graph: Recorder) -> None:
    for i in range(5):
        await store.ask("SCRIPT", "FLUSH")
        answers = await asyncio.gather(
            *(call.send(template(f"+1650555{i}{n:03}"), Idempotency_Key=f"{i} {n}") for n in range(8)), webhook(call)
        )
        assert {answer.status for answer in answers} == {200}

    async def are_all_sent() -> bool:
        # On a busy machine one of them may have come too late to be sent at once, and waits its turn.
        return len(graph.requests) == 40

    await until(are_all_sent)


async def test_a_key_of_ours_that_is_not_what_it_should_be_is_a_503_and_not_a_500(
    store: OwnStore, call: Caller, graph: Recorder
) -> None:
    await call.send(template())
    await store.ask("SET", f"tidegate:{{{PORTFOLIO}}}:calendar", "damaged")

    refused = await call.send(template(BOB))

    assert (refused.status, refused.error["code"], refused.error["is_transient"]) == (503, 2, True)
    assert (refused["Tidegate-Verdict"], refused["Tidegate-Reason"]) == ("reject", "internal")
    assert refused["Tidegate-Id"]
    assert len(graph.requests) == 1
