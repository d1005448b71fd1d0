"""Sends that are answered straight from their connection: what aiohttp makes of a request costs more than the gateway.

Whatever is out of the ordinary goes the way of all other requests; both ways meet in `Graph`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from aiohttp.http_parser import RawRequestMessage

from tidegate.edge.denials import Denial
from tidegate.edge.door import request_ids
from tidegate.edge.door.answer_bytes import answer_bytes
from tidegate.edge.door.bodies import is_form
from tidegate.edge.door.doorway import REQUEST_ID, refusal
from tidegate.edge.door.keyring import bearer
from tidegate.edge.door.origins import without_prefix
from tidegate.edge.door.plain import Answered, Plain, is_plain_post
from tidegate.edge.graph.arrivals import Arrival, SendHead
from tidegate.edge.graph.face import Graph
from tidegate.edge.graph.known_heads import KnownHeads
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
        #: What one comes to. Raises Denial, and AnotherWay.
        self.answer: Final = graph.send
        self._ending = ending
        self._prefix = prefix
        #: Each waits for Meta.
        self.begins: Final = False
        self._heads = KnownHeads(_MOST)
        #: What a head says that is the same, to the byte, as one that was answered before; None where nobody knows.
        self.known: Final = self._heads.find
        # A path has nothing of the caller's but a number and a version: the same few come again and again.
        self._target_of = lru_cache(_TARGETS)(self._read_target)

    def takes(self, message: RawRequestMessage) -> bool:
        """Whether a request with this head is a plain send."""
        headers = message.headers
        if "Authorization" not in headers or not is_plain_post(message, _MOST):
            return False
        return self._target_of(message.path) is not None and not is_form(Arrival(headers, None))

    def read(self, message: RawRequestMessage) -> SendHead:
        """What the head of one says that was parsed."""
        target = self._target_of(message.path)
        assert target is not None
        return SendHead.read(message.headers, target, request_ids.given_id(message.headers.get(REQUEST_ID, "")))

    def begin(self, _plain: Plain[SendHead], _answered: Answered) -> bool:
        """Whether it answers by calling `answered`."""
        return False

    def tell(self, plain: Plain[SendHead], outcome: object, answered: Answered) -> None:
        """Answer one that came to this, or ended in this fault, by calling `answered`."""
        head, closes = plain.head, self._ending.closes
        request_id = head.request_id or request_ids.new_id()
        if plain.raw_head:
            outcome = self._learnt(plain, outcome)
        if type(outcome) is not Reply:
            if not isinstance(outcome, Exception):
                outcome = TypeError("only what has a request can have its answer streamed")
            outcome = refusal(outcome, "POST", head.target.path, request_id)
            closes = closes or outcome.headers.get("Connection") == "close"
        answered(answer_bytes(outcome, request_id, closes), closes)

    def _learnt(self, plain: Plain[SendHead], outcome: object) -> object:
        """The same, once an answer's head is known; what is wrong with the wishes in that is told first."""
        head = plain.head
        # That its key opens is asked with each request.
        key = bearer(head.headers.getall("Authorization"))
        if key is not None and type(outcome) is Reply:
            try:
                self._heads.learn(plain.raw_head, head.headers, head.target, hash_key(key))
            except Denial as denial:
                return denial
        return outcome

    def _read_target(self, raw_path: str) -> Target | None:
        # A query may hold a key: such a path is read by whoever keeps nothing of it.
        if "?" in raw_path:
            return None
        path = without_prefix(raw_path, self._prefix) if self._prefix is not None else None
        target = read_target(raw_path if path is None else path)
        return target if target is not None and target.is_send else None
