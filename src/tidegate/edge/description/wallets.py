"""JSON Schemas of what the control plane says of wallets."""

from __future__ import annotations

from typing import Final

from tidegate.edge.shapes import TEXT, TIME, Schema, maybe, record

_AMOUNT: Final[Schema] = {"type": "string", "examples": ["250.00", "-0.0118"]}
_AMOUNTS: Final[dict[str, Schema]] = {
    "currency": maybe(TEXT),
    "topped_up": _AMOUNT,
    "balance": _AMOUNT,
    "in_use": {"type": "boolean"},
}

WALLET: Final[Schema] = record({"waba": TEXT, "as_of": TIME, **_AMOUNTS})
TOP_UP: Final[Schema] = record(
    {"waba": TEXT, "reference": TEXT, "amount": _AMOUNT, "applied": {"type": "boolean"}, **_AMOUNTS}
)
TOP_UP_ORDER: Final[Schema] = {
    **record({"amount": {"type": ["string", "number"], "examples": ["250.00"]}, "reference": TEXT}),
    "additionalProperties": False,
}
