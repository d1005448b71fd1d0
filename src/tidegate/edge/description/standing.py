"""The schemas of what stops or slows sends, and of what Meta says of an account, its numbers and its templates."""

from __future__ import annotations

from typing import Final

from tidegate.edge.control.pauses import SCOPES
from tidegate.edge.description.health import ACCOUNT
from tidegate.edge.shapes import COUNT, TEXT, TIME, Schema, array, maybe, record, words
from tidegate.policy.breaker import State
from tidegate.policy.reach import Action, Covers
from tidegate.policy.rules import Mode
from tidegate.policy.verdict import Reason
from tidegate.policy.warning_metric import Counter, Metric

_SCOPE: Final[Schema] = {
    "type": "object",
    "properties": {scope: TEXT for scope in SCOPES},
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": False,
}
PAUSE: Final = record({"id": TEXT, "scope": _SCOPE, "reason": TEXT, "since": TIME, "until": maybe(TIME), "by": TEXT})
_RATE: Final[Schema] = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
_SENT: Final = record(
    {
        "waba": TEXT,
        "template": TEXT,
        "language": TEXT,
        "campaign": TEXT,
        "app": TEXT,
        **{counter.value: COUNT for counter in Counter},
        "worst": {"type": ["string", "null"], "enum": [*(metric.value for metric in Metric), None]},
        "rate": _RATE,
        "usual": _RATE,
        "evidence": {"type": "number", "minimum": 0},
    },
    optional=("waba", "template", "language", "campaign", "app"),
)
_SENT_IN: Final = record({"templates": array(_SENT), "campaigns": array(_SENT), "apps": array(_SENT)})
BREAKER: Final = record(
    {
        "id": TEXT,
        "portfolio": TEXT,
        "rule": TEXT,
        "mode": words(Mode),
        "scope": {"type": "object", "minProperties": 1, "maxProperties": 1},
        "covers": words(Covers),
        "action": words(Action),
        "reason": words(Reason),
        "state": words(State),
        "share": _RATE,
        "cause": TEXT,
        "since": maybe(TIME),
        "until": maybe(TIME),
    }
)

STANDING: Final = record(
    {
        "breakers": array(BREAKER),
        "portfolios": array(
            record(
                {
                    "id": TEXT,
                    "epoch": COUNT,
                    "messaging_limit": maybe(COUNT),
                    "unlimited": {"type": "boolean"},
                    "limit_source": TEXT,
                    "since": maybe(TIME),
                    "books": record(
                        {"whole": {"type": "boolean"}, "held_until": maybe(TIME), "waiting_for": array(TEXT)}
                    ),
                }
            )
        ),
        "accounts": array({**ACCOUNT, "properties": {**ACCOUNT["properties"], "portfolio": TEXT}}),
        "numbers": array(
            record(
                {
                    "id": TEXT,
                    "portfolio": TEXT,
                    "waba": TEXT,
                    "status": TEXT,
                    "quality": TEXT,
                    "throughput": COUNT,
                    "since": maybe(TIME),
                }
            )
        ),
        "templates": array(
            record(
                {
                    "id": maybe(TEXT),
                    "portfolio": TEXT,
                    "waba": TEXT,
                    "name": TEXT,
                    "language": TEXT,
                    "category": maybe(TEXT),
                    "status": maybe(TEXT),
                    "quality": TEXT,
                    "since": maybe(TIME),
                }
            )
        ),
        "pauses": array(PAUSE),
    }
)
QUALITY: Final = record(
    {
        "days": COUNT,
        "truncated": {"type": "boolean"},
        "changes": array(
            record(
                {
                    "at": TIME,
                    "since": TIME,
                    "portfolio": TEXT,
                    "kind": TEXT,
                    "key": TEXT,
                    "field": TEXT,
                    "source": TEXT,
                    "from": {},
                    "to": {},
                    "cause": TEXT,
                    "sent_before": maybe(record({"last_24h": _SENT_IN, "last_7d": _SENT_IN})),
                },
                optional=("sent_before",),
            )
        ),
    }
)
PAUSE_ORDER: Final[Schema] = {
    **record(
        {"scope": _SCOPE, "reason": TEXT, "for": {"type": ["string", "number", "null"], "examples": ["30m"]}},
        optional=("for",),
    ),
    "additionalProperties": False,
}
