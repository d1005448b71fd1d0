"""JSON Schemas of what apps report of their sends, and of what is made of it for a campaign."""

from __future__ import annotations

from typing import Final

from tidegate.edge.shapes import COUNT, TEXT, TIME, Schema, array, maybe, record

_REPORT: Final = {
    **record(
        {
            "id": {"type": "string", "maxLength": 200},
            "message": TEXT,
            "to": TEXT,
            "number": TEXT,
            "kind": {"type": "string", "enum": ["conversion", "csat", "journey", "handling_time"]},
            "step": {"type": "string", "pattern": "^[A-Za-z0-9_.-]{1,64}$"},
            "value": {"type": "number", "minimum": 0, "maximum": 1},
            "seconds": {"type": "number", "minimum": 0, "maximum": 604_800},
        },
        optional=("id", "message", "to", "number", "step", "value", "seconds"),
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

_INTERVAL: Final = record({"value": {"type": "number"}, "low": {"type": "number"}, "high": {"type": "number"}})
_RATE: Final = record(
    {"of": COUNT, "events": {"type": "number"}, "share": maybe(_INTERVAL), "to_control": maybe(_INTERVAL)}
)
_VARIANTS: Final = array(
    record({"name": TEXT, "control": {"type": "boolean"}, "rates": {"type": "object", "additionalProperties": _RATE}})
)
REPORT: Final[Schema] = record(
    {
        "id": TEXT,
        "as_of": TIME,
        "variants": _VARIANTS,
        "steps": array(record({"name": TEXT, "verdict": maybe({"type": "object"}), "variants": _VARIANTS})),
    }
)
