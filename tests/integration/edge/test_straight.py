"""Plain sends are answered straight from their connection, and nobody can tell."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from yarl import URL

from tests.integration.edge.callers import CHECKOUT, NUMBER, STRANGER, Caller, Recorder, template, text
from tests.integration.edge.conftest import NodeMaker
from tests.integration.edge.wires import HEALTH, RECEIPT, Site, Wire, became, pieces, post, written_apart


@pytest.fixture
async def site(make_node: NodeMaker, graph: Recorder, session) -> AsyncIterator[Site]:
    node = await make_node(graph.url)
    made = Site(node, Caller.of(node, session))
    yield made
    made.end()


class TestWhatIsPlain:
    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(template(), id="a send"),
            pytest.param(b"{", id="a body that is none"),
            pytest.param(b"", id="an empty body"),
            pytest.param({**template(), "to": "x"}, id="a send to nobody"),
        ],
    )
    @pytest.mark.parametrize("cut", [None, 60, -20], ids=["in one piece", "its head in two", "its body in two"])
    async def test_is_answered_without_a_request_of_aiohttps(self, site: Site, body, cut):
        wire, raw = await site.wire(), post(body)

        await written_apart(wire, *pieces(raw, *([] if cut is None else [cut % len(raw)])))
        status, headers, answer = await wire.answer()

        unusual = await site.call("POST", f"/v25.0/{NUMBER}/messages?debug=all", data=raw.partition(b"\r\n\r\n")[2])
        assert site.requests == [f"/v25.0/{NUMBER}/messages?debug=all"]
        assert (status, {name.lower() for name in headers}) == (
            unusual.status,
            {name.lower() for name in unusual.headers},
        )
        same = {"Content-Type", "Server", "Cache-Control", "RateLimit-Policy", "Tidegate-Verdict", "Tidegate-Reason"}
        assert {name: headers.get(name) for name in same} == {name: unusual[name] for name in same}
        assert json.loads(answer).keys() == unusual.body.keys()

    @pytest.mark.parametrize(
        ("path", "more", "status"),
        [
            pytest.param(f"/v25.0/{NUMBER}/messages", "Content-Encoding: identity\r\n", 200, id="an encoding"),
            pytest.param(f"/v25.0/{NUMBER}/messages", "Expect: 100-continu\r\n", 417, id="an expectation"),
            pytest.param(f"/v25.0/{NUMBER}/messages?debug=all", "", 200, id="a query"),
            pytest.param("/v25.0/5/messages/x", "", 404, id="another path"),
            pytest.param("/gateway/v1/decide", "", 400, id="the other face"),
        ],
    )
    async def test_all_else_is_answered_as_ever(self, site: Site, path, more, status):
        wire = await site.wire()

        wire.writer.write(post(template(), path=path, more=more))

        assert ((await wire.answer())[0], site.requests) == (status, [path])

    async def test_a_long_body_is_read_as_ever(self, site: Site):
        wire = await site.wire()

        wire.writer.write(post({**template(), "note": "x" * 100_000}))

        assert ((await wire.answer())[0], site.requests) == (200, [f"/v25.0/{NUMBER}/messages"])

    async def test_a_number_of_somebody_else_is_not_found(self, site: Site):
        wire = await site.wire()

        wire.writer.write(post(template()).replace(CHECKOUT.encode(), STRANGER.encode()))
        status, headers, answer = await wire.answer()

        assert (status, json.loads(answer)["error"]["error_subcode"]) == (404, 33)
        assert (headers["Tidegate-Verdict"], headers["X-Request-Id"], site.requests) == ("reject", "1", [])

    async def test_it_is_told_by_the_id_that_its_caller_gave_or_by_a_new_one(self, site: Site):
        wire = await site.wire()
        wire.writer.write(post(template(), request_id="{id}") * 2)

        ids = [(await wire.answer())[1]["X-Request-Id"] for _ in range(2)]

        assert (len(set(ids)), [len(id_) for id_ in ids]) == (2, [36, 36])

    async def test_a_path_prefix_is_taken_off(self, make_node: NodeMaker, graph: Recorder, session):
        node = await make_node(graph.url, environ={"TIDEGATE_SERVER__PATH_PREFIX": "/wa/shop"})
        site = Site(node, Caller.of(node, session))
        wire = await site.wire()

        wire.writer.write(post(template(), path=f"/wa/shop/v25.0/{NUMBER}/messages"))

        assert ((await wire.answer())[0], site.requests) == (200, [])
        assert graph.requests[0][1] == f"/v25.0/{NUMBER}/messages"
        site.end()

    async def test_the_control_planes_own_port_takes_none(self, make_node: NodeMaker, graph: Recorder, session):
        node = await make_node(graph.url, environ={"TIDEGATE_SERVER__CONTROL_LISTEN": "127.0.0.1:0"})
        assert node.control is not None
        control = Caller(f"http://127.0.0.1:{node.control.addresses[0][1]}", session)

        assert (await control.send(template())).status == 404
        assert graph.requests == []


class TestOneConnection:
    async def test_what_is_written_at_once_is_answered_in_its_order(self, site: Site, graph: Recorder):
        wire = await site.wire()
        # More than aiohttp keeps unanswered, of all kinds.
        kinds = [lambda n: post(template(), n), lambda n: HEALTH % n.encode(), lambda n: post(RECEIPT, n)]
        wire.writer.write(b"".join(kinds[n % 3](str(n)) for n in range(60)))

        assert await wire.answers(60) == [(str(n), 200) for n in range(60)]
        assert sum(b"template" in raw for *_, raw in graph.requests) == 20

    async def test_a_read_receipt_goes_its_own_way_and_the_next_send_is_plain_again(self, site: Site, graph: Recorder):
        wire = await site.wire()

        for number, body in enumerate((template(), RECEIPT, template())):
            wire.writer.write(post(body, str(number)))
            assert await wire.answers(1) == [(str(number), 200)]

        assert site.requests == [f"/v25.0/{NUMBER}/messages"]
        assert [json.loads(raw) for *_, raw in graph.requests][1] == RECEIPT

    async def test_what_is_none_behind_a_send_is_answered_after_it_and_ends_the_connection(self, site: Site):
        wire = await site.wire()
        await written_apart(wire, post(template()), b"\x00\r\n\r\n")

        assert [(await wire.answer())[0] for _ in range(2)] == [200, 400]
        assert await wire.reader.read() == b""

    async def test_a_send_is_carried_out_though_its_caller_has_gone(self, site: Site, graph: Recorder):
        waiting = asyncio.Event()

        async def answer(_request: web.Request, _raw: bytes) -> web.Response:
            await waiting.wait()
            return web.json_response({"messages": [{"id": "wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI="}]})

        graph.answer = answer
        wire = await site.wire()
        wire.writer.write(post(template()))
        await became(lambda: len(graph.requests) == 1)

        wire.writer.close()
        waiting.set()

        server = site.node.runner.server
        await became(lambda: server is not None and not server.connections)
        await became(lambda: not site.node.services.gateway._settling._writing)

    async def test_a_body_that_is_late_is_waited_for_as_ever(self, site: Site):
        wire, raw = await site.wire(), post(template())
        wire.writer.write(raw[:-20])

        await became(lambda: site.requests == [f"/v25.0/{NUMBER}/messages"])
        wire.writer.write(raw[-20:])
        assert await wire.answers(1) == [("1", 200)]

        wire.writer.write(post(template(), "2"))
        assert await wire.answers(1) == [("2", 200)]
        assert len(site.requests) == 1

    async def test_who_goes_in_the_middle_of_a_body_leaves_nothing_behind(self, site: Site, graph: Recorder):
        wire = await site.wire()
        wire.writer.write(post(template())[:-20])
        await wire.writer.drain()
        server = site.node.runner.server
        await became(lambda: server is not None and len(server.connections) == 1)

        wire.writer.close()

        await became(lambda: server is not None and not server.connections)
        assert graph.requests == []

    async def test_a_draining_node_says_no_and_closes(self, site: Site):
        wire = await site.wire()
        wire.writer.write(post(text()))
        await wire.answer()
        site.node._ending.drain()

        wire.writer.write(post(template()))
        status, headers, _ = await wire.answer()

        assert (status, headers["Connection"]) == (503, "close")
        assert await asyncio.wait_for(wire.reader.read(), 10) == b""

    async def test_who_does_not_read_its_answers_is_not_served_on(self, site: Site):
        count, small = 120, 4096
        with socket.socket() as told:
            told.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, small)
            told.setblocking(False)
            await asyncio.get_running_loop().sock_connect(told, ("127.0.0.1", URL(site.call.url).port))
            wire = Wire(*await asyncio.open_connection(sock=told.dup(), limit=small))
            server = site.node.runner.server
            await became(lambda: server is not None and len(server.connections) == 1)
            assert server is not None
            [connection] = server.connections
            assert connection.transport is not None
            ours = connection.transport.get_extra_info("socket")
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, small)
            connection.transport.set_write_buffer_limits(high=small)

            wire.writer.write(b"".join(post(b"{", str(n)) for n in range(count)))
            await became(lambda: connection.writing_paused)
            for _ in range(200):
                await asyncio.sleep(0)

            assert connection.transport.get_write_buffer_size() < 2 * small
            assert await wire.answers(count) == [(str(n), 400) for n in range(count)]
            wire.writer.close()
