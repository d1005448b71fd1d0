"""An answer as the bytes that go over a connection, for whoever writes them in one piece."""

from __future__ import annotations

import time
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from tidegate.edge.replies import Reply

_LINE: Final = ": ".join
_LINES: Final = "\r\n".join
_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}
#: Of all that there may be: three digits.
_STATUS_LINES: Final = tuple(f"HTTP/1.1 {status:03} {_PHRASES.get(status, '')}" for status in range(1000))


def answer_bytes(reply: Reply, request_id: str, closes: bool) -> bytes:
    """The head and the body of an answer to a request of HTTP/1.1; `closes`: it is the last on its connection.

    Raises ValueError for a header that would break off the head, or be several (RFC 9110, 5.5).
    """
    lines = [_STATUS_LINES[reply.status], *map(_LINE, reply.headers.items()), f"X-Request-Id: {request_id}"]
    # To look for each takes a tenth of the time that it takes to count them.
    told = "".join(lines)
    if "\n" in told or "\r" in told or "\0" in told:
        raise ValueError("a header of the answer holds what ends a header")
    if closes and "Connection" not in reply.headers:
        lines.append("Connection: close")
    end = _end_of_head(int(time.time()))  # noqa: TID251 - a Date is of the wall clock
    head = f"{_LINES(lines)}\r\nContent-Length: {len(reply.body)}\r\n{end}"
    # What is no UTF-8 came as bytes that are none, from Meta: aiohttp leaves them out as well.
    return head.encode("utf-8", "ignore") + reply.body


@lru_cache(1)
def _end_of_head(at_s: int) -> str:
    """What ends each head that is written in this second."""
    return f"Server: tidegate\r\nDate: {formatdate(at_s, usegmt=True)}\r\n\r\n"
