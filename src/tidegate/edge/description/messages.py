"""The schemas of messages: as they are sent and answered, what becomes of them, and where they wait."""

from __future__ import annotations

from typing import Final

from tidegate.cloudapi.vocabulary import Category
from tidegate.edge.shapes import COUNT, TEXT, TIME, Schema, array, maybe, record, words
from tidegate.policy.lifecycle import State
from tidegate.policy.rules import Delivery, Mode
from tidegate.policy.verdict import Reason

REASON: Final[Schema] = {"type": ["string", "null"], "enum": [*(reason.value for reason in Reason), None]}
_VERDICT: Final[Schema] = {"type": "string", "enum": ["send", "queue", "reject", "unknown"]}
_OF_MESSAGE: Final = ("waba", "number", "app", "category", "type", "template", "campaign", "rules_version")
_ANSWER: Final = record(
    {
        "guardrail": TEXT,
        "mode": words(Mode),
        "objects": {"type": "boolean"},
        "reason": REASON,
        "detail": maybe(TEXT),
        "until": maybe(TIME),
    }
)
_EXPLANATION: Final = {"verdict": _VERDICT, "reason": REASON, "until": maybe(TIME)}

MESSAGE: Final[Schema] = {
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
}
SEND_ANSWER: Final[Schema] = {
    "type": "object",
    "description": "Meta's answer, or one of its shape for a message that is queued or of unknown outcome.",
    "properties": {
        "messaging_product": TEXT,
        "contacts": array({"type": "object"}),
        "messages": array({"type": "object"}),
        "tidegate": {"type": "object"},
    },
}
GRAPH_ERROR: Final = record(
    {
        "error": record(
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
)
MESSAGE_STATE: Final = record(
    {
        "id": TEXT,
        "state": words(State),
        "wamid": maybe(TEXT),
        "verdict": _VERDICT,
        "reason": REASON,
        "until": maybe(TIME),
        "unresolved": {"type": "boolean"},
        "unresolved_at": maybe(TIME),
        "expires_at": maybe(TIME),
        "portfolio": TEXT,
        "delivery": words(Delivery),
        "biz_opaque_callback_data": maybe(TEXT),
        **dict.fromkeys(_OF_MESSAGE, maybe(TEXT)),
        "history": array(record({"at": TIME, "state": words(State), "cause": TEXT})),
        "guardrails": maybe(record({**_EXPLANATION, "guardrails": array(_ANSWER)})),
    },
    optional=("guardrails",),
)
CANCELLED: Final = record({"id": TEXT, "state": {"const": "cancelled"}})
DECISION: Final = record(
    {
        **_EXPLANATION,
        "guardrails": array(_ANSWER),
        "category": TEXT,
        "rules_version": TEXT,
        "facts": record(
            {
                "as_of": TIME,
                "epoch": COUNT,
                "used": COUNT,
                "recipient_counted": {"type": "boolean"},
                "service_window_until": maybe(TIME),
                "pair_turn_at": maybe(TIME),
                "throughput_turn_at": maybe(TIME),
                "place_at": maybe(TIME),
            }
        ),
    }
)
QUEUE: Final = record(
    {
        "waiting": COUNT,
        "lanes": array(
            record(
                {
                    "portfolio": TEXT,
                    "number": TEXT,
                    "category": words(Category),
                    "waiting": COUNT,
                    "waiting_for_place": COUNT,
                    "oldest_at": maybe(TIME),
                    "next_attempt_at": maybe(TIME),
                    "reason": REASON,
                    "until": maybe(TIME),
                }
            )
        ),
    }
)
