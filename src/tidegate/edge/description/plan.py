"""JSON Schemas of plans and of upgrade readiness."""

from __future__ import annotations

from typing import Final

from tidegate.cloudapi.vocabulary import Category
from tidegate.edge.description.campaigns import CAMPAIGN_ORDER
from tidegate.edge.shapes import COUNT, TEXT, TIME, Schema, array, maybe, record, words
from tidegate.policy.plan.upgrade import Obstacle

_SHARE: Final[Schema] = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
_RECIPIENTS: Final[Schema] = {"type": "integer", "minimum": 1, "maximum": 100_000_000}
_BY_REASON: Final[Schema] = {"type": "object", "additionalProperties": COUNT}
_LEFT: Final[Schema] = maybe(record({category.value: COUNT for category in Category}))


def _by_name(of: Schema, names: Schema) -> Schema:
    return {"type": "object", "propertyNames": names, "additionalProperties": of, "maxProperties": 200}


_BESIDE: Final[Schema] = {
    **record(
        {
            "per_second": {"type": "number", "exclusiveMinimum": 0, "maximum": 10_000},
            "recipients_a_day": _RECIPIENTS,
        },
        optional=("recipients_a_day",),
    ),
    "additionalProperties": False,
}
PLAN_ORDER: Final[Schema] = {
    **CAMPAIGN_ORDER,
    "description": "A campaign's order, of which only numbers has to be given; or the id of one that was ordered.",
    "required": [],
    "properties": {
        **CAMPAIGN_ORDER["properties"],
        "campaign_id": {"type": "string", "maxLength": 100},
        "recipients": _RECIPIENTS,
        "zones": _by_name(_SHARE, TEXT),
        "prefixes": _by_name(_SHARE, {"type": "string", "pattern": "^[1-9][0-9]{0,14}$"}),
        "beside": _by_name(_BESIDE, words(Category)),
    },
}
PLAN: Final[Schema] = record(
    {
        "portfolio": TEXT,
        "as_of": TIME,
        "campaign": maybe(TEXT),
        "category": words(Category),
        "recipients": COUNT,
        "looked_up": COUNT,
        "starts_at": TIME,
        "finish_at": maybe(TIME),
        "finish_at_latest": maybe(TIME),
        "deadline": TIME,
        "sent": COUNT,
        "refused": _BY_REASON,
        "unsent": _BY_REASON,
        "held": array(record({"reason": TEXT, "recipient_hours": COUNT})),
        "hours": array(
            record({"from": TIME, "sent": COUNT, "refused": _BY_REASON, "waiting": _BY_REASON, "left": _LEFT})
        ),
        "steps": array(
            record(
                {
                    "name": TEXT,
                    "recipients": COUNT,
                    "begins_at": maybe(TIME),
                    "gone_at": maybe(TIME),
                    "over_at": maybe(TIME),
                }
            )
        ),
        "numbers": array(record({"number": TEXT, "sent": COUNT})),
        "limit": record(
            {
                "messaging_limit": maybe(COUNT),
                "used_now": COUNT,
                "campaign_places": maybe(COUNT),
                "used_share": maybe({"type": "number", "minimum": 0}),
                "least_left": _LEFT,
            }
        ),
        "beside": array(
            record(
                {
                    "category": words(Category),
                    "per_second": {"type": "number", "minimum": 0},
                    "recipients": COUNT,
                    "refused": COUNT,
                }
            )
        ),
        "cost": maybe(
            record(
                {
                    "currency": TEXT,
                    "total": TEXT,
                    "unpriced": COUNT,
                    "markets": array(record({"market": maybe(TEXT), "sent": COUNT, "cost": TEXT})),
                }
            )
        ),
        "warnings": array(record({"code": TEXT, "detail": TEXT})),
        "faster": array(record({"change": TEXT, "detail": TEXT, "finish_at": maybe(TIME)})),
    }
)
UPGRADE: Final[Schema] = record(
    {
        "portfolio": TEXT,
        "as_of": TIME,
        "messaging_limit": maybe(COUNT),
        "next_limit": maybe(COUNT),
        "at_the_top": {"type": "boolean"},
        "ready": {"type": "boolean"},
        "recipients": maybe(
            record(
                {
                    "needed": COUNT,
                    "days": COUNT,
                    "together": COUNT,
                    "best_day": COUNT,
                    "missing": COUNT,
                    "met_together": {"type": "boolean"},
                    "met_in_a_day": {"type": "boolean"},
                }
            )
        ),
        "by_day": array(record({"day": {"type": "string", "format": "date"}, "recipients": maybe(COUNT)})),
        "quality": record(
            {
                "high": {"type": "boolean"},
                "obstacles": array(
                    record({"kind": words(Obstacle), "of": TEXT, "detail": TEXT, "known": {"type": "boolean"}})
                ),
            }
        ),
        "spread": array(record({"days": COUNT, "recipients_a_day": COUNT, "fits": {"type": "boolean"}})),
        "templates": array(TEXT),
        "numbers": array(record({"number": TEXT, "share": {"type": "number", "minimum": 0, "maximum": 1}})),
    }
)
