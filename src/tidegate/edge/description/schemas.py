"""JSON Schemas (2020-12) of what the HTTP face takes and gives, for `/openapi.json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tidegate.cloudapi.vocabulary import Category
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
from tidegate.edge.description.health import NUMBER_HEALTH
from tidegate.edge.description.keys import APP_KEY, APP_KEY_MADE, APP_KEY_ORDER, APP_KEYS
from tidegate.edge.description.kpis import KPIS
from tidegate.edge.description.messages import (
    CANCELLED,
    DECISION,
    GRAPH_ERROR,
    MESSAGE,
    MESSAGE_STATE,
    QUEUE,
    SEND_ANSWER,
)
from tidegate.edge.description.outcomes import OUTCOMES, OUTCOMES_TAKEN, REPORT
from tidegate.edge.description.plan import PLAN, PLAN_ORDER, UPGRADE
from tidegate.edge.description.recipients import CONSENT_ORDER, ERASED, RECIPIENT
from tidegate.edge.description.standing import BREAKER, PAUSE, PAUSE_ORDER, QUALITY, STANDING
from tidegate.edge.description.wallets import TOP_UP, TOP_UP_ORDER, WALLET
from tidegate.edge.description.webhooks import DEAD_WEBHOOKS, REPLAY_ORDER, REPLAYED, WEBHOOKS
from tidegate.edge.shapes import COUNT, TEXT, TIME, Schema, array, maybe, record, words

_COUNT_BY_CATEGORY: Final = record({category.value: COUNT for category in Category})


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


SCHEMAS: Final[dict[str, Schema]] = {
    "Message": MESSAGE,
    "SendAnswer": SEND_ANSWER,
    "GraphError": GRAPH_ERROR,
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
    "MessageState": MESSAGE_STATE,
    "Cancelled": CANCELLED,
    "Decision": DECISION,
    "NumberHealth": NUMBER_HEALTH,
    "Recipient": RECIPIENT,
    "ConsentOrder": CONSENT_ORDER,
    "Erased": ERASED,
    "Queue": QUEUE,
    "Breaker": BREAKER,
    "BreakerClosing": {**record({"id": TEXT, "reason": TEXT}), "additionalProperties": False},
    "BooksOrder": {**record({"portfolio": TEXT, "reason": TEXT}), "additionalProperties": False},
    "BooksAccepted": record({"portfolio": TEXT, "held_until": maybe(TIME), "accepted": {"type": "boolean"}}),
    "Standing": STANDING,
    "Quality": QUALITY,
    "Pause": PAUSE,
    "Pauses": record({"pauses": array(PAUSE)}),
    "PauseOrder": PAUSE_ORDER,
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
