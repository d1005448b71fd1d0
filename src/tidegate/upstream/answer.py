"""What came back, as it was on the wire, and what it is worth."""

from __future__ import annotations

from typing import Final, NamedTuple

from tidegate.upstream.encodings import Undecodable, decoded
from tidegate.upstream.outcomes import MAX_ANSWER, TOO_LONG, Response, Unknown

_ENCODING: Final = "content-encoding"
#: One platform has few names for headers, and says them with each answer.
_MOST_NAMES: Final = 256
_names: dict[bytes, str] = {}


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
        headers, encoding = {}, None
        for raw_name, raw_value in self.headers:
            name = _names.get(raw_name) or _named(raw_name)
            headers[name] = value = raw_value.decode("latin-1")
            if len(name) == len(_ENCODING) and name.lower() == _ENCODING:
                encoding = value
        if encoding is not None:
            try:
                body = decoded(body, encoding)
            except Undecodable as fault:
                return Unknown(str(fault))
        return TOO_LONG if len(body) > MAX_ANSWER else Response(self.status, headers, body)


def _named(raw_name: bytes) -> str:
    if len(_names) >= _MOST_NAMES:
        _names.clear()
    name = _names[raw_name] = raw_name.decode("latin-1")
    return name
