"""How fast numbers send, beside how fast they may."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tidegate.edge.calls import Call
from tidegate.edge.control.health import throughput_told


async def paced(call: Call, numbers: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Numbers of `GET /standing`, each with its `pace` (as `throughput` of its health)."""
    found = list(numbers)
    rates = {
        portfolio: await call.services.send_rates.of(
            portfolio, [number["id"] for number in found if number["portfolio"] == portfolio]
        )
        for portfolio in {number["portfolio"]: None for number in found}
    }
    return [
        {**number, "pace": throughput_told(number["throughput"], rates[number["portfolio"]][number["id"]])}
        for number in found
    ]
