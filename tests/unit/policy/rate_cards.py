"""A small rate card for tests. All figures are invented."""

from __future__ import annotations

from typing import Any

from tidegate.policy.rate_card import RateCard


def market(*prefixes: str) -> dict[str, Any]:
    """A market of these prefixes, as the configuration writes it."""
    return {"prefixes": prefixes, "marketing": "0.02", "utility": "0.003", "authentication": 0.0025}


CARD = RateCard.model_validate(
    {
        "currency": "USD",
        "markets": {
            "india": market("91") | {"service": "0.0035"},
            "north_america": market("1") | {"marketing": "0.025"},
            "caribbean": market("1809", "1829") | {"utility": "0.008"},
            "other": market("*") | {"marketing": "0.06"},
        },
    }
)
