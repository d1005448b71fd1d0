"""Lines of text, cut out of bytes that come in pieces of any size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

LONGEST_LINE: Final = 16 * 1024
"""Bytes of a line; a longer one is not kept."""

MOST_LINES: Final = 3_000_000
"""Lines of one upload, empty ones included."""

_BOM: Final = b"\xef\xbb\xbf"
#: Bytes that no text in UTF-8 begins with, and what does.
_NO_TEXT: Final = (
    (b"\x1f\x8b", "is compressed (gzip): upload it as it was before"),
    (b"PK\x03\x04", "is an archive or a workbook: export it as CSV"),
    (b"\xff\xfe", "is UTF-16: save it as UTF-8"),
    (b"\xfe\xff", "is UTF-16: save it as UTF-8"),
)
_LONGEST_SIGN: Final = 4


class BadAudience(ValueError):
    """What was uploaded can't be read at all; the message repeats nothing of it."""


class Line(NamedTuple):
    """A line without its end, by its number from 1 on. `content` is None where it was longer than may be."""

    number: int
    content: bytes | None


class Lines:
    """Cuts lines. They end with LF or CRLF; a byte order mark before the first one is no part of it."""

    __slots__ = ("_begun", "_kept", "_number", "_too_long")

    def __init__(self) -> None:
        self._kept = b""
        self._number = 0
        self._too_long = False
        self._begun = False

    def feed(self, data: bytes) -> Iterator[Line]:
        """The lines that end in `data`. Raises BadAudience when the first bytes are no text, and for too many lines."""
        data = self._kept + data
        if not self._begun:
            if len(data) < _LONGEST_SIGN:
                self._kept = data
                return
            data = self._began(data)
        *ended, rest = data.split(b"\n")
        for content in ended:
            yield self._line(content)
        if len(rest) > LONGEST_LINE:
            # Of what is too long no more is kept than tells so.
            self._too_long, rest = True, b""
        self._kept = rest

    def end(self) -> Iterator[Line]:
        """The last line, where nothing ends it."""
        data = self._kept if self._begun else self._began(self._kept)
        *ended, rest = data.split(b"\n")
        for content in ended:
            yield self._line(content)
        if rest or self._too_long:
            yield self._line(rest)

    def _began(self, data: bytes) -> bytes:
        self._begun = True
        for sign, why in _NO_TEXT:
            if data.startswith(sign):
                raise BadAudience(why)
        return data.removeprefix(_BOM)

    def _line(self, content: bytes) -> Line:
        self._number += 1
        if self._number > MOST_LINES:
            raise BadAudience(f"has more than {MOST_LINES:,} lines")
        too_long = self._too_long or len(content) > LONGEST_LINE
        self._too_long = False
        return Line(self._number, None if too_long else content.removesuffix(b"\r"))
