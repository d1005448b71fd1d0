"""JSON Schemas of what apps report of a campaign's sends."""

from __future__ import annotations

from typing import Final

from tidegate.edge.shapes import COUNT, TEXT, Schema, array, record

_REPORT: Final = {
    **record(
        {
            "id": {"type": "string", "maxLength": 200},
            "message": TEXT,
            "to": TEXT,
            "number": TEXT,
            "kind": {"type": "string", "enum": ["conversion", "csat", "journey"]},
            "step": {"type": "string", "pattern": "^[A-Za-z0-9_.-]{1,64}$"},
            "value": {"type": "number", "minimum": 0, "maximum": 1},
        },
        optional=("id", "message", "to", "number", "step", "value"),
    ),
    "additionalProperties": False,
}
OUTCOMES: Final[Schema] = {
    **record({"outcomes": {**array(_REPORT), "minItems": 1, "maxItems": 1_000}}),
    "additionalProperties": False,
}
_RESULTS: Final = (
    "counted",
    "counted_before",
    "unknown_message",
    "no_campaign",
    "too_late",
    "too_many",
    "refused",
)
OUTCOMES_TAKEN: Final[Schema] = record(
    {
        "counted": COUNT,
        "results": array(
            record(
                {"id": TEXT, "outcome": {"type": "string", "enum": list(_RESULTS)}, "why": TEXT}, optional=("id", "why")
            )
        ),
    }
)
