"""The Cloud API's client: whether a byte was written is never in doubt."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import pytest

from tests.waiting import until
from tidegate.upstream import MAX_ANSWER, Lapsed, NotSent, Response, Unknown, Upstream, _Attempt, _Body

NUMBER = "106540352242922"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Peer:
    """A server that does what it is told with each connection, and keeps what it was sent."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.handle: Handler = self.answer(OK)
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        self._server = await asyncio.start_server(lambda r, w: self.handle(r, w), "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _request(self, reader: asyncio.StreamReader) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        self.received += head
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        self.received += await reader.readexactly(length)
        return True

    def answer(self, text: bytes) -> Handler:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while await self._request(reader):
                    writer.write(text)
                    await writer.drain()
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            finally:
                writer.close()

        return handle

    def answer_once(self, text: bytes) -> Handler:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._request(reader)
            writer.write(text)
            await writer.drain()
            writer.close()

        return handle

    def reset_after_request(self) -> Handler:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._request(reader)
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

        return handle

    def silence(self) -> Handler:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._request(reader)
            await reader.read()
            writer.close()

        return handle


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    peer = Peer()
    yield peer
    await peer.stop()


async def client(url: str, timeout_s: float = 5) -> Upstream:
    upstream = Upstream(url, timeout_s, {NUMBER: "the-token"})
    await upstream.start()
    return upstream


async def post(upstream: Upstream, may_start: Callable[[], bool] = lambda: True) -> Response | NotSent | Unknown:
    return await upstream.post(NUMBER, f"/v25.0/{NUMBER}/messages", b'{"a":1}', {}, may_start)


async def test_an_answer_is_given_as_it_came(peer: Peer) -> None:
    upstream = await client(await peer.start())
    result = await post(upstream)
    await upstream.close()
    assert isinstance(result, Response)
    assert (result.status, result.body) == (200, b"{}")
    assert b"Authorization: Bearer the-token" in peer.received


async def test_a_refused_connection_is_proof_that_nothing_was_sent() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    upstream = await client(f"http://127.0.0.1:{port}")
    result = await post(upstream)
    await upstream.close()
    assert isinstance(result, NotSent)
    assert not result.lapsed


async def test_a_name_that_does_not_resolve_is_proof_that_nothing_was_sent() -> None:
    upstream = await client("http://nowhere.invalid")
    result = await post(upstream)
    await upstream.close()
    assert isinstance(result, NotSent)


async def test_a_reset_after_the_request_leaves_the_outcome_unknown(peer: Peer) -> None:
    peer.handle = peer.reset_after_request()
    upstream = await client(await peer.start())
    result = await post(upstream)
    await upstream.close()
    assert isinstance(result, Unknown)


async def test_silence_leaves_the_outcome_unknown(peer: Peer) -> None:
    peer.handle = peer.silence()
    upstream = await client(await peer.start(), timeout_s=0.2)
    result = await post(upstream)
    await upstream.close()
    assert isinstance(result, Unknown)


@pytest.mark.parametrize("reused", [False, True], ids=["on a new connection", "on a reused connection"])
async def test_a_send_that_may_not_start_any_more_writes_no_byte(peer: Peer, reused: bool) -> None:
    upstream = await client(await peer.start())
    if reused:
        assert isinstance(await post(upstream), Response)
    written = len(peer.received)

    result = await post(upstream, may_start=lambda: False)
    assert isinstance(result, NotSent)
    assert result.lapsed
    again = await post(upstream)
    await upstream.close()

    assert isinstance(again, Response), "the pool serves the next send"
    assert peer.received.count(b"POST ") == (2 if reused else 1)
    assert len(peer.received) > written


@pytest.mark.parametrize("reused", [False, True], ids=["on a new connection", "on a reused connection"])
async def test_a_send_that_stalls_after_its_connection_was_ready_writes_no_byte(peer: Peer, reused: bool) -> None:
    upstream = await client(await peer.start())
    if reused:
        assert isinstance(await post(upstream), Response)
    may_start = iter([True, False])

    result = await post(upstream, may_start=lambda: next(may_start))
    again = await post(upstream)
    await upstream.close()

    assert result == NotSent("it was not to start any more", lapsed=True)
    assert isinstance(again, Response), "the pool serves the next send"
    assert peer.received.count(b"POST ") == (2 if reused else 1)


async def test_a_redirect_is_an_answer_and_is_not_followed(peer: Peer) -> None:
    peer.handle = peer.answer(b"HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n")
    upstream = await client(await peer.start())
    result = await post(upstream)
    await upstream.close()
    assert isinstance(result, Response)
    assert result.status == 307


async def test_an_endless_answer_is_cut_and_unknown(peer: Peer) -> None:
    size = MAX_ANSWER + 1
    peer.handle = peer.answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
    upstream = await client(await peer.start())
    result = await post(upstream)
    await upstream.close()
    assert isinstance(result, Unknown)


def test_no_token_is_shown() -> None:
    assert "the-token" not in repr(Upstream("http://h", 1, {NUMBER: "the-token"}))


async def test_a_send_that_was_not_to_start_leaves_its_connection_to_the_next_one(peer):
    connections: set[object] = set()
    answer = peer.handle

    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(writer)
        await answer(reader, writer)

    peer.handle = counted
    upstream = await client(await peer.start())
    for _ in range(20):
        lapsed = await upstream.post(NUMBER, "/m", b"{}", {}, lambda: False)
        assert lapsed == NotSent("it was not to start any more", lapsed=True)
    taken = await upstream.post(NUMBER, "/m", b"{}", {}, lambda: True)
    await upstream.close()

    assert isinstance(taken, Response)
    assert len(connections) == 1


def pooled(upstream: Upstream) -> asyncio.Transport | None:
    """The one idle connection of the pool; None when its end was noticed."""
    # The library's own: nothing public tells an idle connection from one in use.
    connector: Any = upstream.session.connector
    [[(protocol, _)]] = connector._conns.values()
    transport: asyncio.Transport | None = protocol.transport
    return transport


async def test_a_pooled_connection_that_the_peer_has_closed_is_left_for_a_new_one(peer: Peer) -> None:
    answers = [peer.answer_once(OK), peer.answer(OK)]
    peer.handle = lambda reader, writer: answers.pop(0)(reader, writer)
    upstream = await client(await peer.start())
    assert isinstance(await post(upstream), Response)

    async def is_noticed() -> bool:
        return pooled(upstream) is None

    await until(is_noticed)
    assert isinstance(await post(upstream), Response)
    await upstream.close()
    assert peer.received.count(b"POST ") == 2


async def test_a_pooled_connection_that_is_found_closed_before_the_write_proves_that_nothing_was_sent(
    peer: Peer,
) -> None:
    upstream = await client(await peer.start())
    assert isinstance(await post(upstream), Response)
    transport = pooled(upstream)
    assert transport is not None

    def closes_when_it_is_ready() -> bool:
        transport.abort()
        return True

    result = await post(upstream, may_start=closes_when_it_is_ready)
    again = await post(upstream)
    await upstream.close()
    assert isinstance(result, NotSent)
    assert not result.lapsed
    assert isinstance(again, Response), "the pool serves the next send"
    assert peer.received.count(b"POST ") == 2


async def test_a_pooled_connection_that_dies_unnoticed_leaves_the_outcome_unknown_and_is_not_tried_anew() -> None:
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
    asked = 0

    def dies_at_the_last_question() -> bool:
        nonlocal asked
        asked += 1
        if asked == 2:
            reset.set()
            was_reset.wait(20)
        return True

    result = await post(upstream, may_start=dies_at_the_last_question)
    await asyncio.to_thread(thread.join)
    await upstream.close()
    listener.close()
    assert isinstance(result, Unknown)
    assert len(connections) == 1, "Meta may have it: no second connection carries it"


async def test_nothing_is_written_once_its_outcome_was_told() -> None:
    body = _Body(b"{}", _Attempt(lambda: True, ended=True))
    with pytest.raises(Lapsed):
        await body.write_with_length(cast(Any, None), 2)
