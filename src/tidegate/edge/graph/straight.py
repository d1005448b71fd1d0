"""Sends that are answered straight from their connection: what aiohttp makes of a request costs more than the gateway.

Whatever is out of the ordinary goes the way of all other requests; both ways meet in `Graph`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from aiohttp.http_parser import RawRequestMessage

from tidegate.edge.door.answer_bytes import answer_bytes
from tidegate.edge.door.bodies import is_form
from tidegate.edge.door.doorway import REQUEST_ID, refusal, request_id_of
from tidegate.edge.door.keyring import bearer
from tidegate.edge.door.origins import without_prefix
from tidegate.edge.door.plain import AnotherWay, Answered, Plain, is_plain_post
from tidegate.edge.graph.arrivals import Arrival
from tidegate.edge.graph.face import Graph
from tidegate.edge.graph.known_heads import KnownHead, KnownHeads
from tidegate.edge.graph_paths import Target, read_target
from tidegate.edge.replies import Reply
from tidegate.ending import Ending
from tidegate.settings.app_keys import hash_key

_TARGETS: Final = 1024
#: Of a longer body aiohttp takes no more from the connection before somebody reads it.
_MOST: Final = 2**16


class Straight:
    """Answers them, as the bytes to be written."""

    def __init__(self, graph: Graph, ending: Ending, prefix: str | None) -> None:
        """`prefix`: is taken off the path, where it begins with it."""
        self._send = graph.send
        self._ending = ending
        self._prefix = prefix
        self._heads = KnownHeads(_MOST)
        # A path has nothing of the caller's but a number and a version: the same few come again and again.
        self._target_of = lru_cache(_TARGETS)(self._read_target)

    def takes(self, message: RawRequestMessage) -> bool:
        """Whether a request with this head is a plain send."""
        headers = message.headers
        if "Authorization" not in headers or not is_plain_post(message, _MOST):
            return False
        return self._target_of(message.path) is not None and not is_form(Arrival(headers, None))

    def known(self, head: bytes) -> KnownHead | None:
        """What a head says that is the same, to the byte, as one that was answered before."""
        return self._heads.find(head)

    def begin(self, _plain: Plain, _answered: Answered) -> bool:
        """Whether it answers by calling `answered`: to none, for each waits for Meta."""
        return False

    async def answer(self, plain: Plain) -> tuple[bytes, bool]:
        """The answer to one of these, and whether it is the last of its connection. Raises AnotherWay."""
        known = plain.known
        if type(known) is KnownHead:
            target, arrival = known.target, Arrival(known.headers, plain.remote, plain.body, None, known)
            request_id = request_id_of(known.request_id)
        else:
            assert plain.message is not None
            headers, read = plain.message.headers, self._target_of(plain.message.path)
            assert read is not None
            target, arrival = read, Arrival(headers, plain.remote, plain.body)
            request_id = request_id_of(headers.get(REQUEST_ID, ""))
        try:
            reply = await self._send(arrival, target)
            if type(reply) is not Reply:
                raise TypeError("only what has a request can have its answer streamed")
            if plain.head:
                self._learn(plain.head, arrival, target)
            closes = self._ending.closes
        except (AnotherWay, ConnectionError):
            raise
        except Exception as fault:
            reply = refusal(fault, "POST", target.path, request_id)
            closes = self._ending.closes or reply.headers.get("Connection") == "close"
        return answer_bytes(reply, request_id, closes=closes), closes

    def _learn(self, head: bytes, arrival: Arrival, target: Target) -> None:
        # That its key opens is asked with each request.
        key = bearer(arrival.headers.getall("Authorization"))
        if key is not None:
            self._heads.learn(head, arrival.headers, target, hash_key(key))

    def _read_target(self, raw_path: str) -> Target | None:
        # A query may hold a key: such a path is read by whoever keeps nothing of it.
        if "?" in raw_path:
            return None
        path = without_prefix(raw_path, self._prefix) if self._prefix is not None else None
        target = read_target(raw_path if path is None else path)
        return target if target is not None and target.is_send else None
