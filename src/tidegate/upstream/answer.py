"""What came back, as it was on the wire, and what it is worth."""

from __future__ import annotations

import contextlib
from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from tidegate.upstream.encodings import decoded
from tidegate.upstream.headers import Wanted
from tidegate.upstream.outcomes import Response

_END: Final = b"\r\n\r\n"
#: What begins so is the head of the answer itself, not word that it goes on.
_BEGINNINGS: Final = (b"HTTP/1.1 2", b"HTTP/1.1 4", b"HTTP/1.1 5")
_ENCODING: Final = Wanted("content-encoding")
_ENCODED: Final = _ENCODING.needles[0]
_MEASURE: Final = Wanted("content-length", "transfer-encoding")


def read_answer(status: int, raw: bytes, body: bytes) -> Response:
    """What was answered. Raises Undecodable where it is no answer to a send.

    `raw`: what came, as far as the end of the answer's head at least, found to be HTTP by llhttp; `body`: no
    longer than an answer's may be, and still packed.
    """
    # Most begin with their own head, which is taken as it stands.
    head = raw.partition(_END)[0] if raw.startswith(_BEGINNINGS) else _head_of(raw)
    # To ask whether it is `in` it would first be taken for a number.
    if head.lower().find(_ENCODED) >= 0:
        body = decoded(body, ", ".join(_ENCODING.picked(head).values()))
    return Response(status, head, body)


def is_measured(raw: bytes) -> bool:
    """Whether a head says where the body ends. `raw`: as for `read_answer`."""
    return _MEASURE.stands_in(_head_of(raw))


def _head_of(raw: bytes) -> bytes:
    """The head of an answer, from its status line to its last header.

    `raw`: what came up to there at least, with whatever stood before it and came after it.
    """
    lines = _Lines()
    with contextlib.suppress(HttpParserError, HttpParserUpgrade):
        lines.parser.feed_data(raw)
    return b"\r\n".join([b"HTTP/1.1 %d" % lines.status, *lines.headers])


class _Lines:
    """Lists the headers of the first answer that is one, and not word that it goes on."""

    def __init__(self) -> None:
        self.parser = HttpResponseParser(self)
        self.status = 0
        self.headers: list[bytes] = []

    def on_message_begin(self) -> None:
        if not self.status:
            self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.status:
            self.headers.append(b"%b: %b" % (name, value))

    def on_headers_complete(self) -> None:
        status = self.parser.get_status_code()
        if not self.status and not 100 <= status < 200:
            self.status = status
