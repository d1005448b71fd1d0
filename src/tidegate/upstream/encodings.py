"""Answers that are packed though nobody asked for it."""

from __future__ import annotations

import zlib
from typing import Final

from tidegate.upstream.outcomes import MAX_ANSWER, TOO_LONG

#: Of zlib's: the widest window, gzip or deflate, whichever it is.
_EITHER: Final = 32 + zlib.MAX_WBITS


class Undecodable(Exception):
    """The body is not what its head says, or too long when it is unpacked; says which."""


def decoded(body: bytes, encoding: str) -> bytes:
    """The body unpacked; as it is where its encoding is not known here. Raises Undecodable."""
    name = encoding.strip().lower()
    if name not in ("gzip", "x-gzip", "deflate"):
        return body
    # Some servers call deflate what has no frame of zlib's around it, whose first byte ends with an 8.
    is_bare = name == "deflate" and body[:1] and body[0] & 0x0F != 8
    packed = zlib.decompressobj(-zlib.MAX_WBITS if is_bare else _EITHER)
    try:
        # One byte more tells that there are too many.
        content = packed.decompress(body, MAX_ANSWER + 1)
    except zlib.error:
        raise Undecodable("the answer's encoding is not what its head says") from None
    if len(content) > MAX_ANSWER:
        raise Undecodable(TOO_LONG.cause)
    if not packed.eof:
        raise Undecodable("the answer's encoding ends too early")
    return content
