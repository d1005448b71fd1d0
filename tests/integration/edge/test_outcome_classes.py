"""What a POST proves, over real sockets: never sent, refused, or nobody knows; and what becomes of its place."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from tests.integration.edge.callers import PORTFOLIO, Answer, Caller, template
from tests.integration.edge.conftest import NodeMaker
from tests.integration.edge.peers import PROVES_NOTHING, REFUSES, Fault, Peer, own_certificate, resets
from tests.waiting import until
from tidegate.app import Node
from tidegate.edge.services import Services

#: Long enough for an answer on a busy machine, short enough to wait for one that does not come.
PATIENCE_S = 0.5


def impatient(services: Services) -> Services:
    services.upstream.timeout_s = PATIENCE_S
    return services


@dataclass
class Stage:
    """A node before a peer, and one message that was sent through it."""

    node: Node
    call: Caller
    answer: Answer

    async def state(self) -> str:
        record = await self.node.services.messages.find(PORTFOLIO, self.answer["Tidegate-Id"] or "")
        return record.state.value if record else ""

    async def used(self) -> int:
        return (await self.node.services.ledger.books(PORTFOLIO)).used

    async def ends_as(self, state: str, used: int) -> None:
        """Return when the message is in this state, and so many places are held."""

        async def is_so() -> bool:
            return (await self.state(), await self.used()) == (state, used)

        await until(is_so)


@pytest.fixture
async def peers() -> AsyncIterator[Callable[..., Peer]]:
    made: list[Peer] = []

    def make(fault: Fault, tls: ssl.SSLContext | None = None) -> Peer:
        made.append(Peer(fault, tls))
        return made[-1]

    yield make
    for peer in made:
        await peer.stop()


Send = Callable[..., Awaitable[Stage]]


@pytest.fixture
async def send(make_node: NodeMaker, session: aiohttp.ClientSession) -> Send:
    """Send one message through a node before this address."""

    async def sent(url: str, category: str = "authentication") -> Stage:
        node = await make_node(url, change=impatient, clock=False)
        call = Caller.of(node, session)
        return Stage(node, call, await call.send(template(), Tidegate_Category=category))

    return sent


@pytest.mark.parametrize("fault", PROVES_NOTHING.values(), ids=PROVES_NOTHING)
async def test_what_proves_nothing_is_unknown_keeps_its_place_and_is_not_sent_again(
    fault: Fault, peers: Callable[..., Peer], send: Send
) -> None:
    peer = peers(fault)
    stage = await send(await peer.start())
    assert (stage.answer.status, stage.answer["Tidegate-Verdict"]) == (200, "unknown")
    await stage.ends_as("unknown", used=1)
    assert peer.sends == 1


@pytest.mark.parametrize("fault", REFUSES.values(), ids=REFUSES)
async def test_a_graph_error_is_proof_that_it_was_not_taken(
    fault: Fault, peers: Callable[..., Peer], send: Send
) -> None:
    peer = peers(fault)
    stage = await send(await peer.start())
    assert stage.answer.status >= 400
    assert "error" in stage.answer.body
    await stage.ends_as("failed", used=0)
    assert peer.sends == 1


@asynccontextmanager
async def _nobody(_peers: Callable[..., Peer], _path: Path) -> AsyncIterator[str]:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{unused.getsockname()[1]}"


@asynccontextmanager
async def _no_name(_peers: Callable[..., Peer], _path: Path) -> AsyncIterator[str]:
    yield "http://nowhere.invalid"


@asynccontextmanager
async def _own_certificate(peers: Callable[..., Peer], path: Path) -> AsyncIterator[str]:
    yield await peers(resets, own_certificate(path, "graph")).start()


@asynccontextmanager
async def _no_tls(peers: Callable[..., Peer], _path: Path) -> AsyncIterator[str]:
    async def hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail ready\r\n")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hello, "127.0.0.1", 0)
    yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


@asynccontextmanager
async def _silent_tls(_peers: Callable[..., Peer], _path: Path) -> AsyncIterator[str]:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


@asynccontextmanager
async def _full(_peers: Callable[..., Peer], _path: Path) -> AsyncIterator[str]:
    """A port whose line of callers is full: a connection is neither made nor refused."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        callers = [socket.socket() for _ in range(4)]
        for caller in callers:
            caller.setblocking(False)
            caller.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        for caller in callers:
            caller.close()


NOT_REACHED = {
    "nobody listens": _nobody,
    "the name does not resolve": _no_name,
    "a certificate that nobody vouches for": _own_certificate,
    "no TLS where TLS should be": _no_tls,
    "a handshake that does not end": _silent_tls,
    "a connection that is never made": _full,
}


@pytest.mark.parametrize("reach", NOT_REACHED.values(), ids=NOT_REACHED)
@pytest.mark.parametrize(
    ("category", "status", "state"),
    [("authentication", 503, "failed"), ("marketing", 200, "queued")],
    ids=["refused", "queued"],
)
async def test_what_never_reached_meta_gives_its_place_back(
    reach: Callable[..., object],
    category: str,
    status: int,
    state: str,
    peers: Callable[..., Peer],
    tmp_path: Path,
    send: Send,
) -> None:
    async with reach(peers, tmp_path) as url:  # type: ignore[attr-defined]  # an async context manager, by its decorator
        stage = await send(url, category)
        assert stage.answer.status == status
        await stage.ends_as(state, used=0)
