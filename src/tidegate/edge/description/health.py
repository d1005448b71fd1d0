"""The JSON Schemas of a number's health, and of its account's, for `/openapi.json`."""

from __future__ import annotations

from typing import Final

from tidegate.cloudapi.vocabulary import Review, Verification
from tidegate.edge.shapes import COUNT, TEXT, TIME, Schema, array, maybe, record, words
from tidegate.policy.health import QUALITY_WORDS, AccountStatus, PaymentMethod
from tidegate.policy.health_advice import METRICS, WORDS
from tidegate.policy.readiness import Kind

_FIGURE: Final = {"type": "number"}
_REMARK: Final = record(
    {
        "kind": words(Kind),
        "detail": TEXT,
        "rule": maybe(TEXT),
        "cause": maybe(TEXT),
        "since": maybe(TIME),
        "until": maybe(TIME),
        "limit": maybe(COUNT),
    }
)
ACCOUNT: Final = record(
    {
        "waba": TEXT,
        "review": words(Review),
        "verification": words(Verification),
        "payment_method": words(PaymentMethod),
        "since": maybe(TIME),
    }
)
NUMBER_HEALTH: Final[Schema] = record(
    {
        "number": TEXT,
        "waba": TEXT,
        "portfolio": TEXT,
        "as_of": TIME,
        "quality": record(
            {"word": {"type": "string", "enum": [*QUALITY_WORDS.values()]}, "rating": words(QUALITY_WORDS)}
        ),
        "account_status": words(AccountStatus),
        "messaging_limit": maybe(COUNT),
        "unlimited": {"type": "boolean"},
        "limit_source": TEXT,
        "payment_method": words(PaymentMethod),
        "included_conversations": maybe(COUNT),
        "wallet_balance": maybe(TEXT),
        "daily_limit": record({"limit": maybe(COUNT), "headroom": COUNT, "used": COUNT, "left": maybe(COUNT)}),
        "throughput": record({"allowed": COUNT, "used": maybe(_FIGURE), "over_s": maybe(_FIGURE)}),
        "account": ACCOUNT,
        "metrics": array(
            record(
                {
                    "metric": {"type": "string", "enum": list(METRICS)},
                    "code": {"type": "string", "enum": list(WORDS)},
                    "meaning": TEXT,
                    "do": TEXT,
                }
            )
        ),
        "campaign_readiness": record(
            {"ready": {"type": "boolean"}, "reasons": array(_REMARK), "notes": array(_REMARK)}
        ),
    }
)
