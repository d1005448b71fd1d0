"""What one POST proves, by what its peer does with it: on both loops, over real sockets, a table of parts to play."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

import pytest
import uvloop

from tests.integration.upstream.peers import OK, Part, Peer, client, post
from tests.waiting import until
from tidegate.upstream import MAX_ANSWER, NotSent, Response, Unknown, Upstream, Wanted
from tidegate.upstream.outcomes import TOO_LONG

LOOPS: Final[dict[str, Callable[[], asyncio.AbstractEventLoop]]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}
HEAD: Final = b"HTTP/1.1 200 OK\r\n"
CHUNKED: Final = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
#: More than the buffers of two kernels hold.
LARGE: Final = b" " * 30_000_000


def sized(body: bytes, *heads: bytes) -> bytes:
    return HEAD + b"".join(heads) + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


#: Long enough for a connection on a busy machine, short enough to wait for an answer that does not come.
PATIENCE_S: Final = 0.5


class Case(NamedTuple):
    """A part to play, from the peer that plays it; how long it is waited for, and what is sent."""

    part: Callable[[Peer], Part]
    timeout_s: float = 20
    body: bytes = b'{"a":1}'


def says(*pieces: bytes) -> Case:
    return Case(lambda peer: peer.says(*pieces))


def ends(*pieces: bytes) -> Case:
    return Case(lambda peer: peer.says_and_ends(*pieces))


def hangs(*pieces: bytes) -> Case:
    return Case(lambda peer: peer.says_and_hangs(*pieces), timeout_s=PATIENCE_S)


#: More than an answer to a send can be: cut off where that is seen.
TOO_LARGE: Final = {
    "a body that is too long": ends(sized(b" " * (MAX_ANSWER + 1))),
    "chunks that are too long": ends(CHUNKED + b"40001\r\n" + b" " * 0x40001 + b"\r\n0\r\n\r\n"),
    "chunks without end": Case(lambda _: chunks_without_end),
    "a head without end": Case(lambda _: head_without_end),
    "a long head, and all of it at once": ends(HEAD + b"X: y\r\n" * 15_000 + b"Content-Length: 2\r\n\r\n{}"),
    "200 MB in 200 kB": ends(sized(gzip.compress(b" " * 200_000_000), b"Content-Encoding: gzip\r\n")),
    "a body without end": Case(lambda _: body_without_end),
}

#: Bytes left, and what came back is no answer.
UNKNOWN: Final = TOO_LARGE | {
    "a reset after the request": Case(lambda peer: peer.resets),
    "a reset in the middle of the request": Case(lambda peer: peer.resets_at_once, body=LARGE),
    "an end without an answer": ends(),
    "silence": hangs(),
    "a drip": Case(lambda peer: peer.drips, timeout_s=PATIENCE_S),
    "a request that is never read": Case(lambda _: never_reads, timeout_s=PATIENCE_S, body=LARGE),
    "half a head, then the end": ends(HEAD + b"Content-Le"),
    "half a head, then silence": hangs(HEAD + b"Content-Le"),
    "half a body, then the end": ends(sized(b'{"a":1}')[:-3]),
    "half a body, then silence": hangs(sized(b'{"a":1}')[:-3]),
    "half the chunks, then the end": ends(CHUNKED + b"2\r\n{}\r\n"),
    "a chunk without a length": ends(CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n"),
    "a chunk that is longer than it says": ends(CHUNKED + b"1\r\n{}\r\n0\r\n\r\n"),
    "a head without a length, then the end": ends(HEAD + b"\r\n"),
    "what is no HTTP": ends(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    "a request": ends(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"),
    "HTTP of a version that is none": ends(b"HTTP/7.3 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
    "a status that is none": ends(b"HTTP/1.1 2x0 OK\r\nContent-Length: 2\r\n\r\n{}"),
    "a length that is none": ends(HEAD + b"Content-Length: -2\r\n\r\n{}"),
    "two lengths": ends(HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} "),
    "a length, and chunks": ends(HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
    "a header that is split by a line feed": ends(HEAD + b"X: a\nY: b\r\nContent-Length: 2\r\n\r\n{}"),
    "only word that it goes on": ends(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a change of protocol": hangs(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
    "gzip that is none": ends(sized(b"\x1f\x8bnonsense", b"Content-Encoding: gzip\r\n")),
    "gzip that is cut short": ends(sized(gzip.compress(b"{}")[:-9], b"Content-Encoding: gzip\r\n")),
}


async def never_reads(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await writer.wait_closed()


async def chunks_without_end(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(CHUNKED)
    while True:
        writer.write(b"1\r\n \r\n" * 1000)
        await writer.drain()


async def body_without_end(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Content-Length: 10000000000\r\n\r\n")
    while True:
        writer.write(b" " * 65_536)
        await writer.drain()


async def head_without_end(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD)
    while True:
        writer.write(b"X: y\r\n" * 1000)
        await writer.drain()


class Answered(NamedTuple):
    """A case that is an answer; `kept`: its connection carries the next send as well."""

    case: Case
    status: int = 200
    body: bytes = b"{}"
    kept: bool = True


ANSWERS: Final = {
    "a body of a length": Answered(says(OK)),
    "a body in chunks": Answered(says(CHUNKED + b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n")),
    "chunks with trailers": Answered(says(CHUNKED + b"2\r\n{}\r\n0\r\nX-Trailer: y\r\n\r\n")),
    "byte by byte": Answered(says(*[bytes([byte]) for byte in OK])),
    "the longest body": Answered(says(sized(b" " * MAX_ANSWER)), body=b" " * MAX_ANSWER),
    "nothing": Answered(says(b"HTTP/1.1 204 No Content\r\n\r\n"), 204, b""),
    "a redirect": Answered(
        says(b"HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n"), 307, b""
    ),
    "a refusal": Answered(says(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\n{}"), 400),
    "word that it goes on, then the answer": Answered(says(b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n", OK)),
    "hints, then the answer, at once": Answered(says(b"HTTP/1.1 103 Early Hints\r\nLink: y\r\n\r\n" + OK)),
    "gzip": Answered(says(sized(gzip.compress(b"{}"), b"content-Encoding: GZIP\r\n"))),
    "deflate": Answered(says(sized(zlib.compress(b"{}"), b"Content-Encoding: deflate\r\n"))),
    "deflate without its frame": Answered(says(sized(raw_deflate(b"{}"), b"Content-Encoding: deflate\r\n"))),
    "an encoding that is not known": Answered(says(sized(b"?", b"Content-Encoding: br\r\n")), body=b"?"),
    "an answer, and the end": Answered(ends(OK), kept=False),
    "word that it was the last": Answered(says(sized(b"{}", b"Connection: close\r\n")), kept=False),
    "HTTP/1.0": Answered(says(OK.replace(b"1.1", b"1.0")), kept=False),
    "a body that ends with the connection": Answered(ends(HEAD + b"\r\n{", b"}"), kept=False),
    "an answer, and one that nobody asked for": Answered(says(OK + OK), kept=False),
    "an answer, and half a line": Answered(says(OK + b"HTTP/1.1 2"), kept=False),
    "an answer, and garbage": Answered(says(OK + b"garbage"), kept=False),
    "a last answer, and garbage": Answered(says(sized(b"{}", b"Connection: close\r\n") + b"garbage"), kept=False),
    "an answer, and a little later another": Answered(says(OK, OK), kept=False),
    "an answer before the request is read": Answered(
        Case(lambda peer: peer.says_before_it_has_read, body=LARGE), kept=False
    ),
}


def rests(upstream: Upstream, connections: int) -> Callable[[], Awaitable[bool]]:
    """Whether so many connections are free, as far as the client has noticed."""
    pool = upstream._pool
    assert pool is not None

    async def is_at_rest() -> bool:
        return len(pool._free) == connections

    return is_at_rest


def on(loop: str, play: Any) -> None:
    """Run a test's coroutine on a loop of this kind; no callback may have failed meanwhile."""
    faults: list[Any] = []
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.get_loop().set_exception_handler(lambda _, context: faults.append(context))
        runner.run(play)
        assert not faults


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("case", UNKNOWN.values(), ids=UNKNOWN)
def test_what_proves_nothing_is_unknown_and_is_not_tried_anew(case: Case, loop: str) -> None:
    async def play() -> None:
        peer = Peer(lambda *_: asyncio.sleep(0))
        peer.part = case.part(peer)
        upstream = await client(await peer.start(), case.timeout_s)

        result = await post(upstream, body=case.body)
        sends, peer.part = peer.sends, peer.says(OK)
        again = await post(upstream)

        await upstream.close()
        await peer.stop()
        assert isinstance(result, Unknown), result
        assert (result == TOO_LONG) is (case in TOO_LARGE.values())
        assert sends == 1
        assert isinstance(again, Response), "the pool serves the next send"
        assert peer.connections == 2, "on a connection of its own"

    on(loop, play())


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("case", ANSWERS.values(), ids=ANSWERS)
def test_an_answer_is_given_as_it_came_and_its_connection_carries_the_next_where_it_may(
    case: Answered, loop: str
) -> None:
    async def play() -> None:
        peer = Peer(lambda *_: asyncio.sleep(0))
        peer.part = case.case.part(peer)
        upstream = await client(await peer.start(), case.case.timeout_s)

        result = await post(upstream, body=case.case.body)
        peer.part = peer.says(OK)

        await until(rests(upstream, 1 if case.kept else 0))
        again = await post(upstream)

        await upstream.close()
        await peer.stop()
        assert isinstance(result, Response), result
        assert (result.status, result.body) == (case.status, case.body)
        assert isinstance(again, Response)
        assert again.body == b"{}", "nobody gets what was left of another's answer"
        assert peer.connections == (1 if case.kept else 2)

    on(loop, play())


@pytest.mark.parametrize("loop", LOOPS)
def test_headers_are_named_as_they_came(loop: str) -> None:
    async def play() -> None:
        peer = Peer(lambda *_: asyncio.sleep(0))
        peer.part = peer.says(sized(b"{}", b"x-fb-Trace-id: A\xe9B\r\nX-Empty:\r\nX-Two: a\r\nX-Two: b\r\n"))
        upstream = await client(await peer.start())
        result = await post(upstream)
        await upstream.close()
        await peer.stop()
        assert isinstance(result, Response)
        told = Wanted(beginnings=[""]).picked(result.head)
        assert told == {
            "x-fb-Trace-id": "AéB",
            "X-Empty": "",
            "X-Two": "b",
            "Content-Length": "2",
        }

    on(loop, play())


@pytest.mark.parametrize("loop", LOOPS)
def test_a_peer_that_speaks_first_is_sent_nothing(loop: str) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail ready\r\n")
        received.extend(await reader.read())
        writer.close()

    received = bytearray()

    async def play() -> None:
        server = await asyncio.start_server(greet, "127.0.0.1", 0)
        upstream = await client(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", 0.5)
        # As long as the greeting has not come nobody can know; once it has, nothing more goes that way.
        results = [await post(upstream, may_start=lambda: False) for _ in range(3)]
        await upstream.close()
        server.close()
        assert all(isinstance(result, NotSent) for result in results)
        assert not received

    on(loop, play())
