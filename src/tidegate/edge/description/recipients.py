"""The JSON Schemas of what is known of a user, for `/openapi.json`."""

from __future__ import annotations

from typing import Final

from tidegate.cloudapi.vocabulary import Category
from tidegate.edge.control.consent import LONGEST_SOURCE
from tidegate.edge.shapes import COUNT, TEXT, TIME, Schema, array, maybe, record, words
from tidegate.policy.breaker import State
from tidegate.policy.reach import Covers
from tidegate.policy.verdict import Reason

_FLAG: Final[Schema] = {"type": "boolean"}
_BY_CATEGORY: Final = {category.value: _FLAG for category in Category}
_WORD: Final = record({"granted": _FLAG, "source": TEXT, "at": TIME})
_HELD: Final = record(
    {
        "rule": TEXT,
        "scope": {"type": "string", "enum": ["recipient", "pair"]},
        "covers": words(Covers),
        "reason": words(Reason),
        "state": words(State),
        "cause": TEXT,
        "since": TIME,
        "until": maybe(TIME),
    }
)
RECIPIENT: Final[Schema] = record(
    {
        "recipient": TEXT,
        **{category.value: maybe(_FLAG) for category in Category},
        "portfolios": array(
            record(
                {
                    "portfolio": TEXT,
                    "consent": {"type": "object", "additionalProperties": _WORD},
                    "zone": maybe(TEXT),
                    "held": array(_HELD),
                    "marketing_sent": array(TIME),
                }
            )
        ),
    }
)
CONSENT_ORDER: Final[Schema] = {
    "type": "object",
    "properties": {
        **_BY_CATEGORY,
        "source": {"type": "string", "minLength": 1, "maxLength": LONGEST_SOURCE},
        "at": TIME,
        "zone": {"type": ["string", "null"], "examples": ["Europe/Rome"]},
    },
    "anyOf": [{"required": [key]} for key in (*_BY_CATEGORY, "zone")],
    "additionalProperties": False,
}
ERASED: Final[Schema] = record(
    {
        "recipient": TEXT,
        "erased": {"const": True},
        "cancelled": COUNT,
        "webhooks": COUNT,
        "rows": COUNT,
        "kept": array(TEXT),
    }
)
