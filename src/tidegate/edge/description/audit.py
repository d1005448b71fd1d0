"""The JSON Schema of the audit, for `/openapi.json`."""

from __future__ import annotations

from typing import Final

from tidegate.edge.shapes import COUNT, TEXT, TIME, Schema, array, maybe, record

_HASH: Final[Schema] = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_LINK: Final = {"seq": COUNT, "prev": _HASH, "hash": _HASH}
_ENTRY: Final = {
    **_LINK,
    "id": TEXT,
    "at": TIME,
    "portfolio": TEXT,
    "act": TEXT,
    "by": record({"app": TEXT, "key": TEXT, "from": TEXT}),
    "target": {"type": "object", "additionalProperties": TEXT},
    "reason": TEXT,
    "detail": {"type": "object"},
}
AUDIT: Final[Schema] = record(
    {"entries": array(record(_ENTRY, optional=tuple(_ENTRY.keys() - _LINK.keys()))), "next": maybe(TEXT)}
)
