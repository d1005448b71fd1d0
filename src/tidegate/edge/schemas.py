"""JSON Schemas (2020-12) of what the HTTP face takes and gives, for `/openapi.json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tidegate.cloudapi.vocabulary import Category
from tidegate.edge.control.pauses import SCOPES
from tidegate.edge.denials import Kind
from tidegate.policy.lifecycle import State
from tidegate.policy.rules import Mode
from tidegate.policy.verdict import Reason

Schema = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
TIME: Final[Schema] = {"type": "string", "format": "date-time"}
REASON: Final[Schema] = {"type": ["string", "null"], "enum": [*(reason.value for reason in Reason), None]}


def _maybe(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


def _words(words: Any) -> Schema:
    return {"type": "string", "enum": [word.value for word in words]}


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def _object(properties: Mapping[str, Schema], optional: tuple[str, ...] = ()) -> Schema:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": dict(properties), "required": required}


def _problem(more: Mapping[str, Schema]) -> Schema:
    known = {
        "type": TEXT,
        "title": TEXT,
        "status": {"type": "integer"},
        "detail": TEXT,
        "code": _words(Kind),
        "request_id": TEXT,
    }
    return _object({**known, **more}, optional=("request_id",))


def ref(name: str) -> Schema:
    """A reference to the schema of this name."""
    return {"$ref": f"#/components/schemas/{name}"}


_VERDICT: Final[Schema] = {"type": "string", "enum": ["send", "queue", "reject", "unknown"]}
_COUNT_BY_CATEGORY: Final = _object({category.value: COUNT for category in Category})
_SCOPE: Final[Schema] = {
    "type": "object",
    "properties": {scope: TEXT for scope in SCOPES},
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": False,
}
_PAUSE: Final = _object({"id": TEXT, "scope": _SCOPE, "reason": TEXT, "since": TIME, "until": _maybe(TIME), "by": TEXT})
_ANSWER: Final = _object(
    {
        "guardrail": TEXT,
        "mode": _words(Mode),
        "objects": {"type": "boolean"},
        "reason": REASON,
        "detail": _maybe(TEXT),
        "until": _maybe(TIME),
    }
)
_EXPLANATION: Final = {"verdict": _VERDICT, "reason": REASON, "until": _maybe(TIME)}

SCHEMAS: Final[dict[str, Schema]] = {
    "Message": {
        "type": "object",
        "description": 'A message as Meta\'s page "Send messages" describes it; fields not known here are passed on.',
        "properties": {
            "messaging_product": {"const": "whatsapp"},
            "to": TEXT,
            "recipient": TEXT,
            "type": TEXT,
            "template": {"type": "object"},
        },
        "required": ["messaging_product"],
    },
    "SendAnswer": {
        "type": "object",
        "description": "Meta's answer, or one of its shape for a message that is queued or of unknown outcome.",
        "properties": {
            "messaging_product": TEXT,
            "contacts": _list({"type": "object"}),
            "messages": _list({"type": "object"}),
            "tidegate": {"type": "object"},
        },
    },
    "GraphError": _object(
        {
            "error": _object(
                {
                    "message": TEXT,
                    "type": TEXT,
                    "code": {"type": "integer"},
                    "error_subcode": {"type": "integer"},
                    "is_transient": {"type": "boolean"},
                    "error_data": {"type": "object"},
                    "fbtrace_id": TEXT,
                    "tidegate": {"type": "object"},
                },
                optional=("error_subcode", "is_transient", "error_data", "fbtrace_id", "tidegate"),
            )
        }
    ),
    "Problem": _problem({}),
    "Graph": {"description": "Whatever Graph answers."},
    "Capacity": _object(
        {
            "portfolio": TEXT,
            "as_of": TIME,
            "messaging_limit": _maybe(COUNT),
            "unlimited": {"type": "boolean"},
            "limit_source": TEXT,
            "headroom": COUNT,
            "used": COUNT,
            "available": {"anyOf": [_COUNT_BY_CATEGORY, {"type": "null"}]},
            "next_release_at": _maybe(TIME),
            "releases": _list(_object({"at": TIME, "places": COUNT})),
            "queued": _COUNT_BY_CATEGORY,
        }
    ),
    "MessageState": _object(
        {
            "id": TEXT,
            "state": _words(State),
            "wamid": _maybe(TEXT),
            "verdict": _VERDICT,
            "reason": REASON,
            "until": _maybe(TIME),
            "expires_at": _maybe(TIME),
            "portfolio": TEXT,
            **{name: _maybe(TEXT) for name in ("waba", "number", "app", "category", "type", "template", "campaign")},
            "history": _list(_object({"at": TIME, "state": _words(State), "cause": TEXT})),
        }
    ),
    "Cancelled": _object({"id": TEXT, "state": {"const": "cancelled"}}),
    "Decision": _object(
        {
            **_EXPLANATION,
            "guardrails": _list(_ANSWER),
            "category": TEXT,
            "rules_version": TEXT,
            "facts": _object(
                {
                    "as_of": TIME,
                    "epoch": COUNT,
                    "used": COUNT,
                    "recipient_counted": {"type": "boolean"},
                    "service_window_until": _maybe(TIME),
                    "pair_turn_at": _maybe(TIME),
                    "throughput_turn_at": _maybe(TIME),
                    "place_at": _maybe(TIME),
                }
            ),
        }
    ),
    "Queue": _object(
        {
            "waiting": COUNT,
            "lanes": _list(
                _object(
                    {
                        "portfolio": TEXT,
                        "number": TEXT,
                        "category": _words(Category),
                        "waiting": COUNT,
                        "waiting_for_place": COUNT,
                        "oldest_at": _maybe(TIME),
                        "next_attempt_at": _maybe(TIME),
                        "reason": REASON,
                        "until": _maybe(TIME),
                    }
                )
            ),
        }
    ),
    "Standing": _object(
        {
            "portfolios": _list(
                _object(
                    {
                        "id": TEXT,
                        "epoch": COUNT,
                        "messaging_limit": _maybe(COUNT),
                        "unlimited": {"type": "boolean"},
                        "limit_source": TEXT,
                        "since": _maybe(TIME),
                    }
                )
            ),
            "numbers": _list(
                _object(
                    {
                        "id": TEXT,
                        "portfolio": TEXT,
                        "waba": TEXT,
                        "status": TEXT,
                        "quality": TEXT,
                        "throughput": COUNT,
                        "since": _maybe(TIME),
                    }
                )
            ),
            "templates": _list(
                _object(
                    {
                        "id": _maybe(TEXT),
                        "portfolio": TEXT,
                        "waba": TEXT,
                        "name": TEXT,
                        "language": TEXT,
                        "category": _maybe(TEXT),
                        "status": _maybe(TEXT),
                        "quality": TEXT,
                        "since": _maybe(TIME),
                    }
                )
            ),
            "pauses": _list(_PAUSE),
        }
    ),
    "Quality": _object(
        {
            "days": COUNT,
            "truncated": {"type": "boolean"},
            "changes": _list(
                _object(
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
                    }
                )
            ),
        }
    ),
    "Pause": _PAUSE,
    "Pauses": _object({"pauses": _list(_PAUSE)}),
    "PauseOrder": {
        **_object(
            {"scope": _SCOPE, "reason": TEXT, "for": {"type": ["string", "number", "null"], "examples": ["30m"]}},
            optional=("for",),
        ),
        "additionalProperties": False,
    },
    "Resumed": _object({"id": TEXT, "state": {"const": "resumed"}}),
    "Clock": _object({"now_ms": COUNT}),
    "ClockAdvance": {
        **_object({"advance_s": {"type": "number", "minimum": 0}}),
        "additionalProperties": False,
    },
    "RulesInForce": _object({"version": TEXT, "rules": {"type": "object"}}),
    "RulesOrder": {
        "type": "object",
        "description": "The tables of [rules], or an object whose one member `rules` holds them.",
    },
    "RulesRefused": _problem(
        {"faults": _list(_object({"path": TEXT, "problem": TEXT, "nearest": _maybe(TEXT)}))},
    ),
    "Health": _object({"status": TEXT, "version": TEXT}),
}
