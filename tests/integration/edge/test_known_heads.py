"""A head that was read before is not read again, and means what it meant."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from tests.integration.edge.callers import ANN, BOB, CHECKOUT, NUMBER, OPERATOR, Caller, Recorder, accepted, template
from tests.integration.edge.conftest import NodeMaker
from tests.integration.edge.wires import CY, HEALTH, RECEIPT, Site, Wire, became, pieces, post, written_apart
from tidegate.edge.door.carrying import CarryingConnection, CarryingServer
from tidegate.edge.graph.arrivals import SendHead
from tidegate.edge.graph.known_heads import KnownHeads
from tidegate.edge.graph.straight import Straight
from tidegate.settings.app_keys import hash_key
from tidegate.store.key_records import key_id

_SEND = post(template(), None)
_UNUSUAL = post(template(), None, f"/v25.0/{NUMBER}/messages?debug=all")


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Of each head that was looked for, whether it was known."""
    told: list[bool] = []
    find = KnownHeads.find

    def noted(heads: KnownHeads, head: bytes) -> SendHead | None:
        known = find(heads, head)
        told.append(known is not None)
        return known

    monkeypatch.setattr(KnownHeads, "find", noted)
    return told


@pytest.fixture
async def site(found: list[bool], make_node: NodeMaker, graph: Recorder, session) -> AsyncIterator[Site]:
    node = await make_node(graph.url)
    made = Site(node, Caller.of(node, session))
    yield made
    made.end()


async def a_knowing_wire(site: Site, found: list[bool]) -> Wire:
    """A connection to a node that knows the head of a send."""
    wire = await site.wire()
    wire.writer.write(post(template(), None))
    await wire.answer()
    found.clear()
    return wire


def recipients(graph: Recorder) -> list[str]:
    return [json.loads(raw).get("to", "a receipt") for *_, raw in graph.requests]


class TestHeadsThatAreKnown:
    @pytest.mark.parametrize(
        ("cut", "known"),
        [
            pytest.param([], [True], id="in one piece"),
            pytest.param([-300], [True, True], id="its head by itself"),
            pytest.param([-300, -20], [True] * 3, id="its body in two"),
            pytest.param([60], [], id="its head in two"),
        ],
    )
    async def test_a_send_with_one_is_carried_out_as_the_first_was(
        self, site: Site, graph: Recorder, found, cut, known
    ):
        wire = await a_knowing_wire(site, found)
        raw = post(template(to=BOB), None)

        await written_apart(wire, *pieces(raw, *(at % len(raw) for at in cut)))
        status, headers, answer = await wire.answer()

        assert (status, headers["Tidegate-Verdict"], site.requests) == (200, "send", [])
        assert json.loads(answer)["contacts"][0]["input"] == BOB
        assert recipients(graph) == [ANN, BOB]
        assert found == known

    async def test_its_wishes_are_those_of_the_first(self, site: Site, graph: Recorder, found):
        wire, raw = await site.wire(), post(template(), None, more="Tidegate-Dry-Run: true\r\n")

        for _ in range(2):
            wire.writer.write(raw)
            assert (await wire.answer())[0] == 200

        assert (found, graph.requests) == ([False, True], [])

    async def test_a_time_from_now_is_from_now_each_time(self, site: Site, graph: Recorder, found):
        wire = await site.wire()
        soon = post(template(), None, more="Tidegate-Expires: 60\r\n")
        wire.writer.write(soon)
        assert (await wire.answer())[0] == 200
        await site.call("POST", "/gateway/v1/testing/clock", OPERATOR, json={"advance_s": 90})

        wire.writer.write(soon)

        assert ((await wire.answer())[0], found[-1], len(graph.requests)) == (200, True, 2)

    @pytest.mark.parametrize("name", ["X-Request-Id", "Idempotency-Key", "idempotency-key"])
    async def test_what_is_of_one_request_is_of_that_one(self, site: Site, graph: Recorder, found, name):
        wire, told = await site.wire(), []
        for value, to in (("seven", ANN), ("number 8", BOB), ("seven", ANN)):
            wire.writer.write(post(template(to), None, more=f"{name}: {value}\r\n"))
            status, headers, answer = await wire.answer()
            told.append(json.loads(answer)["contacts"][0]["input"])
            assert status == 200

        is_key = name != "X-Request-Id"
        assert (found, told) == ([False, True, True], [ANN, BOB, ANN])
        assert ("Idempotency-Replayed" in headers, headers["X-Request-Id"] == "seven") == (is_key, not is_key)
        assert recipients(graph) == [ANN, BOB] + [ANN] * (not is_key)

    async def test_a_key_that_is_wrong_is_refused_as_ever(self, site: Site, graph: Recorder, found):
        wire, told = await site.wire(), []
        for value in ("seven", "a\u00e9b", "x" * 256, '"seven"'):
            wire.writer.write(post(template(), None, more=f"Idempotency-Key: {value}\r\n"))
            status, headers, _ = await wire.answer()
            told.append((status, "Idempotency-Replayed" in headers))

        assert (told, recipients(graph)) == ([(200, False), (400, False), (400, False), (200, True)], [ANN])
        assert not any(found)

    async def test_nor_is_that_of_a_key_that_opens_nothing(self, site: Site, found):
        wire = await site.wire()
        for _ in range(2):
            wire.writer.write(post(template(), None).replace(CHECKOUT.encode(), b"tg_nobodys"))
            assert (await wire.answer())[0] == 401

        assert found == [False, False]

    async def test_a_key_that_was_revoked_meanwhile_opens_nothing(self, site: Site, graph: Recorder, found):
        wire, keys = await a_knowing_wire(site, found), site.node.services.keys
        key = keys.key(key_id(hash_key(CHECKOUT)))
        assert key is not None
        await keys.revoke(key, "a test", "to see it closed")

        wire.writer.write(post(template(), None))

        assert ((await wire.answer())[0], found, recipients(graph)) == (401, [True], [ANN])

    async def test_a_read_receipt_goes_its_own_way_and_what_came_behind_follows_it(self, site: Site, graph, found):
        wire = await a_knowing_wire(site, found)

        await written_apart(wire, post(RECEIPT, None), post(template(BOB), None) + HEALTH % b"2")
        told = [(await wire.answer())[0] for _ in range(3)]

        assert (told, recipients(graph)) == ([200] * 3, [ANN, "a receipt", BOB])

    async def test_what_comes_while_one_is_in_hand_follows_it(self, site: Site, graph: Recorder, found):
        wire, waiting = await a_knowing_wire(site, found), asyncio.Event()

        async def answer(_request: web.Request, raw: bytes) -> web.Response:
            await waiting.wait()
            return web.json_response(accepted(to=json.loads(raw)["to"]))

        graph.answer = answer
        await written_apart(
            wire, post(template(CY), None), post(template(BOB), None)[:-40], post(template(BOB), None)[-40:]
        )
        waiting.set()
        told = [json.loads((await wire.answer())[2])["contacts"][0]["input"] for _ in range(2)]

        assert (told, recipients(graph)) == ([CY, BOB], [ANN, CY, BOB])

    async def test_more_than_its_body_is_another_request(self, site: Site, graph: Recorder, found):
        wire = await a_knowing_wire(site, found)

        wire.writer.write(post(template(CY), None) + post(template(BOB), None))
        told = [json.loads((await wire.answer())[2])["contacts"][0]["input"] for _ in range(2)]

        assert (told, recipients(graph)) == ([CY, BOB], [ANN, CY, BOB])

    async def test_a_body_that_is_late_is_waited_for_as_ever(self, site: Site, graph: Recorder, found):
        wire, raw = await a_knowing_wire(site, found), post(template(BOB), None)
        wire.writer.write(raw[:-20])

        await became(lambda: len(site.requests) == 1)
        wire.writer.write(raw[-20:])

        assert ((await wire.answer())[0], recipients(graph)) == (200, [ANN, BOB])

    async def test_within_a_body_no_request_begins(self, site: Site, graph: Recorder, found):
        wire, raw = await a_knowing_wire(site, found), post(template(BOB), None)
        upload = f"POST /v25.0/{NUMBER}/media HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {CHECKOUT}\r\n"
        upload += f"Content-Type: image/png\r\nContent-Length: {2 * len(raw)}\r\n\r\n"

        await written_apart(wire, upload.encode(), raw, raw)

        assert (await wire.answer())[0] == 200
        assert [(path.rpartition("/")[2], body) for _, path, _, body in graph.requests[1:]] == [("media", raw * 2)]

    async def test_nobody_keeps_its_key(self, site: Site, found):
        await a_knowing_wire(site, found)

        server = site.node.runner.server
        assert isinstance(server, CarryingServer)
        [sends] = (carrier for carrier in server.carriers if isinstance(carrier, Straight))
        [(digest, known)] = sends._heads._heads.items()
        assert CHECKOUT not in f"{digest!r}{[getattr(known, name) for name in known.__struct_fields__]!r}"
        assert "Authorization" not in known.headers

    @pytest.mark.parametrize(
        "together",
        [
            pytest.param([_SEND, _SEND], id="sends"),
            pytest.param([_UNUSUAL, _UNUSUAL], id="what aiohttp's own loop answers"),
            pytest.param([_SEND, post(RECEIPT, None)], id="what is left to that loop"),
        ],
    )
    async def test_nor_does_its_connection(self, site: Site, together: list[bytes]):
        server = site.node.runner.server
        assert server is not None
        before, wire = set(server.connections), await site.wire()
        for raw in together:
            wire.writer.write(raw)
            assert (await wire.answer())[0] == 200

        [connection] = set(server.connections) - before
        assert isinstance(connection, CarryingConnection)
        await became(lambda: connection._idle is not None)
        assert CHECKOUT not in repr(vars(connection))

    async def test_nor_of_one_that_comes_while_another_is_answered(self, site: Site, graph: Recorder):
        server, wire = site.node.runner.server, await site.wire()
        assert server is not None

        async def answer(_request: web.Request, _raw: bytes) -> web.Response:
            graph.answer = None
            wire.writer.write(_UNUSUAL)
            await became(lambda: any(connection._messages for connection in server.connections))
            return web.json_response(accepted())

        graph.answer = answer
        wire.writer.write(_UNUSUAL)

        assert [(await wire.answer())[0] for _ in range(2)] == [200, 200]
        for connection in server.connections:
            assert isinstance(connection, CarryingConnection)
            await became(lambda connection=connection: connection._idle is not None)
            assert CHECKOUT not in repr(vars(connection))
