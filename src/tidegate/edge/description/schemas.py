"""JSON Schemas (2020-12) of what the HTTP face takes and gives, for `/openapi.json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tidegate.cloudapi.vocabulary import Category
from tidegate.edge.control.pauses import SCOPES
from tidegate.edge.denials import Kind
from tidegate.edge.description.audit import AUDIT
from tidegate.edge.description.campaigns import (
    AUDIENCE_TAKEN,
    CAMPAIGN,
    CAMPAIGN_DELETED,
    CAMPAIGN_ORDER,
    CAMPAIGN_REASON,
    CAMPAIGNS,
)
from tidegate.edge.description.health import ACCOUNT, NUMBER_HEALTH
from tidegate.edge.description.keys import APP_KEY, APP_KEY_MADE, APP_KEY_ORDER, APP_KEYS
from tidegate.edge.description.kpis import KPIS
from tidegate.edge.description.outcomes import OUTCOMES, OUTCOMES_TAKEN, REPORT
from tidegate.edge.description.plan import PLAN, PLAN_ORDER, UPGRADE
from tidegate.edge.description.recipients import CONSENT_ORDER, ERASED, RECIPIENT
from tidegate.edge.description.wallets import TOP_UP, TOP_UP_ORDER, WALLET
from tidegate.edge.description.webhooks import DEAD_WEBHOOKS, REPLAY_ORDER, REPLAYED, WEBHOOKS
from tidegate.edge.shapes import COUNT, TEXT, TIME, Schema, array, maybe, record, words
from tidegate.policy.breaker import State as BreakerState
from tidegate.policy.lifecycle import State
from tidegate.policy.reach import Action, Covers
from tidegate.policy.rules import Delivery, Mode
from tidegate.policy.verdict import Reason
from tidegate.policy.warning_metric import Counter, Metric

REASON: Final[Schema] = {"type": ["string", "null"], "enum": [*(reason.value for reason in Reason), None]}


def _problem(more: Mapping[str, Schema]) -> Schema:
    """A problem of RFC 9457, with members of its own."""
    return record(
        {
            "type": TEXT,
            "title": TEXT,
            "status": {"type": "integer"},
            "detail": TEXT,
            "code": words(Kind),
            "request_id": TEXT,
            **more,
        },
        optional=("request_id",),
    )


_VERDICT: Final[Schema] = {"type": "string", "enum": ["send", "queue", "reject", "unknown"]}
_COUNT_BY_CATEGORY: Final = record({category.value: COUNT for category in Category})
_SCOPE: Final[Schema] = {
    "type": "object",
    "properties": {scope: TEXT for scope in SCOPES},
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": False,
}
_PAUSE: Final = record({"id": TEXT, "scope": _SCOPE, "reason": TEXT, "since": TIME, "until": maybe(TIME), "by": TEXT})
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
_OF_MESSAGE: Final = ("waba", "number", "app", "category", "type", "template", "campaign", "rules_version")
_BREAKER: Final = record(
    {
        "id": TEXT,
        "portfolio": TEXT,
        "rule": TEXT,
        "mode": words(Mode),
        "scope": {"type": "object", "minProperties": 1, "maxProperties": 1},
        "covers": words(Covers),
        "action": words(Action),
        "reason": words(Reason),
        "state": words(BreakerState),
        "share": _RATE,
        "cause": TEXT,
        "since": maybe(TIME),
        "until": maybe(TIME),
    }
)
_EXPLANATION: Final = {"verdict": _VERDICT, "reason": REASON, "until": maybe(TIME)}

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
            "contacts": array({"type": "object"}),
            "messages": array({"type": "object"}),
            "tidegate": {"type": "object"},
        },
    },
    "GraphError": record(
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
    ),
    "Problem": _problem({}),
    "Graph": {"description": "Whatever Graph answers."},
    "Capacity": record(
        {
            "portfolio": TEXT,
            "as_of": TIME,
            "messaging_limit": maybe(COUNT),
            "unlimited": {"type": "boolean"},
            "limit_source": TEXT,
            "headroom": COUNT,
            "used": COUNT,
            "available": {"anyOf": [_COUNT_BY_CATEGORY, {"type": "null"}]},
            "next_release_at": maybe(TIME),
            "releases": array(record({"at": TIME, "places": COUNT})),
            "queued": _COUNT_BY_CATEGORY,
            "limit_share": maybe(
                record(
                    {
                        "app": TEXT,
                        "places": maybe(COUNT),
                        "used": COUNT,
                        "available": maybe(COUNT),
                        "next_release_at": maybe(TIME),
                    }
                )
            ),
        }
    ),
    "MessageState": record(
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
    ),
    "Cancelled": record({"id": TEXT, "state": {"const": "cancelled"}}),
    "Decision": record(
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
    ),
    "NumberHealth": NUMBER_HEALTH,
    "Recipient": RECIPIENT,
    "ConsentOrder": CONSENT_ORDER,
    "Erased": ERASED,
    "Queue": record(
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
    ),
    "Breaker": _BREAKER,
    "BreakerClosing": {**record({"id": TEXT, "reason": TEXT}), "additionalProperties": False},
    "BooksOrder": {**record({"portfolio": TEXT, "reason": TEXT}), "additionalProperties": False},
    "BooksAccepted": record({"portfolio": TEXT, "held_until": maybe(TIME), "accepted": {"type": "boolean"}}),
    "Standing": record(
        {
            "breakers": array(_BREAKER),
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
            "pauses": array(_PAUSE),
        }
    ),
    "Quality": record(
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
    ),
    "Pause": _PAUSE,
    "Pauses": record({"pauses": array(_PAUSE)}),
    "PauseOrder": {
        **record(
            {"scope": _SCOPE, "reason": TEXT, "for": {"type": ["string", "number", "null"], "examples": ["30m"]}},
            optional=("for",),
        ),
        "additionalProperties": False,
    },
    "Audit": AUDIT,
    "AppKeys": APP_KEYS,
    "AppKey": APP_KEY,
    "AppKeyMade": APP_KEY_MADE,
    "AppKeyOrder": APP_KEY_ORDER,
    "Webhooks": WEBHOOKS,
    "DeadWebhooks": DEAD_WEBHOOKS,
    "ReplayOrder": REPLAY_ORDER,
    "Replayed": REPLAYED,
    "Campaigns": CAMPAIGNS,
    "Campaign": CAMPAIGN,
    "CampaignOrder": CAMPAIGN_ORDER,
    "CampaignDeleted": CAMPAIGN_DELETED,
    "PlanOrder": PLAN_ORDER,
    "Plan": PLAN,
    "Upgrade": UPGRADE,
    "CampaignReason": CAMPAIGN_REASON,
    "AudienceTaken": AUDIENCE_TAKEN,
    "Report": REPORT,
    "Outcomes": OUTCOMES,
    "OutcomesTaken": OUTCOMES_TAKEN,
    "Kpis": KPIS,
    "Wallet": WALLET,
    "TopUp": TOP_UP,
    "TopUpOrder": TOP_UP_ORDER,
    "Resumed": record({"id": TEXT, "state": {"const": "resumed"}}),
    "Clock": record({"now_ms": COUNT}),
    "ClockAdvance": {
        **record({"advance_s": {"type": "number", "minimum": 0}}),
        "additionalProperties": False,
    },
    "RulesInForce": record({"version": TEXT, "rules": {"type": "object"}}),
    "RulesOrder": {
        "type": "object",
        "description": "The tables of [rules], or an object whose one member `rules` holds them.",
    },
    "Refused": _problem(
        {"faults": array(record({"path": TEXT, "problem": TEXT, "nearest": maybe(TEXT)}))},
    ),
    "Health": record({"status": TEXT, "version": TEXT}),
}
