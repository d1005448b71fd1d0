"""JSON Schemas of campaigns and their audiences."""

from __future__ import annotations

from typing import Final

from tidegate.cloudapi.vocabulary import Category
from tidegate.edge.control.campaign_progress import FATES
from tidegate.edge.shapes import COUNT, TEXT, TIME, Schema, array, maybe, record, words
from tidegate.policy.campaign.phase import Phase

_SHARE: Final[Schema] = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
_GATE: Final[Schema] = {"type": ["object", "boolean"]}
_WORD: Final[Schema] = {"type": "string", "pattern": "^[A-Za-z0-9_.-]{1,64}$"}
_TEMPLATE: Final[Schema] = {
    **record({"name": TEXT, "language": record({"code": TEXT}), "components": array({})}, optional=("components",)),
    "description": "Meta's template object; {{column}} in its components is filled by each row.",
}
_MINUTE: Final[Schema] = {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}


def _closed(schema: Schema) -> Schema:
    return {**schema, "additionalProperties": False}


_NIGHT: Final = record({"from": _MINUTE, "to": _MINUTE})
CAMPAIGN_ORDER: Final[Schema] = _closed(
    record(
        {
            "name": {"type": "string", "minLength": 1, "maxLength": 200},
            "numbers": {**array(TEXT), "minItems": 1, "maxItems": 100, "uniqueItems": True},
            "template": _TEMPLATE,
            "variants": {
                **array(
                    _closed(
                        record(
                            {"name": _WORD, "share": _SHARE, "template": _TEMPLATE, "control": {"type": "boolean"}},
                            optional=("control",),
                        )
                    )
                ),
                "maxItems": 8,
            },
            "category": words(Category),
            "schedule": _closed(record({"start_at": TIME, "deadline": TIME}, optional=("start_at", "deadline"))),
            "steps": {
                **array(
                    _closed(
                        record(
                            {"name": _WORD, "share": _SHARE, "segment": _WORD, "gate": _GATE},
                            optional=("name", "share", "segment", "gate"),
                        )
                    )
                ),
                "maxItems": 20,
            },
            "gate": _GATE,
            "quiet_hours": _closed(_NIGHT),
            "audience": {
                **array(record({"to": TEXT, "recipient": TEXT}, optional=("to", "recipient"))),
                "maxItems": 1000,
            },
        },
        optional=("template", "variants", "category", "schedule", "steps", "gate", "quiet_hours", "audience"),
    )
)

_ERRORS: Final = array(record({"line": {"type": "integer", "minimum": 1}, "why": TEXT}))
AUDIENCE_TAKEN: Final[Schema] = record(
    {
        "rows": COUNT,
        "duplicates": COUNT,
        "rejected": COUNT,
        "errors": _ERRORS,
        "groups": array(record({"step": TEXT, "variant": TEXT, "rows": COUNT})),
    }
)
_AUDIENCE: Final[Schema] = maybe(record({"rows": COUNT, "duplicates": COUNT, "rejected": COUNT, "uploaded_at": TIME}))
_IN_SHORT: Final = {
    "id": TEXT,
    "state": words(Phase),
    "name": TEXT,
    "portfolio": TEXT,
    "app": TEXT,
    "numbers": array(TEXT),
    "created_at": TIME,
    "schedule": record({"start_at": maybe(TIME), "deadline": TIME}),
    "audience": _AUDIENCE,
}
_PROGRESS: Final = record(dict.fromkeys(FATES, COUNT))
_STOP: Final = {"at": TIME, "by": maybe(TEXT), "reason": maybe(TEXT)}
CAMPAIGN_REASON: Final[Schema] = _closed(record({"reason": {**TEXT, "maxLength": 500}}, optional=("reason",)))
CAMPAIGN: Final[Schema] = record(
    {
        **_IN_SHORT,
        "category": {"type": ["string", "null"]},
        "variants": array(
            record({"name": TEXT, "share": _SHARE, "control": {"type": "boolean"}, "template": {"type": "object"}})
        ),
        "steps": array(
            record(
                {
                    "name": TEXT,
                    "share": maybe(_SHARE),
                    "segment": maybe(TEXT),
                    "gate": maybe({"type": "object"}),
                    "rows": COUNT,
                    "state": TEXT,
                    "began_at": maybe(TIME),
                    "gone_at": maybe(TIME),
                    "progress": _PROGRESS,
                    "variants": {"type": "object", "additionalProperties": _PROGRESS},
                    "verdict": maybe({"type": "object"}),
                }
            )
        ),
        "progress": _PROGRESS,
        "started_at": maybe(TIME),
        "since": maybe(TIME),
        "eta": maybe(TIME),
        "halted": maybe(record({**_STOP, "evidence": {"type": "object"}})),
        "stopped": maybe(record(_STOP)),
        "quiet_hours": maybe(_NIGHT),
        "revision": COUNT,
        "upload": AUDIENCE_TAKEN,
    },
    optional=("upload",),
)
CAMPAIGNS: Final[Schema] = record({"campaigns": array(record(_IN_SHORT))})
CAMPAIGN_DELETED: Final[Schema] = record({"id": TEXT, "deleted": {"const": True}})
