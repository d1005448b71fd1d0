"""The numbers: how each stands, and whether anything stops it."""

from __future__ import annotations

from typing import Any

from tidegate.edge.calls import Call
from tidegate.edge.control.standing import standing_of
from tidegate.edge.dashboard import tones
from tidegate.edge.dashboard.concerns import is_about_number
from tidegate.edge.dashboard.pace import paced


async def gather(call: Call) -> dict[str, Any]:
    """All numbers that the app may use."""
    standing = await standing_of(call)
    stops = [*standing["pauses"], *standing["breakers"]]
    numbers = [
        {**number, "stops": sum(is_about_number(stop["scope"], number) for stop in stops)}
        for number in await paced(call, standing["numbers"])
    ]
    return {"numbers": numbers, "tones": tones}
