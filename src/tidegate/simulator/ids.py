"""The ids Meta gives out: fixed by the world's seed, a stream and the order of giving."""

from __future__ import annotations

import base64
from enum import IntEnum

from tidegate.simulator.chance import mix

_MASK = (1 << 64) - 1


class Stream(IntEnum):
    """What an id is for; ids of different streams differ."""

    OUTBOUND = 1
    INBOUND = 2
    TRACE = 3
    MEDIA = 4


def _bytes(seed: int, stream: Stream, order: int) -> bytes:
    return mix((seed * 8 + stream) & _MASK).to_bytes(8, "big")[:4] + mix(order).to_bytes(8, "big")


def wamid(seed: int, stream: Stream, order: int) -> str:
    """Make a message id; unlike Meta's it holds no phone number."""
    return "wamid." + base64.b64encode(b"\x1d\x06\x15" + _bytes(seed, stream, order) + b"\0\0\0").decode()


def trace_id(seed: int, order: int) -> str:
    """Make an `fbtrace_id`."""
    return "A" + base64.urlsafe_b64encode(_bytes(seed, Stream.TRACE, order)).decode()


def object_id(seed: int, stream: Stream, order: int) -> str:
    """Make a Graph object id of 16 digits."""
    return str(10**15 + int.from_bytes(_bytes(seed, stream, order), "big") % (9 * 10**15))
