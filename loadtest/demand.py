"""How much of a limit was used while there was anybody to send to: by the platform's book and by zones of our own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from loadtest.deployment import PORTFOLIO
from loadtest.recipients import Night, zone_of
from tidegate.simulator.book import Accepted
from tidegate.simulator.world import World

_STEP_MS: Final = 60_000


def limit_used(
    world: World, sends: Iterable[Accepted], night: Night | None, most: float, full_at_ms: int | None
) -> float | None:
    """The time average of users who count, over the share `most` of the limit, since that was first full; 0 to 1.

    `sends` of the campaign, all of them. Only the time counts in which somebody was left to whom it was day: what
    nobody may be sent is no waste. None where it never was full, or was only at the end.
    """
    last_ms: dict[str, int] = {}
    for send in sends:
        zone = zone_of(send.user)
        if zone is not None:
            last_ms[zone] = send.at_ms
    if full_at_ms is None or not last_ms:
        return None
    used = length_ms = 0.0
    for begin_ms, end_ms in _spans(last_ms, night, full_at_ms):
        used += world.utilisation(PORTFOLIO, begin_ms, end_ms, most) / most * (end_ms - begin_ms)
        length_ms += end_ms - begin_ms
    return used / length_ms if length_ms else None


def _spans(last_ms: dict[str, int], night: Night | None, from_ms: int) -> Iterator[tuple[int, int]]:
    """When somebody was left to whom it was day, to the minute."""
    begin_ms: int | None = None
    end_ms = max(last_ms.values())
    for at_ms in range(from_ms, end_ms, _STEP_MS):
        wanted = any(
            at_ms < zone_end_ms and not (night is not None and night.covers(at_ms, zone))
            for zone, zone_end_ms in last_ms.items()
        )
        if wanted and begin_ms is None:
            begin_ms = at_ms
        elif not wanted and begin_ms is not None:
            yield begin_ms, at_ms
            begin_ms = None
    if begin_ms is not None and begin_ms < end_ms:
        yield begin_ms, end_ms
