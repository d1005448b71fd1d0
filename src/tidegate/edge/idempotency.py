"""Idempotency-Key: the header read, and an answer as it is kept for whoever repeats the request."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from orjson import dumps, loads

from tidegate.edge.denials import Denial, Kind
from tidegate.edge.replies import Reply
from tidegate.edge.services import Services
from tidegate.settings.tables import App

REPLAYED: Final = {"Idempotency-Replayed": "true"}
#: Its numbers are those of the moment at which it was given.
_MOMENTARY: Final = frozenset({"RateLimit", "RateLimit-Policy"})
_KEY: Final = re.compile(r"[!-~](?:[ -~]{0,253}[!-~])?")
_QUOTED: Final = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')


def read_key(text: str) -> str:
    """The key that the header's value gives. Raises Denial."""
    # A structured-field string by the draft (httpapi-idempotency-key-header); bare by custom.
    quoted = _QUOTED.fullmatch(text)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else text
    if not _KEY.fullmatch(key):
        raise Denial(Kind.BAD_REQUEST, "header Idempotency-Key: has to be 1 to 255 characters of printable ASCII")
    return key


def is_plain_key(text: str) -> bool:
    """Whether this is a key as it stands: neither quoted, nor with blanks around it, nor wrong."""
    return text[:1] != '"' and _KEY.fullmatch(text) is not None


def digest_of(key: str) -> str:
    """What stands for a key in the store (hex)."""
    return hashlib.sha256(key.encode()).hexdigest()


def home_of(services: Services, app: App, default: str) -> str:
    """One portfolio for all keys of an app: a key is the app's, whichever number it is used with."""
    mine = (portfolio.id for portfolio, _, number in services.settings.numbers if app.may_use(number.id))
    return next(mine, default)


def packed(reply: Reply) -> bytes:
    """An answer as it is kept."""
    kept = reply.headers
    if not _MOMENTARY.isdisjoint(kept):
        kept = {name: value for name, value in kept.items() if name not in _MOMENTARY}
    head = dumps({"status": reply.status, "headers": kept})
    return head + b"\n" + reply.body


def unpacked(answer: bytes) -> Reply:
    """What `packed` was given."""
    head, _, body = answer.partition(b"\n")
    told = loads(head)
    return Reply(told["status"], told["headers"], body)
