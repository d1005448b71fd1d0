"""A send as it came in, whichever way it was carried."""

from __future__ import annotations

from msgspec import Struct
from multidict import CIMultiDictProxy

from tidegate.edge.graph.send_options import SendOptions
from tidegate.edge.graph_paths import Target, path_of_send


class SendHead(Struct, frozen=True, gc=False):
    """What the head of a send says.

    `raw_path`: where it is posted to; `place`: the same, whichever version of Graph's is named. `headers`: without what
    is of one request only, where the head is known by others like it. It holds no key then: `key_hash` is the
    `key_sha256` of the one that it came with, "" where the key is still to be looked for. `options`: None where they
    are to be read, as they are each time where they rest on the time. `length`: of the body, in bytes. `request_id`: ""
    where none was given.
    """

    target: Target
    raw_path: str
    place: str
    headers: CIMultiDictProxy[str]
    key_hash: str = ""
    options: SendOptions | None = None
    length: int = 0
    request_id: str = ""

    @classmethod
    def read(cls, headers: CIMultiDictProxy[str], target: Target, request_id: str = "") -> SendHead:
        """One that the parser has just read."""
        return cls(target, path_of_send(target), target.place, headers, request_id=request_id)

    def __repr__(self) -> str:
        return "SendHead()"


class Arrival(Struct, frozen=True, gc=False):
    """Whose a send is that came without a request of aiohttp's, as far as the door looks at it."""

    headers: CIMultiDictProxy[str]
    remote: str | None

    def __repr__(self) -> str:
        return "Arrival()"
