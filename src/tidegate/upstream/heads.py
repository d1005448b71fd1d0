"""Requests as bytes: what is the same for all sends of a number is written once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from yarl import URL

from tidegate import __version__

#: Callers choose version and query of a path, so that there may be any number of them.
_MOST_KEPT: Final = 1024
_PATH: Final = re.compile(r"/[!\"$-~]*")
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\t -~]*")


class Unwritable(Exception):
    """A path or a header that HTTP has no way to say."""


class Heads:
    """Writes sends to one host. `tokens` by phone_number_id, asked at each send; never shown."""

    def __init__(self, base: URL, tokens: Mapping[str, str]) -> None:
        self._host = base.host_port_subcomponent
        self._prefix = base.raw_path.rstrip("/")
        self._tokens = tokens
        #: By token and path: a token may be replaced while the node runs.
        self._kept: dict[tuple[str, str], bytes] = {}

    def request(self, number: str, raw_path: str, headers: Mapping[str, str], body: bytes) -> bytes:
        """The whole request. `headers`: none of those that are ours. Raises Unwritable."""
        token = self._tokens[number]
        head = self._kept.get((token, raw_path)) or self._keep(token, raw_path)
        if headers:
            head += b"".join([_line(name, value) for name, value in headers.items()])
        return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)

    def _keep(self, token: str, raw_path: str) -> bytes:
        if _PATH.fullmatch(raw_path) is None:
            raise Unwritable("a path with characters that a path has not")
        lines = [
            f"POST {self._prefix}{raw_path} HTTP/1.1",
            f"Host: {self._host}",
            f"User-Agent: tidegate/{__version__}",
            "Accept: */*",
            # An answer of 200 bytes gains nothing by it.
            "Accept-Encoding: identity",
            "Content-Type: application/json",
            f"Authorization: Bearer {token}",
            "",
        ]
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        head = self._kept[token, raw_path] = "\r\n".join(lines).encode("ascii")
        return head


def _line(name: str, value: str) -> bytes:
    if _NAME.fullmatch(name) is None or _VALUE.fullmatch(value) is None:
        raise Unwritable("a header with characters that a header has not")
    return f"{name}: {value}\r\n".encode("ascii")
