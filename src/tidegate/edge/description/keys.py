"""JSON Schemas of what the control plane says of the keys of apps."""

from __future__ import annotations

from typing import Final

from tidegate.edge.shapes import TEXT, TIME, Schema, array, maybe, record

_KNOWN: Final[dict[str, Schema]] = {
    "id": TEXT,
    "app": TEXT,
    "state": {"type": "string", "enum": ["live", "revoked"]},
    "origin": {"type": "string", "enum": ["config", "control_plane"]},
    "environment": maybe(TEXT),
    "created": maybe(TIME),
    "created_by": maybe(TEXT),
    "last_used": maybe(TIME),
    "revoked": maybe(TIME),
    "revoked_by": maybe(TEXT),
}

APP_KEYS: Final[Schema] = record({"keys": array(record(_KNOWN))})
APP_KEY_MADE: Final[Schema] = record({**_KNOWN, "key": TEXT})
APP_KEY: Final[Schema] = record(_KNOWN)
APP_KEY_ORDER: Final[Schema] = {**record({"app": TEXT}), "additionalProperties": False}
