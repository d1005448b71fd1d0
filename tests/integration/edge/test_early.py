"""What a caller writes before aiohttp's own loop waits for it is answered as if it had come a moment later.

A busy node's loop takes longer for a turn than a caller takes to write again: a connection that once went aiohttp's way
would never come back from it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import pytest
from aiohttp import web

from tests.integration.edge.callers import ANN, BOB, Caller, Recorder, accepted, template
from tests.integration.edge.conftest import NodeMaker
from tests.integration.edge.test_known_heads import recipients
from tests.integration.edge.wires import CY, HEALTH, Site, became, post
from tidegate.edge.door.carrying import CarryingConnection


@pytest.fixture
async def site(make_node: NodeMaker, graph: Recorder, session) -> AsyncIterator[Site]:
    node = await make_node(graph.url)
    made = Site(node, Caller.of(node, session))
    yield made
    made.end()


#: Instead of bytes: the connection is lost.
LOST = b""


class Hasty(asyncio.Transport):
    """A caller that writes again as soon as it has seen a part of an answer, before anybody else has a turn."""

    def __init__(self, connection: CarryingConnection, then: list[tuple[bytes, list[bytes]]]) -> None:
        """`then`: what is written, in how many pieces, when it has seen what."""
        super().__init__()
        self.seen = b""
        self.is_closed = False
        self._connection = connection
        self._then = then

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 1) if name == "peername" else default

    def write(self, data: Any) -> None:
        self.seen += bytes(data)
        while self._then and self._then[0][0] in self.seen:
            _, written = self._then.pop(0)
            for piece in written:
                told = partial(self._connection.data_received, piece) if piece else partial(self._soon, self._end)
                self._soon(told)

    def _soon(self, call: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_soon(call)

    def _end(self) -> None:
        self.is_closed = True
        self._soon(partial(self._connection.connection_lost, None))

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(map(bytes, list_of_data)))

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    abort = close

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


def hasty(site: Site, *then: tuple[bytes, list[bytes]]) -> tuple[CarryingConnection, Hasty]:
    server = site.node.runner.server
    assert server is not None
    connection = server()
    assert isinstance(connection, CarryingConnection)
    transport = Hasty(connection, list(then))
    connection.connection_made(transport)
    return connection, transport


SEND = post(template(to=BOB))


class TestWhatComesEarly:
    async def test_the_first_request_of_a_connection_is_answered_straight(self, site: Site, graph: Recorder):
        connection, caller = hasty(site)

        connection.data_received(post(template()))
        await became(lambda: caller.seen.endswith(b"}]}"))

        assert (recipients(graph), site.requests) == ([ANN], [])

    @pytest.mark.parametrize(
        "written",
        [
            pytest.param([SEND], id="in one piece"),
            pytest.param([SEND[:50], SEND[50:]], id="its head in two"),
            pytest.param([SEND[:-20], SEND[-20:]], id="its body in two"),
        ],
    )
    async def test_a_send_right_behind_an_answer_of_aiohttps_is_answered_straight(
        self, site: Site, graph: Recorder, written
    ):
        connection, caller = hasty(site, (b'{"status":"ok"', written))

        connection.data_received(HEALTH % b"1")
        await became(lambda: caller.seen.endswith(b"}]}"))

        assert (recipients(graph), site.requests) == ([BOB], ["/healthz"])

    async def test_more_of_aiohttps_and_more_sends_are_answered_in_their_order(self, site: Site, graph: Recorder):
        connection, caller = hasty(
            site, (b"X-Request-Id: 1\r\n", [HEALTH % b"2"]), (b"X-Request-Id: 2\r\n", [SEND + post(template(to=CY))])
        )

        connection.data_received(HEALTH % b"1")
        await became(lambda: caller.seen.count(b"wamid") == 2)

        assert recipients(graph) == [BOB, CY]
        assert site.requests[:2] == ["/healthz", "/healthz"]

    async def test_what_can_not_be_read_is_told_so(self, site: Site):
        connection, caller = hasty(site, (b"X-Request-Id: 1\r\n", [b"\0 nonsense\r\n\r\n"]))

        connection.data_received(HEALTH % b"1")

        await became(lambda: caller.is_closed)
        assert caller.seen.count(b" 400 ") == 1

    async def test_of_a_connection_that_is_lost_meanwhile_nothing_is_begun(
        self, site: Site, caplog: pytest.LogCaptureFixture
    ):
        connection, _ = hasty(site, (b"X-Request-Id: 1\r\n", [HEALTH % b"2", LOST]))

        connection.data_received(HEALTH % b"1")
        await became(lambda: connection.transport is None)
        await site.call("GET", "/healthz")

        assert (site.requests, caplog.text) == (["/healthz"] * 2, "")

    async def test_nor_of_one_that_is_lost_in_the_turn_in_which_it_asks(self, site: Site):
        connection, _ = hasty(site)
        await became(lambda: connection._idle is not None)
        loop = connection._task_handler
        assert loop is not None

        connection.data_received(HEALTH % b"1")
        connection.connection_lost(None)

        await became(loop.done)
        assert (loop.cancelled(), site.requests) == (True, [])

    async def test_far_more_than_is_kept_is_given_to_aiohttp_at_once(self, site: Site, graph: Recorder):
        large = post({**template(to=BOB), "x": "y" * 70_000})
        connection, caller = hasty(site, (b"X-Request-Id: 1\r\n", [large[:66_000], large[66_000:]]))

        connection.data_received(HEALTH % b"1")
        await became(lambda: caller.seen.endswith(b"}]}"))

        assert recipients(graph) == [BOB]


class TestWhoAnswersThoseOfAConnection:
    @pytest.mark.parametrize("seen", [b"", b"}]}"], ids=["before it is begun", "after it is answered"])
    async def test_ends_with_it(self, site: Site, graph: Recorder, seen: bytes):
        connection, caller = hasty(site)
        await became(lambda: connection._idle is not None)

        connection.data_received(SEND)
        if seen:
            await became(lambda: seen in caller.seen)
        connection.connection_lost(None)

        await became(lambda: recipients(graph) == [BOB] and not at_work())

    async def test_is_the_same_for_all(self, site: Site, graph: Recorder):
        connection, caller = hasty(site, (b"}]}", [SEND]))

        connection.data_received(post(template()))
        await became(lambda: caller.seen.count(b"}]}") == 2)

        assert (at_work(), recipients(graph)) == ({connection._carrying}, [ANN, BOB])
        connection.connection_lost(None)
        await became(lambda: not at_work())

    async def test_ends_though_it_is_lost_while_one_is_in_hand(self, site: Site, graph: Recorder):
        asked, goes_on = asyncio.Event(), asyncio.Event()

        async def answer(_request: web.Request, raw: bytes) -> web.Response:
            asked.set()
            await goes_on.wait()
            return web.json_response(accepted(to=json.loads(raw)["to"]))

        graph.answer = answer
        connection, caller = hasty(site)
        connection.data_received(SEND)
        await asked.wait()
        connection.connection_lost(None)
        goes_on.set()

        await became(lambda: not at_work())
        assert (recipients(graph), caller.seen) == ([BOB], b"")


def at_work() -> set[asyncio.Task[Any]]:
    return {task for task in asyncio.all_tasks() if task.get_name() == "plain requests"}
