"""An answer as the bytes that go over a connection, for whoever writes them in one piece."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from aiohttp.helpers import rfc822_formatted_time

from tidegate.edge.replies import Reply

_STATUS_LINES: Final = {status.value: f"HTTP/1.1 {status.value} {status.phrase}" for status in HTTPStatus}


def answer_bytes(reply: Reply, request_id: str, *, closes: bool) -> bytes:
    """The head and the body of an answer to a request of HTTP/1.1; `closes`: it is the last on its connection.

    Raises ValueError for a header that would break off the head, or be several (RFC 9110, 5.5).
    """
    body, headers = reply.body, reply.headers
    own = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    ends = len(headers) + 6
    if closes and "Connection" not in headers:
        own += "Connection: close\r\n"
        ends += 1
    head = (
        f"{_STATUS_LINES.get(reply.status) or f'HTTP/1.1 {reply.status} '}\r\n{own}Content-Length: {len(body)}\r\n"
        f"X-Request-Id: {request_id}\r\nServer: tidegate\r\nDate: {rfc822_formatted_time()}\r\n\r\n"
    )
    if head.count("\n") != ends or head.count("\r") != ends or "\0" in head:
        raise ValueError("a header of the answer holds what ends a header")
    # What is no UTF-8 came as bytes that are none, from Meta: aiohttp leaves them out as well.
    return head.encode("utf-8", "ignore") + body
