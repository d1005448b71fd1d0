"""What became of one POST, and what that proves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from msgspec import Struct

#: Answers to a send are small; whoever sends more is not Meta.
MAX_ANSWER: Final = 262_144


class Response(Struct, frozen=True, gc=False):
    """Meta answered, with whatever. `head`: as it came, to its last header; `body`: unpacked."""

    status: int
    head: bytes
    body: bytes

    def __repr__(self) -> str:
        # What is in the body names a user, and what is in the head may.
        return f"Response(status={self.status!r})"


@dataclass(frozen=True, slots=True)
class NotSent:
    """Proven: no byte of the request left this node."""

    cause: str
    lapsed: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """Bytes left, and no answer that proves anything came back: the message may have been taken."""

    cause: str


Outcome = Response | NotSent | Unknown

LAPSED: Final = NotSent("it was not to start any more", lapsed=True)
TOO_LONG: Final = Unknown("the answer is longer than an answer to a send can be")
CUT_SHORT: Final = Unknown("the connection ended before the answer was whole")
