"""Sends that are answered straight from their connection: what aiohttp makes of a request costs more than the gateway.

Whatever is out of the ordinary goes the way of all other requests; both ways meet in `Graph`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from aiohttp import HttpVersion11
from aiohttp.http_parser import RawRequestMessage

from tidegate.edge.door.answer_bytes import answer_bytes
from tidegate.edge.door.arrivals import AnotherWay, Arrival
from tidegate.edge.door.bodies import SEND_MOST, is_form
from tidegate.edge.door.doorway import REQUEST_ID, refusal, request_id_of
from tidegate.edge.door.origins import without_prefix
from tidegate.edge.graph.face import Graph
from tidegate.edge.graph_paths import Target, read_target

#: Each asks for more than one answer to a body that has come, or may make the body another than it seems.
_UNUSUAL: Final = ("Expect", "Transfer-Encoding", "Content-Encoding", "Upgrade")
_TARGETS: Final = 1024


class Straight:
    """Answers them, as the bytes to be written."""

    def __init__(self, graph: Graph, draining: Callable[[], bool], prefix: str | None) -> None:
        """`prefix`: is taken off the path, where it begins with it."""
        self._graph = graph
        self._draining = draining
        self._prefix = prefix
        # A path has nothing of the caller's but a number and a version: the same few come again and again.
        self._target_of = lru_cache(_TARGETS)(self._read_target)

    def takes(self, message: RawRequestMessage) -> bool:
        """Whether a request with this head is a plain send."""
        if message.method != "POST" or message.should_close or message.chunked or message.version != HttpVersion11:
            return False
        headers = message.headers
        length = headers.get("Content-Length", "")
        if len(length) > len(str(SEND_MOST)) or not length.isdecimal() or int(length) > SEND_MOST:
            return False
        if "Authorization" not in headers or any(name in headers for name in _UNUSUAL):
            return False
        return self._target_of(message.path) is not None and not is_form(Arrival(headers, None))

    async def answer(self, message: RawRequestMessage, body: bytes, remote: str | None) -> tuple[bytes, bool]:
        """The answer to one of these, and whether its connection is to be closed. Raises AnotherWay."""
        target = self._target_of(message.path)
        if target is None:
            raise AnotherWay
        request_id = request_id_of(message.headers.get(REQUEST_ID, ""))
        try:
            reply = await self._graph.send(Arrival(message.headers, remote, body), target)
        except (AnotherWay, ConnectionError):
            raise
        except Exception as fault:
            reply = refusal(fault, message.method, target.path, request_id)
        closes = self._draining() or reply.headers.get("Connection") == "close"
        return answer_bytes(reply, request_id, closes=closes), closes

    def _read_target(self, raw_path: str) -> Target | None:
        # A query may hold a key: such a path is read by whoever keeps nothing of it.
        if "?" in raw_path:
            return None
        path = without_prefix(raw_path, self._prefix) if self._prefix is not None else None
        target = read_target(raw_path if path is None else path)
        return target if target is not None and target.is_send else None
