"""Bodies that would make Graph do something else than the method and the path say, in each form that it reads.

Sources: Meta, "Graph API: batch requests"; RFC 7578, as PHP reads it, from which Graph's servers descend.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

import orjson

from tidegate.edge.denials import Denial, Kind
from tidegate.edge.graph_paths import names_credential, scrubbed

_CLOSE: Final = {"Connection": "close"}
# PHP takes the first "boundary" for it, whatever it is a part of, and what comes right behind the next "=".
_BOUNDARY: Final = re.compile(r'boundary(?:=(?:"([^"\\]{1,200})"|([^\s;,"]{1,200})))?', re.IGNORECASE)
_HEAD_MOST: Final = 16_384
_HEAD_ENDS: Final = re.compile(rb"\r?\n\r?\n")
_NAME: Final = re.compile(rb"""(?i)[;\s]name\*?\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^;\s]*))""")


def refuse_field(name: str) -> None:
    """Raises Denial for a field of a body that holds a key, or makes one request another."""
    if names_credential(name):
        raise Denial(Kind.BAD_REQUEST, "a key belongs in the Authorization header, not in this body")
    if name.isascii() and "&" not in name:
        scrubbed(name)


def refuse_disguised_json(raw: bytes) -> None:
    """Raises Denial for a JSON body that is none, or names such a field."""
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise Denial(Kind.BAD_REQUEST, "the body says that it is JSON, and is not") from None
    for name in document if isinstance(document, dict) else ():
        refuse_field(name)


class PartNames:
    """Reads the names of the parts of a multipart body while it passes, and refuses such a field before it is whole.

    What could be the beginning of a part is taken for one: a file that holds the boundary is looked at twice, and
    nothing is overlooked.
    """

    def __init__(self, content_type: str) -> None:
        """Raises Denial for a multipart type without a boundary, or with several."""
        found = _BOUNDARY.findall(content_type)
        if len(found) != 1:
            raise Denial(Kind.BAD_REQUEST, "a multipart body needs one boundary", headers=_CLOSE)
        quoted, bare = found[0]
        if not quoted and not bare:
            raise Denial(Kind.BAD_REQUEST, "a multipart body needs a boundary", headers=_CLOSE)
        self._delimiter = b"--" + (quoted or bare).encode("utf-8", "surrogateescape")
        self._held = b""
        self._in_head = False

    def __call__(self, chunk: bytes) -> None:
        """Look at what comes next. Raises Denial."""
        held = self._held + chunk
        at: int | None = 0
        # What was looked at is left behind once a chunk: a body of delimiters has thousands in each.
        begin = 0
        while at is not None:
            begin = at
            at = self._looked(held, begin)
        if not self._in_head:
            begin = max(begin, len(held) - len(self._delimiter) + 1)
        self._held = held[begin:]

    def _looked(self, held: bytes, at: int) -> int | None:
        """From where on there is more to look at in what is held; None where the rest has to come first."""
        if not self._in_head:
            found = held.find(self._delimiter, at)
            if found < 0:
                return None
            self._in_head = True
            return found + len(self._delimiter)
        if len(held) - at < len(b"--"):
            return None
        if held.startswith(b"--", at):
            self._in_head = False
            return at
        end = _HEAD_ENDS.search(held, at)
        if end is None:
            if len(held) - at > _HEAD_MOST:
                raise Denial(Kind.BAD_REQUEST, "a part of the body has too long a head", headers=_CLOSE)
            return None
        for names in _NAME.findall(held, at, end.start()):
            refuse_field(_read("".join(name.decode("utf-8", "replace") for name in names)))
        self._in_head = False
        return end.end()


def _read(name: str) -> str:
    # RFC 8187 writes a name as charset'language'escaped.
    return unquote(name.rpartition("'")[2].replace("\\", ""))
