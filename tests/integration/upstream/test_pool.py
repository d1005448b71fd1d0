"""Who gets which connection, when a byte may leave, and what becomes of sends that nobody waits for any more."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import aiohappyeyeballs
import pytest

from tests.integration.upstream.peers import NUMBER, OK, Peer, Reader, Writer, client, post
from tests.waiting import until
from tidegate.upstream import NotSent, Response, Unknown, Upstream
from tidegate.upstream.pool import MOST_DIALLED, Pool

LAPSED = NotSent("it was not to start any more", lapsed=True)


def pool(upstream: Upstream) -> Pool:
    assert upstream._pool is not None
    return upstream._pool


class Gate:
    """Holds up whoever connects, and counts them."""

    def __init__(self) -> None:
        self.held = 0
        self.opened = asyncio.Event()
        self._connect: Any = aiohappyeyeballs.start_connection

    async def connect(self, *args: Any, **more: Any) -> Any:
        self.held += 1
        await self.opened.wait()
        self.held -= 1
        return await self._connect(*args, **more)


@contextmanager
def gated() -> Iterator[Gate]:
    gate = Gate()
    with patch.object(aiohappyeyeballs, "start_connection", gate.connect):
        yield gate


def begun(upstream: Upstream, count: int = 1, **more: Any) -> list[asyncio.Task[Any]]:
    return [asyncio.create_task(post(upstream, **more)) for _ in range(count)]


async def test_sends_one_after_the_other_share_one_connection(peer: Peer) -> None:
    upstream = await client(await peer.start())
    for _ in range(5):
        assert isinstance(await post(upstream), Response)
    await upstream.close()
    assert (peer.sends, peer.connections) == (5, 1)


async def test_sends_at_once_have_a_connection_each(peer: Peer) -> None:
    upstream = await client(await peer.start())
    for _ in range(2):
        assert {type(result) for result in await asyncio.gather(*begun(upstream, 50))} == {Response}
    await upstream.close()
    assert peer.sends == 100
    assert peer.connections <= 50


async def test_the_connection_used_last_is_used_first(peer: Peer) -> None:
    upstream = await client(await peer.start())
    await asyncio.gather(*begun(upstream, 3))
    *_, last = pool(upstream)._free
    for _ in range(3):
        await post(upstream)
        assert next(reversed(pool(upstream)._free)) is last
    await upstream.close()


async def test_only_so_many_connections_are_made_at_once(peer: Peer) -> None:
    upstream = await client(await peer.start())
    with gated() as gate:
        sends = begun(upstream, 3 * MOST_DIALLED)
        await until_held(gate, MOST_DIALLED)
        gate.opened.set()
        assert {type(result) for result in await asyncio.gather(*sends)} == {Response}
    await upstream.close()
    assert peer.sends == 3 * MOST_DIALLED


async def until_held(gate: Gate, count: int) -> None:
    async def is_held() -> bool:
        return gate.held == count

    await until(is_held)


async def test_a_send_in_line_takes_the_connection_that_is_free_first(peer: Peer) -> None:
    upstream = await client(await peer.start())
    answer = peer.part
    go_on = asyncio.Event()

    async def waits(reader: Reader, writer: Writer) -> None:
        await go_on.wait()
        await answer(reader, writer)

    peer.part = waits
    [first] = begun(upstream)

    async def has_arrived() -> bool:
        return peer.sends == 1

    await until(has_arrived)
    with gated() as gate:
        [second] = begun(upstream)
        await until_held(gate, 1)
        go_on.set()
        assert isinstance(await first, Response)
        assert isinstance(await second, Response), "the new connection is not made yet"
        gate.opened.set()
    await upstream.close()
    assert peer.sends == 2


async def test_a_connection_that_could_not_be_made_fails_nobody_for_whom_another_is_being_made(peer: Peer) -> None:
    """One of two in line is served by a connection that came free; then one of the two that are made for them fails."""
    upstream = await client(await peer.start())
    answer, go_on, fails, succeeds = peer.part, asyncio.Event(), asyncio.Event(), asyncio.Event()
    connect: Any = aiohappyeyeballs.start_connection
    calls = 0

    async def waits(reader: Reader, writer: Writer) -> None:
        await go_on.wait()
        await answer(reader, writer)

    async def first_fails(*args: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            await fails.wait()
            raise ConnectionRefusedError
        await succeeds.wait()
        return await connect(*args, **more)

    peer.part = waits
    [busy] = begun(upstream)

    async def has_arrived() -> bool:
        return peer.sends == 1

    await until(has_arrived)
    peer.part = peer.says_and_hangs()
    with patch.object(aiohappyeyeballs, "start_connection", first_fails):
        _first, second = begun(upstream, 2)

        async def are_made() -> bool:
            return calls == 2

        await until(are_made)
        go_on.set()
        assert isinstance(await busy, Response)

        async def has_taken_it() -> bool:
            return peer.sends == 2

        await until(has_taken_it)
        peer.part = peer.says(OK)
        fails.set()

        async def has_failed() -> bool:
            return len(pool(upstream)._dialled) == 1

        await until(has_failed)
        succeeds.set()
        assert isinstance(await second, Response)
    await upstream.close()


@pytest.mark.parametrize("reused", [False, True], ids=["on a new connection", "on a reused connection"])
async def test_a_send_that_may_not_start_any_more_writes_no_byte(peer: Peer, reused: bool) -> None:
    upstream = await client(await peer.start())
    if reused:
        assert isinstance(await post(upstream), Response)

    for _ in range(20):
        assert await post(upstream, may_start=lambda: False) == LAPSED
    again = await post(upstream)
    await upstream.close()

    assert isinstance(again, Response), "the pool serves the next send"
    assert peer.sends == (2 if reused else 1)
    assert peer.connections == 1, "its connection is as good as new"


async def test_a_send_is_asked_for_when_its_connection_is_ready_and_not_before(peer: Peer) -> None:
    upstream = await client(await peer.start())
    with gated() as gate:
        asked: list[bool] = []

        def may_start() -> bool:
            asked.append(gate.opened.is_set())
            return False

        [send] = begun(upstream, may_start=may_start)
        await until_held(gate, 1)
        gate.opened.set()
        assert await send == LAPSED
    await upstream.close()
    assert asked == [True]
    assert not peer.received


async def test_those_in_line_who_may_not_start_any_more_make_way(peer: Peer) -> None:
    upstream = await client(await peer.start())
    with gated() as gate:
        late, good = begun(upstream, 3, may_start=lambda: False), begun(upstream)
        await until_held(gate, 4)
        gate.opened.set()
        assert await asyncio.gather(*late) == [LAPSED] * 3
        assert isinstance(await good[0], Response)
    await upstream.close()
    assert peer.sends == 1


async def test_a_free_connection_that_the_peer_closes_is_left_for_a_new_one(peer: Peer) -> None:
    peer.part = peer.says_and_ends(OK)
    upstream = await client(await peer.start())
    assert isinstance(await post(upstream), Response)

    async def is_noticed() -> bool:
        return not pool(upstream)._free

    await until(is_noticed)
    peer.part = peer.says(OK)
    assert isinstance(await post(upstream), Response)
    await upstream.close()
    assert (peer.sends, peer.connections) == (2, 2)


async def test_a_free_connection_on_which_something_arrives_is_left_for_a_new_one(peer: Peer) -> None:
    writers: list[Writer] = []
    answer = peer.part

    async def keeps(reader: Reader, writer: Writer) -> None:
        writers.append(writer)
        await answer(reader, writer)

    peer.part = keeps
    upstream = await client(await peer.start())
    assert isinstance(await post(upstream), Response)
    writers[0].write(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")

    async def is_noticed() -> bool:
        return not pool(upstream)._free

    await until(is_noticed)
    result = await post(upstream)
    await upstream.close()
    assert isinstance(result, Response)
    assert result.status == 200
    assert peer.connections == 2


async def test_a_connection_that_is_found_closed_before_the_write_is_left_for_a_new_one(peer: Peer) -> None:
    upstream = await client(await peer.start())
    assert isinstance(await post(upstream), Response)
    [connection] = pool(upstream)._free
    transport = connection.transport
    assert transport is not None

    def closes_at_the_last_moment() -> bool:
        transport.abort()
        return True

    assert isinstance(await post(upstream, may_start=closes_at_the_last_moment), Response)
    await upstream.close()
    assert (peer.sends, peer.connections) == (2, 2)


async def test_a_connection_that_dies_unnoticed_leaves_the_outcome_unknown_and_is_not_tried_anew() -> None:
    """The peer is a thread: it resets the connection in the step in which the client writes, which can't notice."""
    listener = socket.create_server(("127.0.0.1", 0))
    reset, was_reset = threading.Event(), threading.Event()
    connections: list[socket.socket] = []

    def serve() -> None:
        connection, _ = listener.accept()
        connections.append(connection)
        connection.recv(65_536)
        connection.sendall(OK)
        reset.wait(20)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        was_reset.set()
        listener.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            connections.append(listener.accept()[0])

    thread = threading.Thread(target=serve)
    thread.start()
    upstream = await client(f"http://127.0.0.1:{listener.getsockname()[1]}")
    assert isinstance(await post(upstream), Response)

    def dies_at_the_last_question() -> bool:
        reset.set()
        return was_reset.wait(20)

    result = await post(upstream, may_start=dies_at_the_last_question)
    await asyncio.to_thread(thread.join)
    await upstream.close()
    listener.close()
    assert isinstance(result, Unknown)
    assert len(connections) == 1, "Meta may have it: no second connection carries it"


async def test_a_send_whose_caller_goes_while_it_waits_in_line_is_never_written(peer: Peer) -> None:
    upstream = await client(await peer.start())
    with gated() as gate:
        [send] = begun(upstream)
        await until_held(gate, 1)
        send.cancel()
        await asyncio.wait([send])
        gate.opened.set()

        async def is_ready() -> bool:
            return len(pool(upstream)._free) == 1

        await until(is_ready)
    assert not peer.received
    assert isinstance(await post(upstream), Response)
    await upstream.close()
    assert (peer.sends, peer.connections) == (1, 1)


async def test_a_send_whose_caller_goes_takes_its_connection_with_it(peer: Peer) -> None:
    """Whoever came next would be given its answer."""
    peer.part = peer.says_and_hangs()
    upstream = await client(await peer.start())
    [send] = begun(upstream)

    async def has_arrived() -> bool:
        return peer.sends == 1

    await until(has_arrived)
    send.cancel()
    await asyncio.wait([send])

    async def is_gone() -> bool:
        return peer.open == 0

    await until(is_gone)
    peer.part = peer.says(OK)
    assert isinstance(await post(upstream), Response)
    await upstream.close()
    assert (peer.sends, peer.connections) == (2, 2)


async def test_a_close_tells_those_under_way_what_is_proven_of_them(peer: Peer) -> None:
    peer.part = peer.says_and_hangs()
    upstream = await client(await peer.start())
    [written] = begun(upstream)

    async def has_arrived() -> bool:
        return peer.sends == 1

    await until(has_arrived)
    with gated() as gate:
        [in_line] = begun(upstream)
        await until_held(gate, 1)
        await upstream.close()
    assert await written == Unknown("the gateway ended")
    assert await in_line == NotSent("the gateway ended")
    with pytest.raises(RuntimeError, match="not been started"):
        await post(upstream)
    assert peer.sends == 1


async def test_a_token_that_is_replaced_goes_with_the_next_send(peer: Peer) -> None:
    tokens = {NUMBER: "first"}
    upstream = Upstream(await peer.start(), 20, tokens)
    await upstream.start()
    await post(upstream)
    tokens[NUMBER] = "second"
    await post(upstream)
    await upstream.close()
    assert [line for line in peer.received.split(b"\r\n") if b"Bearer" in line] == [
        b"Authorization: Bearer first",
        b"Authorization: Bearer second",
    ]


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/v25.0/1/messages HTTP/1.1\r\nX: y", {}),
        ("/v25.0/1/messages\r\n", {}),
        ("/v25.0/1/mess\x00ages", {}),
        ("/v25.0/1/messages#part", {}),
        ("/v25.0/1/méssages", {}),
        ("messages", {}),
        ("/m", {"traceparent": "a\r\nX: y"}),
        ("/m", {"traceparent": "é"}),
        ("/m", {"X: y\r\nZ": "a"}),
    ],
)
async def test_what_http_has_no_way_to_say_is_not_sent(peer: Peer, path: str, headers: dict[str, str]) -> None:
    upstream = await client(await peer.start())
    result = await upstream.post(NUMBER, path, b"{}", headers, lambda: True)
    await upstream.close()
    assert isinstance(result, NotSent)
    assert not peer.connections


@pytest.mark.parametrize("shown", [repr, str], ids=["repr", "str"])
async def test_no_token_is_shown(peer: Peer, shown: Callable[[object], str]) -> None:
    peer.part = peer.says_and_hangs()
    upstream = await client(await peer.start())
    [send] = begun(upstream)

    async def has_arrived() -> bool:
        return peer.sends == 1

    await until(has_arrived)
    sending = pool(upstream)._oldest()
    assert sending is not None
    for thing in (upstream, upstream._heads, pool(upstream), sending, sending.connection, send, sending.outcome):
        assert "the-token" not in shown(thing)
    assert b"Authorization: Bearer the-token\r\n" in peer.received
    await upstream.close()
    await send
