"""What came back, as it was on the wire, and what it is worth."""

from __future__ import annotations

from typing import NamedTuple

from multidict import CIMultiDict

from tidegate.upstream.encodings import Undecodable, decoded
from tidegate.upstream.outcomes import MAX_ANSWER, TOO_LONG, Response, Unknown


class Answer(NamedTuple):
    """One answer; `parts` of its body in their order, still packed."""

    status: int
    headers: list[tuple[bytes, bytes]]
    parts: list[bytes]
    #: Whether the connection may carry the next request.
    keep: bool

    @property
    def is_measured(self) -> bool:
        """Whether the head says where the body ends."""
        return any(name.lower() in (b"content-length", b"transfer-encoding") for name, _ in self.headers)

    def read(self) -> Response | Unknown:
        """What was answered; Unknown where it is no answer to a send."""
        body = self.parts[0] if len(self.parts) == 1 else b"".join(self.parts)
        headers = CIMultiDict([(name.decode("latin-1"), value.decode("latin-1")) for name, value in self.headers])
        encoding = headers.get("Content-Encoding")
        if encoding is not None:
            try:
                body = decoded(body, encoding)
            except Undecodable as fault:
                return Unknown(str(fault))
        return TOO_LONG if len(body) > MAX_ANSWER else Response(self.status, headers, body)
