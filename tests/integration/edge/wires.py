"""What the tests of bytes on a connection share: a connection, plain sends as they go over it, and a node before
Graph's stand-in that notes which requests became aiohttp's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

from aiohttp import web
from yarl import URL

from tests.integration.edge.callers import CHECKOUT, NUMBER, Caller
from tests.waiting import until
from tidegate.app import Node

CY = "+16505557777"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Request-Id: %s\r\n\r\n"
RECEIPT = {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI="}


def post(body: Any, request_id: str | None = "1", path: str = f"/v25.0/{NUMBER}/messages", more: str = "") -> bytes:
    """A plain send, as it goes over the wire; one without an id of its own has the head of all such."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode().ljust(300)
    named = "" if request_id is None else f"X-Request-Id: {request_id}\r\n"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {CHECKOUT}\r\n{named}"
        f"Content-Type: application/json\r\nContent-Length: {len(raw)}\r\n{more}\r\n"
    )
    return head.encode() + raw


class Wire:
    """One connection to a node."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the next answer."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        return int(head[0].split()[1]), headers, await self.reader.readexactly(int(headers["Content-Length"]))

    async def answers(self, count: int) -> list[tuple[str, int]]:
        """Request id and status of so many answers."""
        told = [await self.answer() for _ in range(count)]
        return [(headers["X-Request-Id"], status) for status, headers, _ in told]


class Site:
    """A node before the recording stand-in, whose `web.Request`s are noted by their paths."""

    def __init__(self, node: Node, call: Caller) -> None:
        self.node = node
        self.call = call
        self.requests: list[str] = []
        self._wires: list[Wire] = []
        server = node.runner.server
        assert server is not None
        make = server.request_factory

        def noted(message: Any, *rest: Any) -> web.BaseRequest:
            self.requests.append(message.path)
            return make(message, *rest)

        server.request_factory = noted

    async def wire(self) -> Wire:
        """A new connection."""
        made = Wire(*await asyncio.open_connection("127.0.0.1", URL(self.call.url).port))
        self._wires.append(made)
        return made

    def end(self) -> None:
        for wire in self._wires:
            wire.writer.close()


async def became(check: Callable[[], bool]) -> None:
    async def now() -> bool:
        return check()

    await until(now)


def pieces(raw: bytes, *at: int) -> Iterable[bytes]:
    """The bytes, cut at these places."""
    cuts = (0, *at, len(raw))
    return (raw[begin:end] for begin, end in pairwise(cuts))


async def written_apart(wire: Wire, *parts: bytes) -> None:
    for part in parts:
        wire.writer.write(part)
        await wire.writer.drain()
        # So that each is read by itself.
        await asyncio.sleep(0.01)
